import { readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printedOperations } from '../scripts/print-operations.ts';
import { issueDemoKey, seedDemo } from '../src/demo.ts';
import { testGateway } from './helpers/gateway.ts';
import { openIdIssuer } from './helpers/openid-issuer.ts';
import { startReceiver } from './helpers/platform-servers.ts';
import { groups } from './operations/index.ts';
import type { Caller, Data, World } from './operations/row.ts';

/** Every operation of the REST API has a document that does it, run on the demo market in the order of the tables. */

const TOTAL = 113;
const ids = Array.from({ length: TOTAL }, (_, i) => `OP-${String(i + 1).padStart(3, '0')}`);
const rows = groups.flatMap((group) => group.rows);
const passed = new Set<string>();

let w: World;
beforeAll(async () => {
  const issuer = await openIdIssuer();
  const receiver = await startReceiver();
  const t = await testGateway({ DEMO: 'true', ...issuer.settings });
  await seedDemo(t.app, () => {});
  const keys = {
    seller: await issueDemoKey(t.app, 'seller', 'OWNER'),
    buyer: await issueDemoKey(t.app, 'buyer', 'OWNER'),
  };
  const kept: World['kept'] = { receiverUrl: `${receiver.url}/hook` };
  const send = async (document: string, variables: Record<string, unknown> = {}, as: Caller = 'seller') => {
    const headers = as === 'session' ? { headers: { authorization: `Bearer ${kept['sessionToken']}` } } : {};
    const key = as === 'seller' || as === 'buyer' ? keys[as] : null;
    const { data, errors } = await t.run(key, document, variables, headers);
    expect(errors).toBeUndefined();
    return data as Record<string, { userErrors?: { code: string; path: string[] | null }[] } | null>;
  };
  const mistakes = (data: Awaited<ReturnType<typeof send>>) =>
    Object.values(data).flatMap((field) => field?.userErrors ?? []);
  w = {
    t,
    kept,
    receiver,
    issuer,
    keys,
    async ask(...sent) {
      const data = await send(...sent);
      expect(mistakes(data)).toEqual([]);
      return data as Data;
    },
    refused: async (...sent) =>
      mistakes(await send(...sent)).map(({ code, path: at }) => [code, at?.join('.')].filter(Boolean).join(' ')),
    sql: (text, values = []) => t.app.database.query(text, values),
  };
});
afterAll(async () => {
  await w.t.close();
  await Promise.all([w.receiver.close(), w.issuer.close()]);
  // Straight to the descriptor: the line stands on its own, without the name of the file before it.
  writeSync(1, `${passed.size} of ${TOTAL} operations\n`);
});

describe.each(groups)('$name', (group) => {
  it.each(group.rows)('$id $field', async (row) => {
    await row.prepare?.(w);
    await row.check(await w.ask(row.document, row.variables?.(w.kept), row.as), w);
    passed.add(row.id);
  });
});

describe('the tables', () => {
  it.each(ids)('%s has one row', (id) => {
    expect(rows.filter((row) => row.id === id)).toHaveLength(1);
  });

  it('name each request of the REST API once, with its method', () => {
    const methods = Object.groupBy(rows, (row) => row.rest.split(' ')[0] ?? '');
    expect(new Set(rows.map((row) => row.rest)).size).toBe(TOTAL);
    expect(Object.fromEntries(Object.entries(methods).map(([method, all]) => [method, all?.length]))).toEqual({
      GET: 67,
      POST: 24,
      PATCH: 11,
      DELETE: 11,
    });
  });

  it('are what docs/operations.md says', () => {
    const file = path.join(import.meta.dirname, '../docs/operations.md');
    expect(readFileSync(file, 'utf8') === printedOperations(), 'run node scripts/print-operations.ts').toBe(true);
  });
});
