-- CreateTable
CREATE TABLE "BuyerTotal" (
    "sellerCompanyId" UUID NOT NULL,
    "buyerCompanyId" UUID NOT NULL,
    "runs" BIGINT NOT NULL,
    "successes" BIGINT NOT NULL,
    "credits" BIGINT NOT NULL,
    "firstSuccessAt" TIMESTAMPTZ(3),

    CONSTRAINT "BuyerTotal_pkey" PRIMARY KEY ("sellerCompanyId","buyerCompanyId")
);

-- CreateTable
CREATE TABLE "ProductTotal" (
    "productId" UUID NOT NULL,
    "buyerCompanyId" UUID NOT NULL,
    "runs" BIGINT NOT NULL,
    "successes" BIGINT NOT NULL,
    "lastRunAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ProductTotal_pkey" PRIMARY KEY ("productId","buyerCompanyId")
);

-- AlterTable
ALTER TABLE "Asset" ADD COLUMN     "popularity" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "trend" DOUBLE PRECISION NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Endpoint" ADD COLUMN     "popularity" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "trend" DOUBLE PRECISION NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "PopularityCount" (
    "id" INTEGER NOT NULL,
    "asOf" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "PopularityCount_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Asset_userId_createdAt_id_idx" ON "Asset"("userId", "createdAt", "id");

-- By hand: what came before. Nobody writes meanwhile, so that no run is counted twice or not at all.
LOCK TABLE "UsageEvent" IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO "BuyerTotal"
    SELECT "sellerCompanyId", "buyerCompanyId", count(*), count(*) FILTER (WHERE "isSuccess"), sum("credits"), min("at") FILTER (WHERE "isSuccess")
    FROM "UsageEvent" GROUP BY 1, 2;
INSERT INTO "ProductTotal"
    SELECT coalesce("assetId", "endpointId"), "buyerCompanyId", count(*), count(*) FILTER (WHERE "isSuccess"), max("at")
    FROM "UsageEvent" GROUP BY 1, 2;
UPDATE "Asset" t SET "popularity" = s.month, "trend" = CASE WHEN s.week >= 5 THEN s.week::float8 / greatest(s.fortnight - s.week, 1) ELSE 0 END
    FROM (
        SELECT "productId", sum("successes") AS month,
            coalesce(sum("successes") FILTER (WHERE "hour" > now() - interval '14 days'), 0) AS fortnight,
            coalesce(sum("successes") FILTER (WHERE "hour" > now() - interval '7 days'), 0) AS week
        FROM "UsageRollup" WHERE "hour" > now() - interval '30 days' GROUP BY 1
    ) s
    WHERE s."productId" = t."id" AND t."sellInMarketplace" AND t."active";
UPDATE "Endpoint" t SET "popularity" = s.month, "trend" = CASE WHEN s.week >= 5 THEN s.week::float8 / greatest(s.fortnight - s.week, 1) ELSE 0 END
    FROM (
        SELECT "productId", sum("successes") AS month,
            coalesce(sum("successes") FILTER (WHERE "hour" > now() - interval '14 days'), 0) AS fortnight,
            coalesce(sum("successes") FILTER (WHERE "hour" > now() - interval '7 days'), 0) AS week
        FROM "UsageRollup" WHERE "hour" > now() - interval '30 days' GROUP BY 1
    ) s
    WHERE s."productId" = t."id" AND t."sellInMarketplace" AND t."active";
INSERT INTO "PopularityCount" VALUES (1, now());
ALTER TABLE "PopularityCount" ADD CONSTRAINT "PopularityCount_one" CHECK ("id" = 1);

-- The marketplace's sorts; by creation, which these two were for, it never sorted.
DROP INDEX "Asset_listed", "Endpoint_listed";
CREATE INDEX "Asset_listed_popular" ON "Asset"("popularity", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Asset_listed_trending" ON "Asset"("trend", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Asset_listed_recent" ON "Asset"("updatedAt", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Endpoint_listed_popular" ON "Endpoint"("popularity", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Endpoint_listed_trending" ON "Endpoint"("trend", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Endpoint_listed_recent" ON "Endpoint"("updatedAt", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Endpoint_listed_name" ON "Endpoint"("name", "id") WHERE "sellInMarketplace" AND "active";
