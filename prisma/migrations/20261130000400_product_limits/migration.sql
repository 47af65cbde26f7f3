-- Unlogged: what a crash takes with it is counted anew, and no run waits for the log.
CREATE UNLOGGED TABLE "ProductLimit" (
    "scope" TEXT NOT NULL,
    "slot" BIGINT NOT NULL,
    "counts" INTEGER[],
    "isTaken" BOOLEAN NOT NULL,
    "expire" BIGINT NOT NULL,

    CONSTRAINT "ProductLimit_pkey" PRIMARY KEY ("scope")
);

-- By hand: every run of a limited product updates its row, so room for the next version stays on its page.
ALTER TABLE "ProductLimit" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Nothing counts runs by it any more.
ALTER TABLE "Run" DROP COLUMN "clientHash";
