// Brings every sealed value from SECRETS_KEY_OLD under SECRETS_KEY: `npm run secrets:rotate`. Stop the gateways before,
// start them with the new key after. It may be interrupted, and run again.
import { databaseServer } from '../src/database/installation.ts';
import { ConfigError, readConfig, type Config } from '../src/config.ts';
import { openDatabase } from '../src/database/db.ts';
import { createLog } from '../src/log.ts';
import { rotateSecrets, type Masters } from '../src/platform/rotate-secrets.ts';

function mastersOf({ SECRETS_KEY: to, SECRETS_KEY_OLD: from }: Config): Masters {
  if (!to || !from)
    throw new ConfigError([
      ...(from ? [] : ['SECRETS_KEY_OLD: is needed, the key until now']),
      ...(to ? [] : ['SECRETS_KEY: is needed, the key from now on']),
    ]);
  if (to === from) throw new ConfigError(['SECRETS_KEY_OLD: is the same key as SECRETS_KEY']);
  return { from: Buffer.from(from, 'base64'), to: Buffer.from(to, 'base64') };
}

try {
  const config = readConfig();
  const masters = mastersOf(config);
  const server = await databaseServer(config);
  const database = openDatabase(server.url, 2, createLog('silent'));
  try {
    const all = await rotateSecrets(database, masters);
    for (const { table, rewrapped, kept, dropped, unreadable } of all) {
      const more = dropped > 0 ? `, ${dropped} too old and dropped` : '';
      console.log(`${table}: ${rewrapped} re-wrapped, ${kept} under the new key already${more}.`);
      for (const id of unreadable) console.error(`${table} ${id}: neither key opens it; it was left as it is.`);
    }
    console.log(
      'Start the gateways with the new key. Webhooks of alerts are signed with new secrets: alertUpdate tells them.',
    );
    process.exitCode = all.some(({ unreadable }) => unreadable.length > 0) ? 1 : 0;
  } finally {
    await database.close();
    await server.stop();
  }
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : (error as Error).stack);
  process.exitCode = 1;
}
