import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { chartAddress } from '../src/charts/address.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';
import { balance, openShop, parameter, PROCESS, type Shop } from './assets.fixtures.ts';

/** Pictures in the answers of runs, and at signed addresses. */

let t: TestGateway;
let shop: Shop;
let mine: string;
let buyer: string;
const HOUR = 3_600_000;
const DRAWN = {
  assetType: 'VISUALIZATION' as const,
  vizChartType: 'BAR' as const,
  sqlLogic: 'select day, sum(units) as units from sales group by day order by day',
};
const WITH_PARAMETERS = {
  ...DRAWN,
  sqlLogic: 'select day, units from sales where region = :region',
  parameters: [parameter('region', 'STRING', { defaultValue: 'north' })] as object[],
  allowParams: true,
};

beforeAll(async () => {
  t = await testGateway({ LOG_LEVEL: 'error', PUBLIC_URL: 'https://gateway.example/' });
  shop = await openShop(t);
  mine = shop.seller.keys.ANALYST;
  buyer = shop.buyer.keys.ANALYST;
});
afterAll(() => t.close());
afterEach(() => void vi.useRealTimers());

type Made = { id: string };
const CHART = 'chart { mediaType width height svg dataUri }';
const process = async (asset: Made, chart = CHART, key = mine) => {
  const document = PROCESS.replace('outcome {', `${chart} outcome {`);
  return t.run(key, document, { input: { assetId: gid('Asset', asset) } });
};
const chartUrl = async (asset: Made, args = '', key = mine) =>
  t.run(key, `query ($id: ID!) { node(id: $id) { ... on Asset { chartUrl${args} } } }`, { id: gid('Asset', asset) });
const addressOf = async (asset: Made, args = '', key = mine): Promise<string> =>
  (await chartUrl(asset, args, key)).data.node.chartUrl;
const listedUrl = async (asset: Made, key: string | null = buyer) =>
  t.run(key, 'query ($by: ListingBy!) { marketplace { asset(by: $by) { chartUrl } } }', {
    by: { id: gid('Asset', asset) },
  });
const get = (url: string, init: RequestInit = {}) =>
  t.gateway.fetch(url.replace('https://gateway.example', 'http://gateway'), init);
const refused = async (url: string) => {
  const response = await get(url);
  return [response.status, (await response.json()) as Record<string, unknown>] as const;
};
const runs = async (): Promise<number> => t.app.database.prisma.run.count();

