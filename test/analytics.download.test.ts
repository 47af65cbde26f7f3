import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usageUrlOf } from '../src/analytics/download.ts';
import { readMonth } from '../src/analytics/range.ts';
import { ROWS_OF_PART } from '../src/analytics/usage.ts';
import { ask, openMarket, run, write, type Market } from './analytics.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let m: Market;
beforeAll(async () => {
  t = await testGateway();
  m = await openMarket(t);
});
afterAll(() => t.close());

const HEADER = 'started_at,run_id,product_kind,product,seller,status,error_code,credits,rows,elapsed_ms,api_key';

describe('the log of a month as a file', () => {
  const urlOf = async (buyer: Tenant, month: string): Promise<string> =>
    (await ask(t, buyer, 'usage(month: $month) { downloadUrl }', { month })).data.company.usage.downloadUrl;
  const get = (url: string, method = 'GET') => t.gateway.fetch(url, { method });

  it('has every run of the month once, however many parts it is read in', async () => {
    const buyer = await t.tenant();
    const mine = Array.from({ length: 2 * ROWS_OF_PART + 1 }, (_, i) =>
      // Many at one instant: the parts go on within it.
      run(m.us, buyer, m.churn, `2026-06-${String(1 + (i % 3)).padStart(2, '0')}T10:00:00Z`),
    );
    await write(
      t,
      ...mine,
      run(m.us, buyer, m.churn, '2026-07-01T00:00:00Z'),
      run(m.us, m.bob, m.churn, '2026-06-02T10:00:00Z'),
    );
    const answer = await get(await urlOf(buyer, '2026-06'));
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      200,
      'text/csv; charset=utf-8; header=present',
      'attachment; filename="usage-2026-06.csv"',
    ]);
    const [header, ...lines] = (await answer.text()).trimEnd().split('\r\n');
    expect(header).toBe(HEADER);
    expect(lines).toHaveLength(mine.length);
    expect(new Set(lines.map((line) => line.split(',')[1]))).toEqual(new Set(mine.map(({ id }) => id)));
    const times = lines.map((line) => line.split(',')[0] ?? '');
    expect(times).toEqual(times.toSorted().toReversed());
    const small = await ask(t, buyer, 'usage(month: $month) { csv }', { month: '2026-06' });
    expect(small.data.company.usage.csv.trimEnd().split('\r\n').slice(1)).toEqual(lines);
  });

  it('has a header alone for a month without runs, and no body for HEAD', async () => {
    const url = await urlOf(await t.tenant(), '2026-06');
    expect(await (await get(url)).text()).toBe(`${HEADER}\r\n`);
    const head = await get(url, 'HEAD');
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('is refused for another month or company, after an hour, and without the right to read the company', async () => {
    const buyer = await t.tenant();
    const url = await urlOf(buyer, '2026-06');
    const status = async (changed: string, method?: string) => (await get(changed, method)).status;
    expect(await status(url.replace('2026-06', '2026-05'))).toBe(403);
    expect(await status(url.replace(gid('Company', buyer.company), gid('Company', m.us.company)))).toBe(403);
    expect(await status(url.replace(/sig=.*/, 'sig='))).toBe(403);
    expect(await status(url.replace(/exp=\d+/, 'exp=9999999999'))).toBe(403);
    expect(await status(url, 'POST')).toBe(405);
    const past = new Date(Date.now() - 3_601_000);
    const old = usageUrlOf(t.app, { companyId: buyer.company.id, month: readMonth('2026-06', past) }, past);
    expect(await status(old)).toBe(410);
    const { errors } = await t.run(buyer.keys.OPERATOR, '{ company { usage { downloadUrl } } }');
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});
