import { buildWarehouses } from '../prisma/seed/build-warehouses.ts';
import { ConfigError, readConfig } from './config.ts';
import { databaseServer, isDemo, warehouseDirectory, type DatabaseServer } from './database/installation.ts';

let server: DatabaseServer | undefined;
try {
  const config = readConfig();
  // What other processes do is begun first: the rest of the gateway is loaded meanwhile.
  if (isDemo(config)) void buildWarehouses(warehouseDirectory(config)).catch(() => undefined);
  const starting = databaseServer(config).then((started) => (server = started));
  starting.catch(() => undefined);
  const [{ serve }] = await Promise.all([import('./serve.ts'), isDemo(config) && import('./demo.ts')]);
  await starting;
  await serve(config, server as DatabaseServer);
} catch (error) {
  const port =
    (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'The port is taken: set PORT to another one.' : null;
  process.stderr.write(`${port ?? (error instanceof ConfigError ? error.message : (error as Error).stack)}\n`);
  await server?.stop().catch(() => undefined);
  process.exit(1);
}