describe('the chart of a run works', () => {
  it('as an SVG of the usual size', async () => {
    const { chart } = (await process(await shop.asset({ ...DRAWN, name: 'Units by day' }))).data.assetProcess.run;
    expect(chart).toMatchObject({ mediaType: 'image/svg+xml', width: 800, height: 500 });
    expect(chart.svg).toMatch(/^<svg width="800" height="500"/);
    expect(chart.svg).toContain('Units by day');
    expect(Buffer.from(chart.dataUri.split(',')[1], 'base64').toString()).toBe(chart.svg);
    expect(chart.dataUri).toMatch(/^data:image\/svg\+xml;base64,/);
  });

  it('as a PNG of the size asked', async () => {
    const asked = 'chart(format: PNG, width: 320, height: 200) { mediaType width height svg dataUri }';
    const { chart } = (await process(await shop.asset(DRAWN), asked)).data.assetProcess.run;
    expect(chart).toMatchObject({ mediaType: 'image/png', width: 320, height: 200, svg: null });
    const png = Buffer.from(chart.dataUri.split(',')[1], 'base64');
    expect([png.subarray(1, 4).toString(), png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(['PNG', 320, 200]);
  });

  it('is null where there is none: a number, a failure, a run read later', async () => {
    const number = (await process(await shop.asset({ sqlLogic: 'select 1 as answer_value' }))).data.assetProcess.run;
    expect([number.outcome.__typename, number.chart]).toEqual(['CalculationResult', null]);
    const failed = (await process(await shop.asset({ ...DRAWN, sqlLogic: 'select 1 as n from nowhere' }))).data
      .assetProcess;
    expect([failed.run.outcome.__typename, failed.run.chart]).toEqual(['RunFailure', null]);
    const { id } = (await process(await shop.asset(DRAWN))).data.assetProcess.run;
    const later = await t.run(mine, `query ($id: ID!) { node(id: $id) { ... on Run { status ${CHART} } } }`, { id });
    expect(later.data.node).toEqual({ status: 'SUCCEEDED', chart: null });
  });

  it('comes with a bought run too', async () => {
    const { run } = (await process(await shop.listed('1.00', DRAWN), CHART, buyer)).data.assetProcess;
    expect([run.credits, run.chart.width]).toEqual([2, 800]);
  });
});

const pictured = (asset: Made, args = '', key = mine) =>
  t.run(
    key,
    `query ($id: ID!) { node(id: $id) { ... on Asset { chart { type picture${args} { mediaType width height svg dataUri } } } } }`,
    {
      id: gid('Asset', asset),
    },
  );

describe('the picture of an asset', () => {
  it('is its chart as it is now: the bytes of its address, no run and no charge', async () => {
    const asset = await shop.asset(WITH_PARAMETERS);
    const args = '(format: PNG, width: 300, height: 200, parameters: { region: "south" })';
    const before = await runs();
    const { type, picture } = (await pictured(asset, args)).data.node.chart;
    expect([type, picture]).toMatchObject(['BAR', { mediaType: 'image/png', width: 300, height: 200, svg: null }]);
    const shown = Buffer.from(await (await get(await addressOf(asset, args))).arrayBuffer());
    expect(Buffer.from(picture.dataUri.split(',')[1], 'base64').equals(shown)).toBe(true);
    const usual = (await pictured(asset)).data.node.chart.picture;
    expect(usual.svg).toMatch(/^<svg width="800" height="500"/);
    expect(await runs()).toBe(before);
  });

  it('is not there for whoever may not run it, for a wrong size, wrong values, or a query that fails', async () => {
    const asset = await shop.asset(DRAWN);
    const code = async (args: string, key = mine, made: Made = asset) =>
      (await pictured(made, args, key)).errors?.[0]?.extensions.code;
    expect(await code('', shop.seller.keys.VIEWER)).toBe('FORBIDDEN');
    expect(await code('(width: 99)')).toBe('VALIDATION');
    expect(await code('(parameters: { region: "south" })')).toBe('VALIDATION');
    expect(await code('', mine, await shop.asset({ ...DRAWN, sqlLogic: 'select 1 as n from nowhere' }))).toBe(
      'UNAVAILABLE',
    );
    expect((await pictured(await shop.asset({}))).data.node.chart).toBeNull();
    expect((await pictured(asset, '', buyer)).data.node).toBeNull();
  });
});

describe('the chart of a run refuses', () => {
  it.each([
    ['width: 99', 'width'],
    ['height: 2001', 'height'],
  ])('%s', async (args, name) => {
    const answer = await process(await shop.asset(DRAWN), `chart(${args}) { width }`);
    expect(answer.errors?.[0]).toMatchObject({
      message: `${name} takes 100 to 2000.`,
      extensions: { code: 'VALIDATION' },
    });
    expect(answer.data.assetProcess.run).toMatchObject({ status: 'SUCCEEDED', chart: null });
  });

  it('a figure that cannot be drawn fails the run and says where', async () => {
    const vizSpec = { data: [{ type: 'bar', xsrc: 'day', y: [1] }, { type: 'mesh3d' }] };
    const { run } = (await process(await shop.asset({ ...DRAWN, vizSpec }))).data.assetProcess;
    expect(run.outcome).toMatchObject({ __typename: 'RunFailure', code: 'RESULT_INVALID' });
    expect(run.outcome.message).toContain('data[0].y has 1 values, x has 3. data[1].type mesh3d is not drawn here');
  });
});

describe('the address of a chart works', () => {
  it('without a credential, charged to nobody and counted nowhere', async () => {
    const asset = await shop.asset({ ...DRAWN, name: 'Units of each day' });
    const url = await addressOf(asset, '(width: 300, height: 200)');
    expect(url).toMatch(
      /^https:\/\/gateway\.example\/charts\/[\w-]+\.svg\?w=300&h=200&for=[\w-]+&exp=\d+&sig=[\w-]{43}$/,
    );
    const before = await runs();
    const response = await get(url);
    expect(response.status).toBe(200);
    const svg = await response.text();
    expect(svg).toMatch(/^<svg width="300" height="200"/);
    expect(svg).toContain('Units of each day');
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    });
    expect(headers['cache-control']).toMatch(/^private, max-age=\d+$/);
    expect(await runs()).toBe(before);
  });

  it('as a PNG over a socket, byte for byte', async () => {
    const url = await addressOf(await shop.asset(DRAWN), '(format: PNG, width: 320, height: 240)');
    const { port } = await t.gateway.listen(0, '127.0.0.1');
    const response = await fetch(url.replace('https://gateway.example', `http://127.0.0.1:${port}`));
    const png = Buffer.from(await response.arrayBuffer());
    expect([response.headers.get('content-type'), png.readUInt32BE(16)]).toEqual(['image/png', 320]);
    expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    expect(png.equals(Buffer.from(await (await get(url)).arrayBuffer()))).toBe(true);
    await t.gateway.drain(100);
  });

  it('with an ETag that saves the way', async () => {
    const url = await addressOf(await shop.asset(DRAWN));
    const etag = (await get(url)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    const again = await get(url, { headers: { 'if-none-match': `"x", W/${etag}` } });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
  });

  it('with its parameters, and one query for many readers', async () => {
    const asset = await shop.asset(WITH_PARAMETERS);
    const south = await addressOf(asset, '(parameters: {region: "south"})');
    expect(south).toContain('&p=');
    const engine = vi.spyOn(t.app.engines.get('duckdb'), 'run');
    const texts = await Promise.all(
      [get(south), get(south), get(await addressOf(asset))].map(async (one) => (await one).text()),
    );
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).not.toBe(texts[2]);
    expect((await get(south)).status).toBe(200);
    expect(engine).toHaveBeenCalledTimes(2);
    engine.mockRestore();
  });

  it('is the same one for a while, and holds for a day', async () => {
    const asset = await shop.asset(DRAWN);
    // Not over the end of an hour.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const url = await addressOf(asset);
    expect(await addressOf(asset)).toBe(url);
    const left = Number(new URL(url).searchParams.get('exp')) * 1000 - Date.now();
    expect(left).toBeGreaterThan(24 * HOUR - 5000);
    expect(left).toBeLessThanOrEqual(25 * HOUR);
  });

  it('is there for listed assets that are free, and paid by nobody', async () => {
    const asset = await shop.listed('0.00', DRAWN);
    const before = await balance(t, shop.buyer);
    const url = (await listedUrl(asset)).data.marketplace.asset.chartUrl;
    expect((await get(url)).status).toBe(200);
    expect(await balance(t, shop.buyer)).toBe(before);
  });

  it('asks as much for twenty assets as for one', async () => {
    for (let i = 0; i < 20; i++) await shop.asset({ ...DRAWN, name: `Chart ${i}` });
    const page = (first: number) => () => t.run(mine, `{ company { assets(first: ${first}) { nodes { chartUrl } } } }`);
    const [one, twenty] = [await t.statements(page(1)), await t.statements(page(20))];
    expect(twenty).toHaveLength(one.length);
  });
});

