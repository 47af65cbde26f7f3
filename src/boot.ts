import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { warehousesBuilt } from '../prisma/seed/build-warehouses.ts';
import { createAuthenticator, type Authenticator } from './auth.ts';
import { ConfigError, type Config } from './config.ts';
import type { App } from './context.ts';
import { openPlatformAccounts } from './credits/journal.ts';
import { openDatabase } from './database/db.ts';
import { isDemo, warehouseDirectory } from './database/installation.ts';
import { createJobs } from './jobs.ts';
import { openLimits } from './limits/limit-store.ts';
import { createBatchers } from './lists/loader.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { migrate } from './database/migrate.ts';
import { syncReference } from './reference/sync.ts';
import { createSealer } from './secrets.ts';
import { createUsageBuffer } from './usage/buffer.ts';
import { createEngines } from './warehouse/registry.ts';

/** The key that seals credentials: SECRETS_KEY, or one that the data directory of the embedded database keeps. */
function sealingKey(config: Config): Buffer {
  if (config.SECRETS_KEY) return Buffer.from(config.SECRETS_KEY, 'base64');
  if (config.DATABASE_URL) {
    throw new ConfigError(['SECRETS_KEY: is needed beside DATABASE_URL; `openssl rand -base64 32` makes one']);
  }
  const file = path.join(config.DATA_DIR, 'secrets.key');
  if (!existsSync(file)) {
    mkdirSync(config.DATA_DIR, { recursive: true });
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' });
  }
  return Buffer.from(readFileSync(file, 'utf8'), 'base64');
}

/** Opens everything on a database that is migrated and has its reference data by the time this returns. */
export async function openApp(config: Config, url: string): Promise<App> {
  const sealer = createSealer(sealingKey(config));
  const log = createLog(config.LOG_LEVEL);
  const database = openDatabase(url, config.DATABASE_POOL, log);
  // The demo needs Prisma at once, which is loaded while the database is at work; others may never need it.
  await Promise.all([migrate(url), isDemo(config) && database.prisma.$connect()]);
  await syncReference(database.query);
  await openPlatformAccounts(database.query);
  const usage = createUsageBuffer(database, log);
  const engines = createEngines({
    duckdbRoots: [warehouseDirectory(config)],
    duckdbReady: () => warehousesBuilt(warehouseDirectory(config)),
    network: { allowPrivate: config.ALLOW_PRIVATE_CONNECTIONS },
  });
  const jobs = createJobs(url, log);
  const limits = await openLimits(config.RATE_LIMITS, database, log);
  const endings: (() => Promise<void>)[] = [];
  return {
    config,
    publicUrl: config.PUBLIC_URL ?? `http://localhost:${config.PORT}`,
    isDemo: isDemo(config),
    log,
    database,
    batchers: createBatchers(),
    limits,
    engines,
    sealer,
    usage,
    metrics: createMetrics(database, config.METRICS_TOKEN !== undefined),
    jobs,
    forgetViewers: () => {},
    onClose: (end) => void endings.push(end),
    async close() {
      await jobs.stop();
      for (const end of endings) await end();
      await usage.stop();
      await engines.close();
      limits.close();
      await database.close();
    },
  };
}

/** The authenticator of an app, which tells it of changed credentials. */
export async function openAuthenticator(app: App): Promise<Authenticator> {
  const authenticator = await createAuthenticator(app.database, app.usage, app.limits.keys, app.log);
  app.forgetViewers = (companyId) => authenticator.forget(companyId);
  return authenticator;
}
