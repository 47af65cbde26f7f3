-- AlterTable
ALTER TABLE "IdempotencyKey" ADD COLUMN     "claim" UUID;

-- CreateTable
CREATE TABLE "UsageCheckpoint" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "countedTo" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "UsageCheckpoint_pkey" PRIMARY KEY ("id")
);



-- What ran before was counted by the processes of its time.
INSERT INTO "UsageCheckpoint" ("countedTo") VALUES (now());
