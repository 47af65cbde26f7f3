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



-- By hand: what came before. Nobody writes meanwhile, so that no run is counted twice or not at all.
LOCK TABLE "UsageEvent" IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO "BuyerTotal"
    SELECT "sellerCompanyId", "buyerCompanyId", count(*), count(*) FILTER (WHERE "isSuccess"), sum("credits"), min("at") FILTER (WHERE "isSuccess")
    FROM "UsageEvent" GROUP BY 1, 2;
INSERT INTO "ProductTotal"
    SELECT coalesce("assetId", "endpointId"), "buyerCompanyId", count(*), count(*) FILTER (WHERE "isSuccess"), max("at")
    FROM "UsageEvent" GROUP BY 1, 2;
