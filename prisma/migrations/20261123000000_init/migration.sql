-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "PartnershipType" AS ENUM ('SELF_MANAGED', 'CUSTODIAN');

-- CreateEnum
CREATE TYPE "UserStatus" AS ENUM ('ACTIVE', 'PENDING', 'INACTIVE', 'BANNED');

-- CreateEnum
CREATE TYPE "KeyKind" AS ENUM ('ANALYTICS', 'ENDPOINT', 'MCP');

-- CreateEnum
CREATE TYPE "AlertKind" AS ENUM ('ASSET_UPDATED', 'PRICE_CHANGED', 'RESULT_CHANGED');

-- CreateEnum
CREATE TYPE "PublicationStatus" AS ENUM ('PUBLISHED', 'FAILED', 'DELETED');

-- CreateEnum
CREATE TYPE "PublishingPlatform" AS ENUM ('WORDPRESS', 'GHOST', 'DEV', 'BEEHIIV', 'WEBHOOK');

-- CreateEnum
CREATE TYPE "PostTone" AS ENUM ('PROFESSIONAL', 'CASUAL', 'TECHNICAL', 'CONVERSATIONAL');

-- CreateEnum
CREATE TYPE "CredentialType" AS ENUM ('SERVICE_ACCOUNT', 'USERNAME_PASSWORD', 'API_KEY', 'SERVICE_IDENTITY', 'ACCESS_KEY', 'NONE', 'OAUTH', 'JSON', 'KEY_PAIR', 'CLIENT_SECRET');

-- CreateEnum
CREATE TYPE "ApprovalStatus" AS ENUM ('PENDING', 'APPROVED', 'REJECTED', 'NEEDS_REVISION');

-- CreateEnum
CREATE TYPE "AssetSource" AS ENUM ('MANUAL', 'AUTOMATIC');

-- CreateEnum
CREATE TYPE "AssetType" AS ENUM ('CALCULATION', 'VISUALIZATION', 'DATA');

-- CreateEnum
CREATE TYPE "Visibility" AS ENUM ('PRIVATE', 'SHARED');

-- CreateEnum
CREATE TYPE "VizChartLibrary" AS ENUM ('PLOTLY', 'MATPLOTLIB', 'SEABORN');

-- CreateEnum
CREATE TYPE "VizChartType" AS ENUM ('LINE', 'BAR', 'PIE', 'DOUGHNUT', 'POLAR', 'RADAR', 'BUBBLE', 'SCATTER');

-- CreateEnum
CREATE TYPE "VizAggregation" AS ENUM ('NONE', 'SUM', 'AVERAGE', 'COUNT', 'MINIMUM', 'MAXIMUM');

-- CreateEnum
CREATE TYPE "VizSortDirection" AS ENUM ('NONE', 'ASCENDING', 'DESCENDING');

-- CreateEnum
CREATE TYPE "VizFilterDirection" AS ENUM ('TOP', 'BOTTOM');

-- CreateEnum
CREATE TYPE "VizColorScheme" AS ENUM ('DEFAULT', 'SEQUENTIAL', 'DIVERGING', 'CATEGORICAL', 'MONOCHROME', 'PASTEL', 'DARK', 'LIGHT');

-- CreateEnum
CREATE TYPE "GeographicCoverage" AS ENUM ('GLOBAL', 'CONTINENTAL', 'REGIONAL', 'NATIONAL', 'STATE', 'LOCAL', 'CUSTOM', 'UNKNOWN');

-- CreateEnum
CREATE TYPE "RefreshFrequency" AS ENUM ('EVERY_SECOND', 'EVERY_MINUTE', 'EVERY_HOUR', 'EVERY_DAY', 'EVERY_WEEK', 'EVERY_MONTH', 'EVERY_QUARTER', 'EVERY_YEAR', 'NEVER', 'UNKNOWN');

-- CreateEnum
CREATE TYPE "RateLimitPeriod" AS ENUM ('SECOND', 'MINUTE', 'HOUR', 'DAY');

-- CreateEnum
CREATE TYPE "RateLimitGranularity" AS ENUM ('USER', 'COMPANY', 'IP', 'GLOBAL');

-- CreateEnum
CREATE TYPE "AccessMethod" AS ENUM ('OPEN', 'API_KEY', 'IP', 'EMAIL', 'DOMAIN');

-- CreateEnum
CREATE TYPE "EndpointStatus" AS ENUM ('ACTIVE', 'INACTIVE', 'DEPRECATED');

-- CreateEnum
CREATE TYPE "EngineType" AS ENUM ('EDW', 'LLM', 'RDBMS', 'OBJ', 'API_MODEL', 'EXTERNAL_API');

