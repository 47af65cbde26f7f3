-- CreateEnum
CREATE TYPE "PlatformFailure" AS ENUM ('AUTH', 'VALIDATION', 'CONFLICT', 'RATE_LIMIT', 'UNAVAILABLE');

-- AlterTable
ALTER TABLE "Publication" ADD COLUMN     "errorCode" "PlatformFailure";
