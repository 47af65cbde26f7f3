import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRollups } from '../src/analytics/check.ts';
import { newId } from '../src/ids.ts';
import { ask, failed, leaves, openMarket, run, table, write, type Market } from './analytics.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let m: Market;
beforeAll(async () => {
  t = await testGateway();
  m = await openMarket(t);
});
afterAll(() => t.close());

const HEADER = 'started_at,run_id,product_kind,product,seller,status,error_code,credits,rows,elapsed_ms,api_key';
const objectFields =
  'nodes { id kind name updatedAt } totalCount { value isExact } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

describe('usage works', () => {
  it('tells the month of a buyer by day, product and key, and what the plan leaves', async () => {
    const buyer = await t.tenant({ timezone: 'Asia/Kolkata' });
    const apiKeyId = buyer.keyIds.OWNER;
    await write(
      t,
      run(m.us, buyer, m.churn, '2026-01-31T23:59:59Z', { apiKeyId }),
      run(m.us, buyer, m.churn, '2026-02-01T00:00:00Z', { apiKeyId }),
      run(m.us, buyer, m.churn, '2026-02-03T10:00:00Z'),
      run(m.us, buyer, m.churn, '2026-02-28T23:59:59Z', { ...failed, endpointId: m.feed, apiKeyId }),
      run(m.us, buyer, m.churn, '2026-03-01T00:00:00Z', { apiKeyId }),
      run(m.us, m.ada, m.churn, '2026-02-03T10:00:00Z'),
    );
    const outcomes = 'total successes failures';
    const parts = `byDay { day ${outcomes} } byProduct { productId isEndpoint name seller { handle } credits ${outcomes} } byKey { apiKey { id } ${outcomes} }`;
    const quota = 'quota { plan { code } monthlyRequests used remaining resetAt }';
    const { data } = await ask(t, buyer, `usage(month: $month) { month ${outcomes} ${parts} ${quota} }`, {
      month: '2026-02',
    });
    const { byDay, byProduct, byKey, quota: left, ...rest } = data.company.usage;
    expect(rest).toEqual({ month: '2026-02', total: 3, successes: 2, failures: 1 });
    expect(leaves(left)).toEqual(['FREE', 10_000, 2, 9998, '2026-03-01T00:00:00.000Z']);
    expect(table(byProduct)).toEqual([
      [gid('Asset', m.churn), false, 'Churn', 'us', 8, 2, 2, 0],
      [gid('Endpoint', m.feed), true, 'Feed', 'us', 0, 1, 0, 1],
    ]);
    expect(table(byKey)).toEqual([
      [gid('ApiKey', apiKeyId), 2, 1, 1],
      [null, 1, 1, 0],
    ]);
    expect(byDay).toHaveLength(28);
    expect(table(byDay.filter((day: { total: number }) => day.total > 0))).toEqual([
      ['2026-02-01', 1, 1, 0],
      ['2026-02-03', 1, 1, 0],
      ['2026-02-28', 1, 0, 1],
    ]);
  });

  it('reads a month with the same statements whatever it holds', async () => {
    const buyer = await t.tenant();
    const field =
      'usage(month: $month) { total failures byDay { total } byProduct { name seller { handle } } byKey { apiKey { name } } quota { used plan { code } } csv }';
    const month = { month: '2026-02' };
    const fill = async (): Promise<void> => {
      for (const id of Object.values(buyer.keyIds))
        await write(t, run(m.us, buyer, newId(), '2026-02-05T00:00:00Z', { apiKeyId: id }));
    };
    await write(t, run(m.us, buyer, m.churn, '2026-02-05T00:00:00Z', { apiKeyId: buyer.keyIds.VIEWER }));
    await ask(t, buyer, 'handle');
    const one = await t.statements(() => ask(t, buyer, field, month));
    await fill();
    const many = await t.statements(() => ask(t, buyer, field, month));
    // The company, its days, products, keys, plan and log; the sellers and the API keys that these name.
    expect([one.length, many.length]).toEqual([8, 8]);
  });

  it('shows the current month unless told otherwise', async () => {
    const now = new Date();
    const { data } = await ask(
      t,
      m.nobody,
      'usage { month total byProduct { name } byKey { total } csv quota { used remaining resetAt } }',
    );
    const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString();
    expect(leaves(data)).toEqual([now.toISOString().slice(0, 7), 0, `${HEADER}\r\n`, 0, 10_000, next]);
  });

  it('writes a log as CSV that no spreadsheet runs', async () => {
    const buyer = await t.tenant();
    const risky = await t.world.asset(m.us.company.id, { name: '=HYPERLINK("http://x"),"a"' });
    const { key } = await t.world.apiKey(buyer.company.id, 'ANALYST', { name: '@night' });
    const first = run(m.us, buyer, risky.id, '2026-06-02T10:00:00Z', { apiKeyId: key.id, elapsedMs: 12 });
    const second = run(m.us, buyer, risky.id, '2026-06-03T10:00:00Z', { ...failed, endpointId: m.feed });
    await write(t, first, second);
    await t.app.database.prisma.run.create({
      data: {
        id: second.id,
        kind: 'PAGE',
        status: 'CANCELLED',
        companyId: buyer.company.id,
        sellerCompanyId: m.us.company.id,
        endpointId: m.feed,
        errorCode: 'CANCELLED',
        startedAt: second.at,
        finishedAt: second.at,
      },
    });
    const { data } = await ask(t, buyer, 'usage(month: $month) { csv }', { month: '2026-06' });
    expect(data.company.usage.csv.split('\r\n')).toEqual([
      HEADER,
      `2026-06-03T10:00:00.000Z,${second.id},endpoint,Feed,us,cancelled,CANCELLED,0,0,9000,`,
      `2026-06-02T10:00:00.000Z,${first.id},asset,"'=HYPERLINK(""http://x""),""a""",us,succeeded,,4,1,12,'@night`,
      '',
    ]);
  });
});

