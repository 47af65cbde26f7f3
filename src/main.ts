import { buildWarehouses } from '../prisma/seed/build-warehouses.ts';
import { ConfigError, readConfig } from './config.ts';
import { databaseServer, isDemo, warehouseDirectory } from './installation.ts';

try {
  const config = readConfig();
  // What other processes do is begun first: the rest of the gateway is loaded meanwhile.
  if (isDemo(config)) void buildWarehouses(warehouseDirectory(config)).catch(() => undefined);
  const [server, { serve }] = await Promise.all([databaseServer(config), import('./serve.ts')]);
  await serve(config, server);
} catch (error) {
  const port =
    (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'The port is taken: set PORT to another one.' : null;
  process.stderr.write(`${port ?? (error instanceof ConfigError ? error.message : (error as Error).stack)}\n`);
  process.exit(1);
}
