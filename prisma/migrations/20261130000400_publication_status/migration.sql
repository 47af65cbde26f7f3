-- Nothing takes a copy on another platform back, so no publication ever was DELETED.
ALTER TABLE "Publication" DROP CONSTRAINT "Publication_error";
ALTER TYPE "PublicationStatus" RENAME TO "PublicationStatus_old";
CREATE TYPE "PublicationStatus" AS ENUM ('PUBLISHED', 'FAILED');
ALTER TABLE "Publication" ALTER COLUMN "status" TYPE "PublicationStatus" USING ("status"::text::"PublicationStatus");
DROP TYPE "PublicationStatus_old";
ALTER TABLE "Publication" ADD CONSTRAINT "Publication_error" CHECK ("status" <> 'FAILED' OR "errorMessage" IS NOT NULL);
