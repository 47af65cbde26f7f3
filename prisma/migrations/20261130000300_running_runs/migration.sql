-- Whoever looks by status looks for runs at work, which are few; all others had an entry that nobody read.
DROP INDEX "Run_status_startedAt_idx";
CREATE INDEX "Run_running" ON "Run" ("startedAt", id) WHERE status = 'RUNNING';
