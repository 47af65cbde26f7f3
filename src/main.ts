import { startDeliveries } from './alerts/worker.ts';
import { startRefreshes } from './assets/refresh.ts';
import { databaseServer, openApp, openAuthenticator } from './boot.ts';
import { ConfigError, readConfig } from './config.ts';
import { seedDemo, signInExplorer } from './demo.ts';
import { createExplorer } from './explorer.ts';
import { startExports } from './exports/worker.ts';
import { startPopularity } from './marketplace/popularity.ts';
import { startSweeper } from './usage/sweeper.ts';
import { schema } from './schema.ts';
import { createGateway } from './server.ts';

async function main(): Promise<void> {
  const config = readConfig();
  const server = await databaseServer(config);
  const app = await openApp(config, server.url);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (app.isDemo) await seedDemo(app, say);
  const auth = await openAuthenticator(app);
  const explorerKey = app.isDemo ? await signInExplorer(app) : null;
  const gateway = createGateway(app, schema, auth, createExplorer(explorerKey));
  await startExports(app);
  await startPopularity(app);
  await startDeliveries(app);
  await startRefreshes(app);
  const stopSweeper = await startSweeper(app);
  const { port } = await gateway.listen(config.PORT, config.HOST);
  say(
    `\nThe gateway is at http://localhost:${port}/graphql${explorerKey ? ', where the explorer is signed in as the demo seller' : ''}.`,
  );

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    app.log.info({ signal }, 'draining');
    await stopSweeper();
    await gateway.drain(config.SHUTDOWN_GRACE_MS);
    await auth.close();
    await app.close();
    await server.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop(signal).catch((error: unknown) => {
        app.log.fatal({ err: error }, 'the shutdown failed');
        process.exit(1);
      });
    });
  }
}

try {
  await main();
} catch (error) {
  const port =
    (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'The port is taken: set PORT to another one.' : null;
  process.stderr.write(`${port ?? (error instanceof ConfigError ? error.message : (error as Error).stack)}\n`);
  process.exit(1);
}
