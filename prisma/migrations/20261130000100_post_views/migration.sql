-- By hand: a row a reader, with the last view that counted, in place of one for each half hour of the clock.
DELETE FROM "PostView" v USING "PostView" later
WHERE later."postId" = v."postId" AND later."visitor" = v."visitor" AND later."window" > v."window";

ALTER TABLE "PostView" DROP CONSTRAINT "PostView_pkey";
ALTER TABLE "PostView" RENAME COLUMN "window" TO "countedAt";
ALTER TABLE "PostView" ALTER COLUMN "countedAt" SET DATA TYPE TIMESTAMPTZ(3);
ALTER TABLE "PostView" ADD CONSTRAINT "PostView_pkey" PRIMARY KEY ("postId", "visitor");
