-- All entries of a transaction come in one statement, which is checked once, not once an entry.
DROP TRIGGER "JournalEntry_sums_to_zero" ON "JournalEntry";
CREATE OR REPLACE FUNCTION journal_sums_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT DISTINCT "transactionId" FROM added LOOP
        IF EXISTS (
            SELECT FROM "JournalEntry" e JOIN "JournalAccount" a ON a."id" = e."accountId"
            WHERE e."transactionId" = one GROUP BY a."unit" HAVING sum(e."amount") <> 0
        ) THEN
            RAISE EXCEPTION 'The entries of journal transaction % do not sum to zero.', one
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER "JournalEntry_sums_to_zero" AFTER INSERT ON "JournalEntry"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION journal_sums_to_zero();

-- What a plan allows is held against one row a month, however much a company uses.
CREATE TABLE "BuyerMonth" (
    "buyerCompanyId" UUID NOT NULL,
    "month" TIMESTAMPTZ(0) NOT NULL,
    "successes" BIGINT NOT NULL,

    CONSTRAINT "BuyerMonth_pkey" PRIMARY KEY ("buyerCompanyId","month")
);
INSERT INTO "BuyerMonth" SELECT "buyerCompanyId", date_trunc('month', "hour", 'UTC'), sum("successes") FROM "UsageRollup" GROUP BY 1, 2;

-- "JournalTransaction_once" finds the transactions of a run as well.
DROP INDEX "JournalTransaction_runId_idx";