describe('objects work', () => {
  it('lists connections and assets, what changed last first, page by page', async () => {
    const owner = await t.tenant();
    const { id } = owner.company;
    const on = (day: number) => ({ updatedAt: new Date(Date.UTC(2026, 0, day)) });
    const oldest = await t.world.connection(id, { name: 'A', ...on(1) });
    const asset = await t.world.asset(id, { name: 'B', ...on(2) });
    await t.world.connection(id, { name: 'C', ...on(3) });
    await t.world.asset(id, { name: 'D', ...on(3) });
    await t.world.asset(id, { name: 'Gone', active: false });
    const page = async (args: string) =>
      (await ask(t, owner, `objects(${args}) { ${objectFields} }`)).data.company.objects;
    const names = (list: { nodes: { name: string }[] }) => list.nodes.map(({ name }) => name);
    const first = await page('first: 3');
    expect(names(first)).toEqual(['D', 'C', 'B']);
    expect(leaves(first.nodes[2])).toEqual([gid('Asset', asset), 'ASSET', 'B', '2026-01-02T00:00:00.000Z']);
    expect(first.totalCount).toEqual({ value: 4, isExact: true });
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const second = await page(`first: 3, after: "${first.pageInfo.endCursor}"`);
    expect(table(second.nodes)).toEqual([[gid('Connection', oldest), 'CONNECTION', 'A', '2026-01-01T00:00:00.000Z']]);
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(names(await page(`last: 2, before: "${second.pageInfo.startCursor}"`))).toEqual(['C', 'B']);
    const byName = 'orderBy: { field: NAME, direction: ASC }';
    const some = await page(`first: 2, ${byName}`);
    expect(names(some)).toEqual(['A', 'B']);
    expect(names(await page(`${byName}, after: "${some.pageInfo.endCursor}"`))).toEqual(['C', 'D']);
    expect(names(await page('kind: ASSET'))).toEqual(['D', 'B']);
    await t.world.connection(id, { name: '100%_sure', ...on(4) });
    const sure = await page('search: "0%_S", kind: CONNECTION');
    expect([names(sure), sure.totalCount.value]).toEqual([['100%_sure'], 1]);
    expect(names(await page('search: "nothing"'))).toEqual([]);
    for (const [args, code] of [
      [`after: "${some.pageInfo.endCursor}"`, 'CURSOR_MISMATCH'],
      [`search: "${'x'.repeat(256)}"`, 'BAD_FILTER'],
    ])
      expect((await ask(t, owner, `objects(${args}) { nodes { id } }`)).errors?.[0]?.extensions.code).toBe(code);
    expect(await t.statements(() => ask(t, owner, 'objects { nodes { id name } }'))).toHaveLength(1);
    expect(await t.statements(() => ask(t, owner, 'objects { totalCount { value } }'))).toHaveLength(1);
  });
});

