import { startDeliveries } from './alerts/worker.ts';
import { startRefreshes } from './assets/refresh.ts';
import { openApp, openAuthenticator } from './boot.ts';
import type { Config } from './config.ts';
import type { App } from './context.ts';
import { createExplorer } from './http/explorer.ts';
import { startExports } from './exports/worker.ts';
import type { DatabaseServer } from './database/installation.ts';
import { startPopularity } from './marketplace/popularity.ts';
import { startSweeper } from './usage/sweeper.ts';
import { schema } from './schema.ts';
import { createGateway } from './http/server.ts';

/** Starts what works beside the requests; returns the way to stop what does not end with the app. */
export async function startWorkers(app: App): Promise<() => Promise<void>> {
  await startExports(app);
  await startPopularity(app);
  await startDeliveries(app);
  await startRefreshes(app);
  return startSweeper(app);
}

/** Serves the gateway on a database until the process is told to end. */
export async function serve(config: Config, server: DatabaseServer): Promise<void> {
  const app = await openApp(config, server.url);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const demo = app.isDemo ? await import('./demo.ts') : null;
  const [stopWorkers] = await Promise.all([startWorkers(app), demo?.seedDemo(app, say)]);
  const auth = await openAuthenticator(app);
  // The explorer signs in once the port is this process's own: another one there keeps its key.
  const listening = Promise.withResolvers<number>();
  const explorerKey = listening.promise.then((port) => demo?.signInExplorer(app, port) ?? null);
  const gateway = createGateway(app, schema, auth, createExplorer(explorerKey));
  const end = async (): Promise<void> => {
    await stopWorkers();
    await gateway.drain(config.SHUTDOWN_GRACE_MS);
    await auth.close();
    await app.close();
  };
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    app.log.info({ signal }, 'draining');
    await end();
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

  const { port } = await gateway.listen(config.PORT, config.HOST).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  listening.resolve(port);
  const isSignedIn = (await explorerKey) !== null;
  say(
    `\nThe gateway is at http://localhost:${port}/graphql${isSignedIn ? ', where the explorer is signed in as the demo seller' : ''}.`,
  );
}
