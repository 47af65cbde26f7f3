-- CreateEnum
CREATE TYPE "ExportFormat" AS ENUM ('CSV', 'PARQUET', 'JSONL');

-- CreateEnum
CREATE TYPE "ExportStatus" AS ENUM ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED');

-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'EXPORT';

-- CreateTable
CREATE TABLE "Export" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "endpointId" UUID NOT NULL,
    "runId" UUID NOT NULL,
    "format" "ExportFormat" NOT NULL,
    "status" "ExportStatus" NOT NULL DEFAULT 'QUEUED',
    "parameters" JSONB,
    "isSpreadsheetSafe" BOOLEAN NOT NULL DEFAULT true,
    "fileName" TEXT NOT NULL,
    "maxRows" INTEGER NOT NULL,
    "rowsPerBlock" INTEGER NOT NULL,
    "creditsPerBlock" INTEGER NOT NULL,
    "centsPerBlock" INTEGER NOT NULL,
    "sellerShare" DECIMAL(5,4) NOT NULL,
    "creditsReserved" INTEGER NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "rowsRead" INTEGER NOT NULL DEFAULT 0,
    "rowCount" INTEGER,
    "byteCount" BIGINT,
    "isTruncated" BOOLEAN,
    "blockCount" INTEGER,
    "credits" INTEGER NOT NULL DEFAULT 0,
    "fileKey" TEXT,
    "errorCode" TEXT,
    "errorMessage" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "startedAt" TIMESTAMPTZ(3),
    "finishedAt" TIMESTAMPTZ(3),
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "Export_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "Export_runId_key" ON "Export"("runId");

-- CreateIndex
CREATE INDEX "Export_companyId_createdAt_id_idx" ON "Export"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Export_status_expiresAt_idx" ON "Export"("status", "expiresAt");

-- By hand: what Prisma's schema cannot say.
ALTER TABLE "Export"
    ADD CONSTRAINT "Export_bounds" CHECK ("maxRows" > 0 AND "rowsPerBlock" > 0 AND "attempt" >= 0 AND "rowsRead" >= 0),
    ADD CONSTRAINT "Export_price" CHECK ("creditsPerBlock" >= 0 AND "centsPerBlock" >= 0 AND "sellerShare" BETWEEN 0 AND 1),
    ADD CONSTRAINT "Export_credits" CHECK ("credits" BETWEEN 0 AND "creditsReserved"),
    ADD CONSTRAINT "Export_finished" CHECK (("status" IN ('QUEUED', 'RUNNING')) = ("finishedAt" IS NULL)),
    ADD CONSTRAINT "Export_succeeded" CHECK ("status" <> 'SUCCEEDED' OR num_nulls("rowCount", "byteCount", "isTruncated", "blockCount") = 0),
    ADD CONSTRAINT "Export_unpaid" CHECK ("status" = 'SUCCEEDED' OR ("credits" = 0 AND "fileKey" IS NULL)),
    ADD CONSTRAINT "Export_error" CHECK ("status" <> 'FAILED' OR "errorCode" IS NOT NULL);
