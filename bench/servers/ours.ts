/** The gateway with all that a request goes through (key, limits, cost, logs, usage), its workers beside it. */
import { openApp, openAuthenticator } from '../../src/boot.ts';
import { readConfig } from '../../src/config.ts';
import { startWorkers } from '../../src/serve.ts';
import { createGateway } from '../../src/http/server.ts';
import { schema } from '../../src/schema.ts';
import { countStatement, serve } from '../lib/serve.ts';

const config = readConfig();
const app = await openApp(config, config.DATABASE_URL ?? '');
app.database.onStatement(countStatement);
await startWorkers(app);
const gateway = createGateway(app, schema, await openAuthenticator(app), () => '');
serve(await gateway.listen(0, '127.0.0.1'));