-- CreateEnum
CREATE TYPE "RunStatus" AS ENUM ('RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "RunKind" AS ENUM ('PROCESS', 'TEST', 'PAGE');

-- CreateEnum
CREATE TYPE "CacheStatus" AS ENUM ('HIT', 'MISS', 'BYPASS');

-- CreateEnum
CREATE TYPE "AccountKind" AS ENUM ('BUYER_CREDITS', 'BUYER_RESERVED', 'SELLER_EARNINGS', 'PLATFORM_REVENUE', 'CREDITS_ISSUED', 'SALES_CLEARING');

-- CreateEnum
CREATE TYPE "JournalUnit" AS ENUM ('CREDIT', 'USD_CENT');

-- CreateEnum
CREATE TYPE "TransactionKind" AS ENUM ('GRANT', 'RESERVE', 'SETTLE', 'RELEASE');

-- Words of a list of strings, for full-text columns: array_to_string is only stable, this is safe to call immutable.
CREATE FUNCTION words(items TEXT[]) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce(string_agg(item, ' '), '') FROM unnest(items) AS item $$;

-- CreateTable
CREATE TABLE "Company" (
    "id" UUID NOT NULL,
    "handle" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "industryId" INTEGER,
    "countryId" INTEGER,
    "planId" INTEGER NOT NULL DEFAULT 1,
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "creditsBalance" INTEGER NOT NULL DEFAULT 0,
    "acceptedEula" BOOLEAN NOT NULL DEFAULT false,
    "stripeAccountId" TEXT,
    "stripeAccountStatus" TEXT,
    "vendorSharePercent" DECIMAL(5,4),
    "partnershipType" "PartnershipType",
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Company_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "User" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "roleId" INTEGER NOT NULL,
    "functionId" INTEGER,
    "status" "UserStatus" NOT NULL DEFAULT 'PENDING',
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "googleSubject" TEXT,
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "marketingOptOut" BOOLEAN NOT NULL DEFAULT false,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Session" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "tokenHash" BYTEA NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "lastUsedAt" TIMESTAMPTZ(3),
    "revokedAt" TIMESTAMPTZ(3),
    "userAgent" TEXT,

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" SERIAL NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID,
    "roleId" INTEGER NOT NULL,
    "kind" "KeyKind" NOT NULL,
    "endpointId" UUID,
    "mcpDeploymentId" TEXT,
    "isSystemGenerated" BOOLEAN NOT NULL DEFAULT false,
    "name" TEXT NOT NULL,
    "secretHash" BYTEA NOT NULL,
    "lastFour" TEXT NOT NULL,
    "expiresAt" TIMESTAMPTZ(3),
    "revokedAt" TIMESTAMPTZ(3),
    "revocationReason" TEXT,
    "revocationMetadata" JSONB,
    "rateLimitNumber" INTEGER,
    "rateLimitPeriod" "RateLimitPeriod",
    "replacedById" INTEGER,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ApiKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ApiKeyUsage" (
    "apiKeyId" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "companyId" UUID NOT NULL,
    "operation" TEXT NOT NULL,
    "requests" INTEGER NOT NULL DEFAULT 0,
    "failedAttempts" INTEGER NOT NULL DEFAULT 0,
    "lastUsedAt" TIMESTAMPTZ(3),

    CONSTRAINT "ApiKeyUsage_pkey" PRIMARY KEY ("apiKeyId","day","operation")
);

-- CreateTable
CREATE TABLE "IdempotencyKey" (
    "companyId" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "inputHash" BYTEA NOT NULL,
    "answer" BYTEA,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "IdempotencyKey_pkey" PRIMARY KEY ("companyId","key")
);

-- CreateTable
CREATE TABLE "Favorite" (
    "id" SERIAL NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "assetId" UUID NOT NULL,
    "notes" TEXT,
    "category" TEXT,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Favorite_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Alert" (
    "id" SERIAL NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "assetId" UUID NOT NULL,
    "kind" "AlertKind" NOT NULL DEFAULT 'ASSET_UPDATED',
    "thresholdPercent" DECIMAL(9,4),
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "webhookUrl" TEXT,
    "lastTriggeredAt" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Alert_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "AlertEvent" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "alertId" INTEGER NOT NULL,
    "message" TEXT NOT NULL,
    "details" JSONB NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "AlertEvent_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Post" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "title" TEXT NOT NULL,
    "category" TEXT,
    "teaser" TEXT,
    "contentHtml" TEXT NOT NULL,
    "insightsUsed" JSONB NOT NULL DEFAULT '[]',
    "generationCreativity" INTEGER,
    "generationTargetWordCount" INTEGER,
    "generationTone" "PostTone",
    "generationIncludeCitations" BOOLEAN,
    "generationSubheadingCount" INTEGER,
    "generationTemperature" DECIMAL(3,2),
    "dataCostCredits" INTEGER NOT NULL DEFAULT 0,
    "serviceCostCredits" INTEGER NOT NULL DEFAULT 0,
    "successfulInsightsCount" INTEGER NOT NULL DEFAULT 0,
    "failedInsightsCount" INTEGER NOT NULL DEFAULT 0,
    "generationTimeMs" INTEGER,
    "isPublished" BOOLEAN NOT NULL DEFAULT false,
    "publishedAt" TIMESTAMPTZ(3),
    "viewCount" INTEGER NOT NULL DEFAULT 0,
    "lastEditedAt" TIMESTAMPTZ(3),
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Post_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PostView" (
    "postId" UUID NOT NULL,
    "visitor" BYTEA NOT NULL,
    "window" TIMESTAMPTZ(0) NOT NULL,

    CONSTRAINT "PostView_pkey" PRIMARY KEY ("postId","visitor","window")
);

-- CreateTable
CREATE TABLE "Integration" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "platform" "PublishingPlatform" NOT NULL,
    "platformName" TEXT NOT NULL,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "sealedCredentials" BYTEA NOT NULL,
    "credentialsLastFour" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "lastUsedAt" TIMESTAMPTZ(3),
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Integration_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Publication" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "postId" UUID NOT NULL,
    "integrationId" UUID,
    "platform" "PublishingPlatform" NOT NULL,
    "externalPostId" TEXT,
    "externalPostUrl" TEXT,
    "status" "PublicationStatus" NOT NULL,
    "errorMessage" TEXT,
    "publishedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Publication_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Connection" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID,
    "engineId" INTEGER NOT NULL,
    "credentialType" "CredentialType" NOT NULL DEFAULT 'NONE',
    "name" TEXT NOT NULL,
    "description" TEXT,
    "providerDomain" TEXT,
    "verifiedUsageAbility" BOOLEAN NOT NULL DEFAULT false,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "sealedCredentials" BYTEA,
    "credentialsLastFour" TEXT,
    "credentialsVersion" INTEGER NOT NULL DEFAULT 1,
    "timeoutMs" INTEGER,
    "informationSchema" JSONB,
    "schemaReadAt" TIMESTAMPTZ(3),
    "lastTestedAt" TIMESTAMPTZ(3),
    "lastTestOk" BOOLEAN,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Connection_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Asset" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID,
    "connectionId" UUID,
    "llmConnectionId" UUID,
    "snippetId" INTEGER,
    "industryId" INTEGER,
    "useCaseId" INTEGER,
    "aiJobId" TEXT,
    "functionId" TEXT,
    "approvalStatus" "ApprovalStatus",
    "approvedByUserId" UUID,
    "approvedAt" TIMESTAMPTZ(3),
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "description" TEXT,
    "detailedDescription" TEXT,
    "source" "AssetSource" NOT NULL,
    "assetType" "AssetType" NOT NULL,
    "assetSchema" JSONB,
    "visibility" "Visibility" NOT NULL DEFAULT 'PRIVATE',
    "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "topQuestions" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "shortCode" TEXT NOT NULL,
    "restrictedDomains" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "sqlLogic" TEXT,
    "parameters" JSONB NOT NULL DEFAULT '[]',
    "sourceSchemaName" TEXT,
    "sourceTableName" TEXT,
    "sellInMarketplace" BOOLEAN NOT NULL DEFAULT false,
    "requireCustomization" BOOLEAN NOT NULL DEFAULT false,
    "vizSpec" JSONB,
    "vizChartLibrary" "VizChartLibrary",
    "vizChartType" "VizChartType",
    "vizDepVarColName" TEXT,
    "vizIndepVarColName" TEXT,
    "vizSizeColName" TEXT,
    "vizColorColName" TEXT,
    "vizDataAggregation" "VizAggregation" NOT NULL DEFAULT 'NONE',
    "vizSortDirection" "VizSortDirection" NOT NULL DEFAULT 'NONE',
    "vizDataLimit" INTEGER,
    "vizFilterDirection" "VizFilterDirection" NOT NULL DEFAULT 'TOP',
    "vizColorScheme" "VizColorScheme" NOT NULL DEFAULT 'DEFAULT',
    "vizShowLegend" BOOLEAN NOT NULL DEFAULT true,
    "vizShowGrid" BOOLEAN NOT NULL DEFAULT true,
    "vizShowTrendline" BOOLEAN NOT NULL DEFAULT false,
    "vizLineSmoothing" BOOLEAN NOT NULL DEFAULT false,
    "vizBarStacked" BOOLEAN NOT NULL DEFAULT false,
    "allowParams" BOOLEAN NOT NULL DEFAULT false,
    "acceptTerms" BOOLEAN NOT NULL DEFAULT false,
    "cached" BOOLEAN NOT NULL DEFAULT false,
    "schedule" TEXT,
    "nextRun" TIMESTAMPTZ(3),
    "dataTimePeriodStart" TIMESTAMPTZ(3),
    "dataTimePeriodEnd" TIMESTAMPTZ(3),
    "dateCollectionStart" TIMESTAMPTZ(3),
    "geographicCoverageType" "GeographicCoverage" NOT NULL DEFAULT 'UNKNOWN',
    "geographicCoverageDetails" TEXT,
    "dataSourceRefreshFrequency" "RefreshFrequency" NOT NULL DEFAULT 'UNKNOWN',
    "rateLimitNumber" INTEGER,
    "rateLimitPeriod" "RateLimitPeriod",
    "rateLimitGranularity" "RateLimitGranularity",
    "lastTestOkAt" TIMESTAMPTZ(3),
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "search" tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', "name"), 'A') ||
        setweight(to_tsvector('english', words("tags")), 'B') ||
        setweight(to_tsvector('english', coalesce("description", '')), 'C') ||
        setweight(to_tsvector('english', words("topQuestions")), 'D')
    ) STORED,

    CONSTRAINT "Asset_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Endpoint" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "userId" UUID,
    "connectionId" UUID NOT NULL,
    "industryId" INTEGER,
    "useCaseId" INTEGER,
    "approvalStatus" "ApprovalStatus",
    "approvedByUserId" UUID,
    "approvedAt" TIMESTAMPTZ(3),
    "sellInMarketplace" BOOLEAN NOT NULL DEFAULT false,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "description" TEXT,
    "detailedDescription" TEXT,
    "topQuestions" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "sourceSchemaName" TEXT,
    "sourceTableName" TEXT,
    "customerName" TEXT,
    "endpointSchema" JSONB NOT NULL DEFAULT '{"columns": []}',
    "visibility" "Visibility" NOT NULL DEFAULT 'PRIVATE',
    "rateLimitNumber" INTEGER,
    "rateLimitPeriod" "RateLimitPeriod",
    "rateLimitGranularity" "RateLimitGranularity",
    "accessMethod" "AccessMethod" NOT NULL DEFAULT 'API_KEY',
    "accessWhitelist" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "status" "EndpointStatus" NOT NULL DEFAULT 'ACTIVE',
    "dataTimePeriodStart" TIMESTAMPTZ(3),
    "dataTimePeriodEnd" TIMESTAMPTZ(3),
    "dateCollectionStart" TIMESTAMPTZ(3),
    "geographicCoverageType" "GeographicCoverage" NOT NULL DEFAULT 'UNKNOWN',
    "geographicCoverageDetails" TEXT,
    "dataSourceRefreshFrequency" "RefreshFrequency" NOT NULL DEFAULT 'UNKNOWN',
    "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "lastAccessedAt" TIMESTAMPTZ(3),
    "maxRecordsPerRequest" INTEGER NOT NULL DEFAULT 1000,
    "exportEnabled" BOOLEAN NOT NULL DEFAULT false,
    "maxRecordsPerExport" INTEGER,
    "sampleResponse" JSONB,
    "lastTestOkAt" TIMESTAMPTZ(3),
    "active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "search" tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', "name"), 'A') ||
        setweight(to_tsvector('english', words("tags")), 'B') ||
        setweight(to_tsvector('english', coalesce("description", '')), 'C') ||
        setweight(to_tsvector('english', words("topQuestions")), 'D')
    ) STORED,

    CONSTRAINT "Endpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Grant" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "granteeCompanyId" UUID NOT NULL,
    "assetId" UUID,
    "endpointId" UUID,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Grant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Price" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "assetId" UUID,
    "endpointId" UUID,
    "userId" UUID,
    "amountUsd" DECIMAL(7,2) NOT NULL,
    "startedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "endedAt" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Price_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PriceDiscount" (
    "id" UUID NOT NULL,
    "companyId" UUID NOT NULL,
    "priceId" UUID NOT NULL,
    "percentage" DECIMAL(5,2) NOT NULL,
    "saleStartAt" TIMESTAMPTZ(3) NOT NULL,
    "saleEndAt" TIMESTAMPTZ(3) NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "PriceDiscount_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "CloudProvider" (
    "id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "parentCompany" TEXT,
    "marketingHomepageUrl" TEXT NOT NULL,

    CONSTRAINT "CloudProvider_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "StorageEngine" (
    "id" INTEGER NOT NULL,
    "providerId" INTEGER NOT NULL,
    "serviceName" TEXT NOT NULL,
    "engineType" "EngineType" NOT NULL,
    "driver" TEXT,
    "unavailableReason" TEXT,
    "credentialTypes" TEXT[] DEFAULT ARRAY[]::TEXT[],

    CONSTRAINT "StorageEngine_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Industry" (
    "id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "shortName" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "naicsCode" INTEGER NOT NULL,
    "description" TEXT NOT NULL,

    CONSTRAINT "Industry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "JobFunction" (
    "id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "JobFunction_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "AssetUseCase" (
    "id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "description" TEXT NOT NULL,

    CONSTRAINT "AssetUseCase_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Country" (
    "id" INTEGER NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "Country_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Role" (
    "id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "Role_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Plan" (
    "id" INTEGER NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "monthlyRequests" INTEGER NOT NULL,

    CONSTRAINT "Plan_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Run" (
    "id" UUID NOT NULL,
    "kind" "RunKind" NOT NULL,
    "status" "RunStatus" NOT NULL DEFAULT 'RUNNING',
    "companyId" UUID NOT NULL,
    "sellerCompanyId" UUID NOT NULL,
    "assetId" UUID,
    "endpointId" UUID,
    "userId" UUID,
    "apiKeyId" INTEGER,
    "clientHash" TEXT,
    "priceId" UUID,
    "credits" INTEGER NOT NULL DEFAULT 0,
    "isBilled" BOOLEAN NOT NULL DEFAULT false,
    "parameters" JSONB,
    "rowCount" INTEGER,
    "isTruncated" BOOLEAN,
    "byteCount" INTEGER,
    "value" TEXT,
    "cacheStatus" "CacheStatus",
    "computedAt" TIMESTAMPTZ(3),
    "engineMs" INTEGER,
    "elapsedMs" INTEGER,
    "errorCode" TEXT,
    "errorMessage" TEXT,
    "startedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finishedAt" TIMESTAMPTZ(3),

    CONSTRAINT "Run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "UsageEvent" (
    "id" UUID NOT NULL,
    "sellerCompanyId" UUID NOT NULL,
    "buyerCompanyId" UUID NOT NULL,
    "assetId" UUID,
    "endpointId" UUID,
    "apiKeyId" INTEGER,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "isSuccess" BOOLEAN NOT NULL,
    "credits" INTEGER NOT NULL,
    "earningsCents" INTEGER NOT NULL,
    "elapsedMs" INTEGER NOT NULL,
    "rowCount" INTEGER NOT NULL,

    CONSTRAINT "UsageEvent_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "UsageRollup" (
    "sellerCompanyId" UUID NOT NULL,
    "buyerCompanyId" UUID NOT NULL,
    "productId" UUID NOT NULL,
    "isEndpoint" BOOLEAN NOT NULL,
    "hour" TIMESTAMPTZ(0) NOT NULL,
    "runs" INTEGER NOT NULL,
    "successes" INTEGER NOT NULL,
    "credits" INTEGER NOT NULL,
    "earningsCents" BIGINT NOT NULL,
    "rows" BIGINT NOT NULL,

    CONSTRAINT "UsageRollup_pkey" PRIMARY KEY ("sellerCompanyId","hour","productId","buyerCompanyId")
);

-- CreateTable
CREATE TABLE "JournalAccount" (
    "id" UUID NOT NULL,
    "companyId" UUID,
    "kind" "AccountKind" NOT NULL,
    "unit" "JournalUnit" NOT NULL,

    CONSTRAINT "JournalAccount_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "JournalTransaction" (
    "id" UUID NOT NULL,
    "kind" "TransactionKind" NOT NULL,
    "runId" UUID,
    "note" TEXT,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "JournalTransaction_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "JournalEntry" (
    "id" BIGSERIAL NOT NULL,
    "transactionId" UUID NOT NULL,
    "accountId" UUID NOT NULL,
    "amount" BIGINT NOT NULL,

    CONSTRAINT "JournalEntry_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "Company_handle_key" ON "Company"("handle");

-- CreateIndex
CREATE UNIQUE INDEX "Company_domain_key" ON "Company"("domain");

-- CreateIndex
CREATE INDEX "Company_industryId_idx" ON "Company"("industryId");

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- CreateIndex
CREATE UNIQUE INDEX "User_googleSubject_key" ON "User"("googleSubject");

-- CreateIndex
CREATE INDEX "User_companyId_createdAt_id_idx" ON "User"("companyId", "createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Session_tokenHash_key" ON "Session"("tokenHash");

-- CreateIndex
CREATE INDEX "Session_userId_createdAt_idx" ON "Session"("userId", "createdAt");

-- CreateIndex
CREATE INDEX "Session_companyId_idx" ON "Session"("companyId");

-- CreateIndex
CREATE UNIQUE INDEX "ApiKey_secretHash_key" ON "ApiKey"("secretHash");

-- CreateIndex
CREATE INDEX "ApiKey_companyId_createdAt_id_idx" ON "ApiKey"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "ApiKey_endpointId_idx" ON "ApiKey"("endpointId");

-- CreateIndex
CREATE INDEX "ApiKey_userId_idx" ON "ApiKey"("userId");

-- CreateIndex
CREATE INDEX "ApiKeyUsage_companyId_day_idx" ON "ApiKeyUsage"("companyId", "day");

-- CreateIndex
CREATE INDEX "IdempotencyKey_createdAt_idx" ON "IdempotencyKey"("createdAt");

-- CreateIndex
CREATE INDEX "Favorite_companyId_createdAt_id_idx" ON "Favorite"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Favorite_assetId_idx" ON "Favorite"("assetId");

-- CreateIndex
CREATE UNIQUE INDEX "Favorite_userId_assetId_key" ON "Favorite"("userId", "assetId");

-- CreateIndex
CREATE INDEX "Alert_userId_createdAt_id_idx" ON "Alert"("userId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Alert_companyId_createdAt_id_idx" ON "Alert"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Alert_assetId_kind_idx" ON "Alert"("assetId", "kind");

-- CreateIndex
CREATE INDEX "AlertEvent_alertId_createdAt_id_idx" ON "AlertEvent"("alertId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "AlertEvent_companyId_createdAt_id_idx" ON "AlertEvent"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Post_companyId_createdAt_id_idx" ON "Post"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Post_userId_createdAt_id_idx" ON "Post"("userId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Integration_companyId_createdAt_id_idx" ON "Integration"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Publication_postId_createdAt_id_idx" ON "Publication"("postId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Publication_companyId_createdAt_id_idx" ON "Publication"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Connection_companyId_createdAt_id_idx" ON "Connection"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Connection_engineId_idx" ON "Connection"("engineId");

-- CreateIndex
CREATE UNIQUE INDEX "Asset_shortCode_key" ON "Asset"("shortCode");

-- CreateIndex
CREATE INDEX "Asset_companyId_createdAt_id_idx" ON "Asset"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Asset_companyId_updatedAt_id_idx" ON "Asset"("companyId", "updatedAt", "id");

-- CreateIndex
CREATE INDEX "Asset_companyId_name_id_idx" ON "Asset"("companyId", "name", "id");

-- CreateIndex
CREATE INDEX "Asset_connectionId_idx" ON "Asset"("connectionId");

-- CreateIndex
CREATE INDEX "Asset_industryId_idx" ON "Asset"("industryId");

-- CreateIndex
CREATE INDEX "Asset_useCaseId_idx" ON "Asset"("useCaseId");

-- CreateIndex
CREATE INDEX "Asset_search_idx" ON "Asset" USING GIN ("search");

-- CreateIndex
CREATE UNIQUE INDEX "Asset_companyId_slug_key" ON "Asset"("companyId", "slug");

-- CreateIndex
CREATE INDEX "Endpoint_companyId_createdAt_id_idx" ON "Endpoint"("companyId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Endpoint_connectionId_idx" ON "Endpoint"("connectionId");

-- CreateIndex
CREATE INDEX "Endpoint_industryId_idx" ON "Endpoint"("industryId");

-- CreateIndex
CREATE INDEX "Endpoint_useCaseId_idx" ON "Endpoint"("useCaseId");

-- CreateIndex
CREATE INDEX "Endpoint_search_idx" ON "Endpoint" USING GIN ("search");

-- CreateIndex
CREATE UNIQUE INDEX "Endpoint_companyId_slug_key" ON "Endpoint"("companyId", "slug");

-- CreateIndex
CREATE INDEX "Grant_companyId_idx" ON "Grant"("companyId");

-- CreateIndex
CREATE UNIQUE INDEX "Grant_granteeCompanyId_assetId_key" ON "Grant"("granteeCompanyId", "assetId");

-- CreateIndex
CREATE UNIQUE INDEX "Grant_granteeCompanyId_endpointId_key" ON "Grant"("granteeCompanyId", "endpointId");

-- CreateIndex
CREATE INDEX "Price_companyId_idx" ON "Price"("companyId");

-- CreateIndex
CREATE INDEX "Price_assetId_startedAt_id_idx" ON "Price"("assetId", "startedAt", "id");

-- CreateIndex
CREATE INDEX "Price_endpointId_startedAt_id_idx" ON "Price"("endpointId", "startedAt", "id");

-- CreateIndex
CREATE INDEX "PriceDiscount_priceId_idx" ON "PriceDiscount"("priceId");

-- CreateIndex
CREATE INDEX "PriceDiscount_companyId_idx" ON "PriceDiscount"("companyId");

-- CreateIndex
CREATE UNIQUE INDEX "CloudProvider_name_key" ON "CloudProvider"("name");

-- CreateIndex
CREATE UNIQUE INDEX "StorageEngine_serviceName_key" ON "StorageEngine"("serviceName");

-- CreateIndex
CREATE INDEX "StorageEngine_providerId_id_idx" ON "StorageEngine"("providerId", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Industry_name_key" ON "Industry"("name");

-- CreateIndex
CREATE UNIQUE INDEX "Industry_slug_key" ON "Industry"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "JobFunction_name_key" ON "JobFunction"("name");

-- CreateIndex
CREATE UNIQUE INDEX "AssetUseCase_name_key" ON "AssetUseCase"("name");

-- CreateIndex
CREATE UNIQUE INDEX "AssetUseCase_slug_key" ON "AssetUseCase"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "Country_code_key" ON "Country"("code");

-- CreateIndex
CREATE UNIQUE INDEX "Country_name_key" ON "Country"("name");

-- CreateIndex
CREATE UNIQUE INDEX "Role_name_key" ON "Role"("name");

-- CreateIndex
CREATE UNIQUE INDEX "Plan_code_key" ON "Plan"("code");

-- CreateIndex
CREATE INDEX "Run_companyId_startedAt_id_idx" ON "Run"("companyId", "startedAt", "id");

-- CreateIndex
CREATE INDEX "Run_sellerCompanyId_startedAt_id_idx" ON "Run"("sellerCompanyId", "startedAt", "id");

-- CreateIndex
CREATE INDEX "Run_assetId_startedAt_id_idx" ON "Run"("assetId", "startedAt", "id");

-- CreateIndex
CREATE INDEX "Run_endpointId_startedAt_id_idx" ON "Run"("endpointId", "startedAt", "id");

-- CreateIndex
CREATE INDEX "Run_status_startedAt_idx" ON "Run"("status", "startedAt");

-- CreateIndex
CREATE INDEX "UsageEvent_sellerCompanyId_at_idx" ON "UsageEvent"("sellerCompanyId", "at");

-- CreateIndex
CREATE INDEX "UsageEvent_buyerCompanyId_at_idx" ON "UsageEvent"("buyerCompanyId", "at");

-- CreateIndex
CREATE INDEX "UsageEvent_assetId_at_idx" ON "UsageEvent"("assetId", "at");

-- CreateIndex
CREATE INDEX "UsageEvent_endpointId_at_idx" ON "UsageEvent"("endpointId", "at");

-- CreateIndex
CREATE INDEX "UsageRollup_buyerCompanyId_hour_idx" ON "UsageRollup"("buyerCompanyId", "hour");

-- CreateIndex
CREATE INDEX "UsageRollup_productId_hour_idx" ON "UsageRollup"("productId", "hour");

-- CreateIndex
CREATE UNIQUE INDEX "JournalAccount_companyId_kind_key" ON "JournalAccount"("companyId", "kind");

-- CreateIndex
CREATE INDEX "JournalTransaction_runId_idx" ON "JournalTransaction"("runId");

-- CreateIndex
CREATE INDEX "JournalEntry_transactionId_idx" ON "JournalEntry"("transactionId");

-- CreateIndex
CREATE INDEX "JournalEntry_accountId_id_idx" ON "JournalEntry"("accountId", "id");

-- AddForeignKey
ALTER TABLE "Company" ADD CONSTRAINT "Company_industryId_fkey" FOREIGN KEY ("industryId") REFERENCES "Industry"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Company" ADD CONSTRAINT "Company_countryId_fkey" FOREIGN KEY ("countryId") REFERENCES "Country"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Company" ADD CONSTRAINT "Company_planId_fkey" FOREIGN KEY ("planId") REFERENCES "Plan"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_functionId_fkey" FOREIGN KEY ("functionId") REFERENCES "JobFunction"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiKey" ADD CONSTRAINT "ApiKey_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiKey" ADD CONSTRAINT "ApiKey_endpointId_fkey" FOREIGN KEY ("endpointId") REFERENCES "Endpoint"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Favorite" ADD CONSTRAINT "Favorite_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Favorite" ADD CONSTRAINT "Favorite_assetId_fkey" FOREIGN KEY ("assetId") REFERENCES "Asset"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Alert" ADD CONSTRAINT "Alert_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Alert" ADD CONSTRAINT "Alert_assetId_fkey" FOREIGN KEY ("assetId") REFERENCES "Asset"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "AlertEvent" ADD CONSTRAINT "AlertEvent_alertId_fkey" FOREIGN KEY ("alertId") REFERENCES "Alert"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Post" ADD CONSTRAINT "Post_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Post" ADD CONSTRAINT "Post_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Integration" ADD CONSTRAINT "Integration_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Publication" ADD CONSTRAINT "Publication_postId_fkey" FOREIGN KEY ("postId") REFERENCES "Post"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Publication" ADD CONSTRAINT "Publication_integrationId_fkey" FOREIGN KEY ("integrationId") REFERENCES "Integration"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Connection" ADD CONSTRAINT "Connection_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Connection" ADD CONSTRAINT "Connection_engineId_fkey" FOREIGN KEY ("engineId") REFERENCES "StorageEngine"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Asset" ADD CONSTRAINT "Asset_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Asset" ADD CONSTRAINT "Asset_connectionId_fkey" FOREIGN KEY ("connectionId") REFERENCES "Connection"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Asset" ADD CONSTRAINT "Asset_industryId_fkey" FOREIGN KEY ("industryId") REFERENCES "Industry"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Asset" ADD CONSTRAINT "Asset_useCaseId_fkey" FOREIGN KEY ("useCaseId") REFERENCES "AssetUseCase"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Endpoint" ADD CONSTRAINT "Endpoint_companyId_fkey" FOREIGN KEY ("companyId") REFERENCES "Company"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Endpoint" ADD CONSTRAINT "Endpoint_connectionId_fkey" FOREIGN KEY ("connectionId") REFERENCES "Connection"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Endpoint" ADD CONSTRAINT "Endpoint_industryId_fkey" FOREIGN KEY ("industryId") REFERENCES "Industry"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Endpoint" ADD CONSTRAINT "Endpoint_useCaseId_fkey" FOREIGN KEY ("useCaseId") REFERENCES "AssetUseCase"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Price" ADD CONSTRAINT "Price_assetId_fkey" FOREIGN KEY ("assetId") REFERENCES "Asset"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Price" ADD CONSTRAINT "Price_endpointId_fkey" FOREIGN KEY ("endpointId") REFERENCES "Endpoint"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "PriceDiscount" ADD CONSTRAINT "PriceDiscount_priceId_fkey" FOREIGN KEY ("priceId") REFERENCES "Price"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "StorageEngine" ADD CONSTRAINT "StorageEngine_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "CloudProvider"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_assetId_fkey" FOREIGN KEY ("assetId") REFERENCES "Asset"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_endpointId_fkey" FOREIGN KEY ("endpointId") REFERENCES "Endpoint"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "JournalEntry" ADD CONSTRAINT "JournalEntry_transactionId_fkey" FOREIGN KEY ("transactionId") REFERENCES "JournalTransaction"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "JournalEntry" ADD CONSTRAINT "JournalEntry_accountId_fkey" FOREIGN KEY ("accountId") REFERENCES "JournalAccount"("id") ON DELETE RESTRICT ON UPDATE CASCADE;



-- What the models cannot say.

-- One active price for a product, whatever arrives at once; a product is an asset or an endpoint.
CREATE UNIQUE INDEX "Price_active_asset" ON "Price"("assetId") WHERE "endedAt" IS NULL AND "assetId" IS NOT NULL;
CREATE UNIQUE INDEX "Price_active_endpoint" ON "Price"("endpointId") WHERE "endedAt" IS NULL AND "endpointId" IS NOT NULL;
ALTER TABLE "Price"
    ADD CONSTRAINT "Price_one_product" CHECK (num_nonnulls("assetId", "endpointId") = 1),
    ADD CONSTRAINT "Price_in_bounds" CHECK ("amountUsd" BETWEEN 0 AND 10000),
    ADD CONSTRAINT "Price_ends_after_start" CHECK ("endedAt" IS NULL OR "endedAt" >= "startedAt");
ALTER TABLE "PriceDiscount"
    ADD CONSTRAINT "PriceDiscount_in_bounds" CHECK ("percentage" > 0 AND "percentage" < 100),
    ADD CONSTRAINT "PriceDiscount_window" CHECK ("saleEndAt" > "saleStartAt");

-- Names are unique among what is not deleted; a slug stays taken for ever.
CREATE UNIQUE INDEX "Asset_name" ON "Asset"("companyId", lower("name")) WHERE "active";
CREATE UNIQUE INDEX "Endpoint_name" ON "Endpoint"("companyId", lower("name")) WHERE "active";
CREATE UNIQUE INDEX "Connection_name" ON "Connection"("companyId", lower("name")) WHERE "active";
CREATE INDEX "Asset_listed" ON "Asset"("createdAt", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Endpoint_listed" ON "Endpoint"("createdAt", "id") WHERE "sellInMarketplace" AND "active";
CREATE INDEX "Asset_listed_name" ON "Asset"("name", "id") WHERE "sellInMarketplace" AND "active";

ALTER TABLE "Company"
    ADD CONSTRAINT "Company_handle" CHECK ("handle" ~ '^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$'),
    ADD CONSTRAINT "Company_balance" CHECK ("creditsBalance" >= 0),
    ADD CONSTRAINT "Company_share" CHECK ("vendorSharePercent" BETWEEN 0 AND 1);
ALTER TABLE "User" ADD CONSTRAINT "User_role" CHECK ("roleId" IN (1, 2, 3, 4, 5, 9)), ADD CONSTRAINT "User_email" CHECK ("email" = lower("email"));
ALTER TABLE "ApiKey"
    ADD CONSTRAINT "ApiKey_role" CHECK ("roleId" IN (1, 2, 3, 4, 5, 9)),
    ADD CONSTRAINT "ApiKey_endpoint" CHECK (("kind" = 'ENDPOINT') = ("endpointId" IS NOT NULL)),
    ADD CONSTRAINT "ApiKey_limit" CHECK (("rateLimitNumber" IS NULL) = ("rateLimitPeriod" IS NULL) AND "rateLimitNumber" > 0);
ALTER TABLE "Session" ADD CONSTRAINT "Session_expiry" CHECK ("expiresAt" > "createdAt");
ALTER TABLE "Asset"
    ADD CONSTRAINT "Asset_questions" CHECK (cardinality("topQuestions") <= 3),
    ADD CONSTRAINT "Asset_limit" CHECK ("rateLimitNumber" IS NULL OR ("rateLimitNumber" > 0 AND "rateLimitPeriod" IS NOT NULL AND "rateLimitGranularity" IS NOT NULL)),
    ADD CONSTRAINT "Asset_vizLimit" CHECK ("vizDataLimit" > 0),
    ADD CONSTRAINT "Asset_period" CHECK ("dataTimePeriodEnd" >= "dataTimePeriodStart");
ALTER TABLE "Endpoint"
    ADD CONSTRAINT "Endpoint_questions" CHECK (cardinality("topQuestions") <= 3),
    ADD CONSTRAINT "Endpoint_limit" CHECK ("rateLimitNumber" IS NULL OR ("rateLimitNumber" > 0 AND "rateLimitPeriod" IS NOT NULL AND "rateLimitGranularity" IS NOT NULL)),
    ADD CONSTRAINT "Endpoint_page" CHECK ("maxRecordsPerRequest" BETWEEN 1 AND 10000),
    ADD CONSTRAINT "Endpoint_export" CHECK ("maxRecordsPerExport" > 0),
    ADD CONSTRAINT "Endpoint_period" CHECK ("dataTimePeriodEnd" >= "dataTimePeriodStart");
ALTER TABLE "Connection" ADD CONSTRAINT "Connection_timeout" CHECK ("timeoutMs" BETWEEN 1000 AND 300000);
ALTER TABLE "Grant" ADD CONSTRAINT "Grant_one_product" CHECK (num_nonnulls("assetId", "endpointId") = 1);
ALTER TABLE "Run"
    ADD CONSTRAINT "Run_one_product" CHECK (num_nonnulls("assetId", "endpointId") = 1),
    ADD CONSTRAINT "Run_credits" CHECK ("credits" >= 0),
    ADD CONSTRAINT "Run_finished" CHECK (("status" = 'RUNNING') = ("finishedAt" IS NULL)),
    ADD CONSTRAINT "Run_error" CHECK ("status" <> 'FAILED' OR "errorCode" IS NOT NULL);
ALTER TABLE "Post"
    ADD CONSTRAINT "Post_costs" CHECK ("dataCostCredits" >= 0 AND "serviceCostCredits" >= 0),
    ADD CONSTRAINT "Post_creativity" CHECK ("generationCreativity" BETWEEN 0 AND 100),
    ADD CONSTRAINT "Post_subheadings" CHECK ("generationSubheadingCount" BETWEEN 2 AND 5),
    ADD CONSTRAINT "Post_temperature" CHECK ("generationTemperature" BETWEEN 0 AND 2),
    ADD CONSTRAINT "Post_published" CHECK (NOT "isPublished" OR "publishedAt" IS NOT NULL);
ALTER TABLE "Publication" ADD CONSTRAINT "Publication_error" CHECK ("status" <> 'FAILED' OR "errorMessage" IS NOT NULL);
ALTER TABLE "Alert" ADD CONSTRAINT "Alert_threshold" CHECK ("thresholdPercent" > 0);
CREATE UNIQUE INDEX "Alert_userId_assetId_kind_key" ON "Alert"("userId", "assetId", "kind");

-- Money: a company's accounts and the platform's are one each; entries are never changed and sum to zero in each unit.
CREATE UNIQUE INDEX "JournalAccount_platform" ON "JournalAccount"("kind") WHERE "companyId" IS NULL;
CREATE UNIQUE INDEX "JournalTransaction_once" ON "JournalTransaction"("runId", "kind") WHERE "runId" IS NOT NULL;

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The journal is append-only.' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER "JournalEntry_append_only" BEFORE UPDATE OR DELETE ON "JournalEntry" FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER "JournalTransaction_append_only" BEFORE UPDATE OR DELETE ON "JournalTransaction" FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();

CREATE FUNCTION journal_sums_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM "JournalEntry" e JOIN "JournalAccount" a ON a."id" = e."accountId"
        WHERE e."transactionId" = NEW."transactionId" GROUP BY a."unit" HAVING sum(e."amount") <> 0
    ) THEN
        RAISE EXCEPTION 'The entries of journal transaction % do not sum to zero.', NEW."transactionId"
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER "JournalEntry_sums_to_zero" AFTER INSERT ON "JournalEntry"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_sums_to_zero();

-- Every process forgets a credential the moment it changes.
CREATE FUNCTION credential_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('credentials', TG_ARGV[0] || ':' || OLD."id"::text);
    RETURN NULL;
END $$;
CREATE TRIGGER "ApiKey_changed" AFTER UPDATE OR DELETE ON "ApiKey" FOR EACH ROW EXECUTE FUNCTION credential_changed('key');
CREATE TRIGGER "Session_changed" AFTER UPDATE OF "revokedAt" OR DELETE ON "Session" FOR EACH ROW EXECUTE FUNCTION credential_changed('session');
CREATE TRIGGER "User_changed" AFTER UPDATE OF "status", "roleId", "active" ON "User" FOR EACH ROW EXECUTE FUNCTION credential_changed('user');
CREATE TRIGGER "Company_changed" AFTER UPDATE OF "acceptedEula", "handle", "planId" ON "Company" FOR EACH ROW EXECUTE FUNCTION credential_changed('company');
