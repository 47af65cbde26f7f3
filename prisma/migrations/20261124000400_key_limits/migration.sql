-- Unlogged: what a crash takes with it is counted anew, and no request waits for the log.
CREATE UNLOGGED TABLE "KeyLimit" (
    "key" VARCHAR(255) NOT NULL,
    "points" INTEGER NOT NULL DEFAULT 0,
    "expire" BIGINT,

    CONSTRAINT "KeyLimit_pkey" PRIMARY KEY ("key")
);

-- By hand: every request of a limited key updates its row, so room for the next version stays on its page.
ALTER TABLE "KeyLimit" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