describe('the address of a chart refuses', () => {
  it('what was changed', async () => {
    const url = await addressOf(await shop.asset(WITH_PARAMETERS), '(width: 300)');
    const other = gid('Asset', await shop.asset(DRAWN));
    for (const changed of [
      url.replace('w=300', 'w=301'),
      url.replace('.svg', '.png'),
      url.replace(/exp=\d+/, 'exp=99999999999'),
      url.replace(/&for=[\w-]+/, `&for=${gid('Company', shop.buyer.company)}`),
      url.replace(/charts\/[\w-]+/, `charts/${other}`),
      `${url.replace('&sig', '&p=e30&sig')}`,
      url.replace(/sig=.*/, 'sig='),
      url.replace(/\?.*/, ''),
      'http://gateway/charts/nothing',
    ]) {
      const [status, body] = await refused(changed);
      expect([status, body['code'], body['reason']], changed).toEqual([403, 403, 'FORBIDDEN']);
      expect(body['message']).toBe('The signature of this address does not match. Ask for a new one: chartUrl.');
    }
  });

  it('what has expired', async () => {
    const { id } = await shop.asset(DRAWN);
    const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 - 1000);
    const chart = {
      assetId: id,
      companyId: shop.seller.company.id,
      format: 'SVG' as const,
      width: 300,
      height: 200,
      parameters: {},
    };
    const [status, body] = await refused(chartAddress(t.app, { ...chart, expiresAt }));
    expect([status, body['message']]).toEqual([
      403,
      `This address expired at ${expiresAt.toISOString()}. Ask for a new one: chartUrl.`,
    ]);
    const later = new Date(Date.now() + HOUR);
    expect((await get(chartAddress(t.app, { ...chart, expiresAt: later }))).status).toBe(200);
    const [foreign] = await refused(
      chartAddress(t.app, { ...chart, expiresAt: later, companyId: shop.other.company.id }),
    );
    expect(foreign).toBe(404);
  });

  it('what is no longer there, free, listed or in step with its parameters', async () => {
    const db = t.app.database.prisma;
    const gone = await shop.asset(DRAWN);
    const goneUrl = await addressOf(gone);
    await db.asset.update({ where: { id: gone.id }, data: { active: false } });
    expect((await refused(goneUrl))[0]).toBe(404);

    const priced = await shop.listed('0.00', DRAWN);
    const pricedUrl = (await listedUrl(priced)).data.marketplace.asset.chartUrl;
    await db.price.updateMany({ where: { assetId: priced.id }, data: { amountUsd: '4.00' } });
    const [status, body] = await refused(pricedUrl);
    expect([status, body['message']]).toEqual([
      403,
      'This chart is not free for you any more. Process the asset to see it.',
    ]);
    await db.asset.update({ where: { id: priced.id }, data: { sellInMarketplace: false } });
    expect((await refused(pricedUrl))[0]).toBe(404);

    const changed = await shop.asset(WITH_PARAMETERS);
    const changedUrl = await addressOf(changed, '(parameters: {region: "south"})');
    await db.asset.update({ where: { id: changed.id }, data: { parameters: [], version: { increment: 1 } } });
    const [code, answer] = await refused(changedUrl);
    expect([code, answer['message']]).toEqual([400, 'This asset takes no parameters.']);
  });

  it('in words that say nothing of the SQL', async () => {
    const broken = await refused(
      await addressOf(await shop.asset({ ...DRAWN, sqlLogic: 'select secret_column from sales' })),
    );
    expect(broken).toEqual([503, expect.objectContaining({ message: 'The data of this chart cannot be read now.' })]);
    const guarded = await refused(await addressOf(await shop.asset({ ...DRAWN, sqlLogic: 'drop table sales' })));
    expect(guarded).toEqual([422, expect.objectContaining({ message: 'This asset does not make a chart now.' })]);
  });

  it('writes', async () => {
    const response = await get(await addressOf(await shop.asset(DRAWN)), { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    ['(width: 3000)', 'width takes 100 to 2000.', ['width']],
    ['(parameters: {nobody: 1})', 'There is no parameter nobody; there are region.', ['parameters', 'nobody']],
    ['(parameters: [1])', 'parameters takes an object of names and values.', ['parameters']],
  ])('to be made with %s', async (args, message, at) => {
    const answer = await chartUrl(await shop.asset(WITH_PARAMETERS), args);
    expect(answer.errors?.[0]).toMatchObject({ message, extensions: { code: 'VALIDATION', argumentPath: at } });
  });

  it('to be made with more parameters than an address takes', async () => {
    const answer = await t.run(
      mine,
      'query ($id: ID!, $p: JSON) { node(id: $id) { ... on Asset { chartUrl(parameters: $p) } } }',
      {
        id: gid(
          'Asset',
          await shop.asset({
            ...WITH_PARAMETERS,
            parameters: ['a', 'b'].map((name) => parameter(name, 'STRING')) as object[],
          }),
        ),
        p: { a: 'x'.repeat(900), b: 'y'.repeat(900) },
      },
    );
    expect(answer.errors?.[0]?.message).toBe('The parameters are too long for an address.');
  });
});

describe('guards', () => {
  it('no address without leave to run, of no chart, or of what costs', async () => {
    const asset = await shop.asset(DRAWN);
    expect((await chartUrl(asset, '', shop.seller.keys.VIEWER)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await chartUrl(await shop.asset({}))).data.node.chartUrl).toBeNull();
    expect((await chartUrl(asset, '', buyer)).data.node).toBeNull();
    const nothing = { data: { marketplace: { asset: { chartUrl: null } } } };
    expect(await listedUrl(await shop.listed('1.00', DRAWN))).toMatchObject(nothing);
    const free = await shop.listed('0.00', DRAWN);
    expect(await listedUrl(free, null)).toMatchObject(nothing);
    expect(await listedUrl(free, shop.buyer.keys.VIEWER)).toMatchObject(nothing);
    const barred = await shop.listed('0.00', { ...DRAWN, restrictedDomains: [shop.buyer.company.domain] });
    expect(await listedUrl(barred)).toMatchObject(nothing);
    const limited = await shop.listed('0.00', {
      ...DRAWN,
      rateLimitNumber: 5,
      rateLimitPeriod: 'HOUR',
      rateLimitGranularity: 'COMPANY',
    });
    expect(await listedUrl(limited)).toMatchObject(nothing);
    const newcomer = await t.tenant({ acceptedEula: false });
    expect(await listedUrl(free, newcomer.keys.ANALYST)).toMatchObject(nothing);
  });
});
