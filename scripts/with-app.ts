import { openApp } from '../src/boot.ts';
import { readConfig } from '../src/config.ts';
import type { App } from '../src/context.ts';
import { databaseServer } from '../src/database/installation.ts';

/**
 * Does something with the gateway's database and lets go of it. What fails is said in a line, and the process ends
 * with 1. Nothing but what `work` prints goes to standard output.
 */
export async function withApp(work: (app: App) => Promise<void>): Promise<void> {
  try {
    const config = { ...readConfig(), LOG_LEVEL: 'silent' as const };
    const server = await databaseServer(config);
    try {
      const app = await openApp(config, server.url);
      try {
        await work(app);
      } finally {
        await app.close();
      }
    } finally {
      await server.stop();
    }
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