describe('the check of the rollups works', () => {
  it('tells where the rollups and the events differ', async () => {
    expect(await checkRollups(t.app.database.query)).toEqual([]);
    const seller = await t.tenant();
    const changed = run(seller, m.ada, newId(), '2026-07-01T10:15:00Z');
    const lost = run(seller, m.bob, newId(), '2026-07-01T11:15:00Z');
    await write(t, changed, lost);
    const { query } = t.app.database;
    await query('update "UsageRollup" set runs = 2, "earningsCents" = 7 where "productId" = $1', [changed.assetId]);
    await query('delete from "UsageRollup" where "productId" = $1', [lost.assetId]);
    await query(
      'update "BuyerTotal" set "firstSuccessAt" = null, credits = 5 where "sellerCompanyId" = $1 and "buyerCompanyId" = $2',
      [seller.company.id, m.ada.company.id],
    );
    await query('update "ProductTotal" set "lastRunAt" = $2 where "productId" = $1', [changed.assetId, lost.at]);
    await query('insert into "ProductTotal" select $1, $2, 1, 0, $3', [seller.company.id, m.ada.company.id, lost.at]);
    await query('update "BuyerMonth" set successes = successes + 2 where month = $1', ['2026-07-01T00:00:00Z']);
    const [{ july } = { july: 0 }] = await query<{ july: number }>(
      `select count(*)::int as july from "UsageEvent" where "buyerCompanyId" = $1 and "isSuccess" and at >= '2026-07-01Z' and at < '2026-08-01Z'`,
      [m.ada.company.id],
    );
    const of = (buyer: string, product: string | null): string =>
      `Usage rollup of seller ${seller.company.id}, buyer ${buyer}, product ${product}`;
    expect(await checkRollups(query)).toEqual([
      `${of(m.ada.company.id, changed.assetId)}, 2026-07-01T10:00:00Z: runs 2, events say 1; earningsCents 7, events say 160.`,
      `${of(m.bob.company.id, lost.assetId)}, 2026-07-01T11:00:00Z: runs 0, events say 1; successes 0, events say 1; credits 0, events say 4; earningsCents 0, events say 160; rows 0, events say 1.`,
      `Total of seller ${seller.company.id}, buyer ${m.ada.company.id}: credits 5, events say 4; firstSuccessAt never, events say 2026-07-01T10:15:00.000Z.`,
      ...[m.ada, m.bob]
        .map(
          ({ company }) =>
            `Month 2026-07 of buyer ${company.id}: successes ${company.id === m.ada.company.id ? july + 2 : 3}, events say ${company.id === m.ada.company.id ? july : 1}.`,
        )
        .toSorted(),
      ...[
        `Total of product ${changed.assetId}, buyer ${m.ada.company.id}: lastRunAt 2026-07-01T11:15:00.000Z, events say 2026-07-01T10:15:00.000Z.`,
        `Total of product ${seller.company.id}, buyer ${m.ada.company.id}: runs 1, events say 0; lastRunAt 2026-07-01T11:15:00.000Z, events say never.`,
      ].toSorted(),
    ]);
  });
});

describe('usage and objects refuse', () => {
  const refusals: [field: string, code: string, path: string][] = [
    ['usage(month: "2026-13") { total }', 'BAD_REQUEST', 'month'],
    ['usage(month: "2026-1") { total }', 'BAD_REQUEST', 'month'],
    ['usage(month: "1999-12") { total }', 'BAD_REQUEST', 'month'],
    ['objects(first: 101) { nodes { id } }', 'PAGE_SIZE', 'first'],
    ['objects(after: "x") { nodes { id } }', 'BAD_CURSOR', 'after'],
  ];
  it.each(refusals)('%s', async (field, code, path) => {
    const { errors } = await ask(t, m.us, field);
    expect(errors?.map((error) => error.extensions)).toMatchObject([{ code, argumentPath: [path] }]);
  });
});

describe('usage and objects guard', () => {
  it.each(['usage { total }', 'objects { nodes { id } }'])(
    'show %s to nobody without a credential, nor to operators',
    async (field) => {
      const anonymous = await t.run(null, `{ company { ${field} } }`);
      expect([anonymous.data, anonymous.errors?.[0]?.extensions.code]).toEqual([{ company: null }, 'UNAUTHENTICATED']);
      const operator = await t.run(m.us.keys.OPERATOR, `{ company { ${field} } }`);
      expect([operator.data, operator.errors?.[0]?.extensions.code]).toEqual([{ company: null }, 'FORBIDDEN']);
    },
  );

  it('show a company nothing of what another buys or has, nor the keys of another', async () => {
    const usage = 'usage(month: $month) { total csv byProduct { name } byKey { apiKey { name } } }';
    const { data } = await ask(t, m.nobody, `${usage} objects { nodes { name } totalCount { value } }`, {
      month: '2026-03',
    });
    expect(leaves(data)).toEqual([0, `${HEADER}\r\n`, 0]);
    // An event that names a key of another company, as no real one does, shows nothing of that key.
    await write(t, run(m.us, m.nobody, m.churn, '2026-08-01T00:00:00Z', { apiKeyId: m.us.keyIds.OWNER }));
    const { data: odd } = await ask(t, m.nobody, usage, { month: '2026-08' });
    expect(odd.company.usage.byKey).toEqual([{ apiKey: null }]);
    expect(odd.company.usage.csv.split('\r\n')[1].endsWith(',100,')).toBe(true);
  });
});
