-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "sample" JSONB;
