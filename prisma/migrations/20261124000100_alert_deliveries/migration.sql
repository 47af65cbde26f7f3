-- CreateEnum
CREATE TYPE "AlertDeliveryStatus" AS ENUM ('NONE', 'PENDING', 'DELIVERED', 'FAILED');

-- CreateEnum
CREATE TYPE "AlertDeliveryError" AS ENUM ('STATUS', 'REFUSED', 'REDIRECT', 'TIMEOUT', 'TOO_LARGE', 'UNREACHABLE', 'NO_ADDRESS', 'ABANDONED');

-- AlterTable
ALTER TABLE "AlertEvent" ADD COLUMN     "deliveryCount" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "deliveryStatus" "AlertDeliveryStatus" NOT NULL DEFAULT 'NONE',
ADD COLUMN     "nextDeliveryAt" TIMESTAMPTZ(3),
ADD COLUMN     "triesLeft" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Asset" ADD COLUMN     "reviewNote" TEXT,
ADD COLUMN     "reviewedAt" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "Endpoint" ADD COLUMN     "reviewNote" TEXT,
ADD COLUMN     "reviewedAt" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "AlertDelivery" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "alertEventId" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "startedAt" TIMESTAMPTZ(3) NOT NULL,
    "elapsedMs" INTEGER NOT NULL,
    "isSuccess" BOOLEAN NOT NULL,
    "httpStatus" INTEGER,
    "errorCode" "AlertDeliveryError",
    "errorMessage" TEXT,
    "nextAttemptAt" TIMESTAMPTZ(3),

    CONSTRAINT "AlertDelivery_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "AlertDelivery_companyId_startedAt_id_idx" ON "AlertDelivery"("companyId", "startedAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "AlertDelivery_alertEventId_attempt_key" ON "AlertDelivery"("alertEventId", "attempt");

-- CreateIndex
CREATE INDEX "AlertEvent_createdAt_idx" ON "AlertEvent"("createdAt");

-- CreateIndex
CREATE INDEX "AlertEvent_deliveryStatus_nextDeliveryAt_idx" ON "AlertEvent"("deliveryStatus", "nextDeliveryAt");

-- AddForeignKey
ALTER TABLE "AlertDelivery" ADD CONSTRAINT "AlertDelivery_alertEventId_fkey" FOREIGN KEY ("alertEventId") REFERENCES "AlertEvent"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand: what Prisma's schema cannot say.
ALTER TABLE "AlertEvent"
    ADD CONSTRAINT "AlertEvent_tries" CHECK ("deliveryCount" >= 0 AND "triesLeft" BETWEEN 0 AND 20),
    ADD CONSTRAINT "AlertEvent_pending" CHECK (("deliveryStatus" = 'PENDING') = ("nextDeliveryAt" IS NOT NULL) AND ("deliveryStatus" = 'PENDING') = ("triesLeft" > 0)),
    ADD CONSTRAINT "AlertEvent_delivered" CHECK ("deliveryStatus" NOT IN ('DELIVERED', 'FAILED') OR "deliveryCount" > 0);
ALTER TABLE "AlertDelivery"
    ADD CONSTRAINT "AlertDelivery_bounds" CHECK ("attempt" > 0 AND "elapsedMs" >= 0 AND "httpStatus" BETWEEN 100 AND 599 AND length("errorMessage") <= 300),
    ADD CONSTRAINT "AlertDelivery_error" CHECK ("isSuccess" = ("errorCode" IS NULL) AND ("errorCode" IS NULL) = ("errorMessage" IS NULL)),
    ADD CONSTRAINT "AlertDelivery_last" CHECK (NOT "isSuccess" OR "nextAttemptAt" IS NULL);
ALTER TABLE "Asset"
    ADD CONSTRAINT "Asset_review" CHECK ("reviewNote" IS NULL OR ("reviewedAt" IS NOT NULL AND length("reviewNote") BETWEEN 1 AND 2000));
ALTER TABLE "Endpoint"
    ADD CONSTRAINT "Endpoint_review" CHECK ("reviewNote" IS NULL OR ("reviewedAt" IS NOT NULL AND length("reviewNote") BETWEEN 1 AND 2000));
