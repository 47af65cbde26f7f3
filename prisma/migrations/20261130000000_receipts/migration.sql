-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "engineJobId" TEXT;
