// A gateway in a process of its own that is to be killed. Each request it is sent has a database connection of its
// own, on which it can be made to stop: see postgres-proxy.ts.
import { openApp, openAuthenticator } from '../../src/boot.ts';
import { readConfig } from '../../src/config.ts';
import type { App } from '../../src/context.ts';
import { openDatabase } from '../../src/database/db.ts';
import { workOnExport } from '../../src/exports/work.ts';
import { createBatchers } from '../../src/lists/loader.ts';
import { schema } from '../../src/schema.ts';
import { createGateway } from '../../src/http/server.ts';
import { createUsageBuffer } from '../../src/usage/buffer.ts';
import { sweepRuns } from '../../src/usage/runs.ts';
import { stillEngine } from './still-engine.ts';

/** What the child does: a mutation as the holder of a key, an export that a worker takes up, or a sweep. */
export type CrashWork =
  | { key: string; query: string; input: Record<string, unknown> }
  | { exportId: string }
  | { sweep: true };
export interface CrashRequest {
  id: number;
  url: string;
  work: CrashWork;
}

const config = readConfig();
const base = await openApp(config, config.DATABASE_URL ?? '');
stillEngine(base);
const auth = await openAuthenticator(base);

async function answer({ url, work }: CrashRequest): Promise<unknown> {
  const database = openDatabase(url, 1, base.log);
  const app: App = { ...base, database, batchers: createBatchers(), usage: createUsageBuffer(database, base.log) };
  let answered: unknown = null;
  if ('sweep' in work) {
    answered = await sweepRuns(database);
  } else if ('exportId' in work) {
    await workOnExport(app, { data: work, isLastTry: false, signal: new AbortController().signal });
  } else {
    const response = await createGateway(app, schema, auth, () => '').fetch('http://gateway/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': work.key },
      body: JSON.stringify({ query: work.query, variables: { input: work.input } }),
    });
    answered = await response.json();
  }
  await app.usage.flush();
  return answered;
}

process.on('message', (request: CrashRequest) => {
  answer(request).then(
    (answered) => process.send?.({ id: request.id, answered }),
    (error: unknown) => process.send?.({ id: request.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ isReady: true });
