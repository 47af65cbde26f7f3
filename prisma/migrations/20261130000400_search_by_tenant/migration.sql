-- A company searches among its own, however much the others have: GIN takes the tenant beside the words with btree_gin,
-- which comes with PostgreSQL and which the owner of a database may create.
CREATE EXTENSION IF NOT EXISTS btree_gin;
DROP INDEX "Asset_search_idx", "Endpoint_search_idx";
CREATE INDEX "Asset_companyId_search_idx" ON "Asset" USING GIN ("companyId", "search");
CREATE INDEX "Endpoint_companyId_search_idx" ON "Endpoint" USING GIN ("companyId", "search");
-- The marketplace searches among what is listed.
CREATE INDEX "Asset_listed_search" ON "Asset" USING GIN ("search") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Endpoint_listed_search" ON "Endpoint" USING GIN ("search") WHERE "sellInMarketplace" AND "active";

-- Counts of a company's assets, and of those of a kind: from the index alone.
CREATE INDEX "Asset_counted" ON "Asset" ("companyId", "assetType") INCLUDE ("source", "industryId", "useCaseId", "sellInMarketplace") WHERE "active";
