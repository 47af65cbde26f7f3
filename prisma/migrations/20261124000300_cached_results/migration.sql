-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'REFRESH';

-- AlterTable
ALTER TABLE "Asset" ADD COLUMN     "refreshFailures" INTEGER NOT NULL DEFAULT 0;

-- CreateTable: unlogged, for what is in it can be computed again.
CREATE UNLOGGED TABLE "CachedResult" (
    "key" TEXT NOT NULL,
    "companyId" UUID NOT NULL,
    "assetId" UUID NOT NULL,
    "connectionId" UUID NOT NULL,
    "sealed" BYTEA NOT NULL,
    "bytes" INTEGER NOT NULL,
    "computedAt" TIMESTAMPTZ(3) NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "CachedResult_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE INDEX "CachedResult_companyId_computedAt_key_bytes_idx" ON "CachedResult"("companyId", "computedAt", "key", "bytes");

-- CreateIndex
CREATE INDEX "CachedResult_assetId_idx" ON "CachedResult"("assetId");

-- CreateIndex
CREATE INDEX "CachedResult_connectionId_idx" ON "CachedResult"("connectionId");

-- CreateIndex
CREATE INDEX "CachedResult_expiresAt_idx" ON "CachedResult"("expiresAt");

-- By hand: what Prisma's schema cannot say.
ALTER TABLE "CachedResult"
    ALTER COLUMN "sealed" SET STORAGE EXTERNAL,
    ADD CONSTRAINT "CachedResult_bytes" CHECK ("bytes" >= length("sealed")),
    ADD CONSTRAINT "CachedResult_expiry" CHECK ("expiresAt" > "computedAt");
ALTER TABLE "Asset" ADD CONSTRAINT "Asset_refreshFailures" CHECK ("refreshFailures" >= 0);

CREATE INDEX "Asset_due" ON "Asset"("nextRun") WHERE "active" AND "cached" AND "schedule" IS NOT NULL;
-- Schedules that were written before anybody kept them.
UPDATE "Asset" SET "nextRun" = now() WHERE "schedule" IS NOT NULL;

-- Another version of an asset, or other credentials, have other keys: what was kept under the old ones goes at once.
CREATE FUNCTION asset_results_outdated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM "CachedResult" WHERE "assetId" = OLD."id";
    RETURN NULL;
END $$;
CREATE TRIGGER "Asset_results_outdated" AFTER UPDATE ON "Asset" FOR EACH ROW
    WHEN (OLD."version" <> NEW."version" OR OLD."active" <> NEW."active" OR OLD."cached" <> NEW."cached")
    EXECUTE FUNCTION asset_results_outdated();

CREATE FUNCTION connection_results_outdated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM "CachedResult" WHERE "connectionId" = OLD."id";
    RETURN NULL;
END $$;
CREATE TRIGGER "Connection_results_outdated" AFTER UPDATE ON "Connection" FOR EACH ROW
    WHEN (OLD."credentialsVersion" <> NEW."credentialsVersion" OR OLD."active" <> NEW."active")
    EXECUTE FUNCTION connection_results_outdated();
