-- AlterTable
ALTER TABLE "Asset" ADD COLUMN     "answerColumns" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "prompt" TEXT;

-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "completionTokens" INTEGER,
ADD COLUMN     "promptTokens" INTEGER;
