import { createHook } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** Statements are pinned: the same number for one parent and for a hundred. */

let t: TestGateway;
let small: Tenant;
let large: Tenant;

async function fill(tenant: Tenant, assets: number, others: number): Promise<void> {
  const { world } = t;
  const { company, users } = tenant;
  const connection = await world.connection(company.id);
  for (let i = 0; i < assets; i++) {
    const asset = await world.asset(company.id, {
      connectionId: connection.id,
      userId: users.EDITOR.id,
      industryId: 1 + (i % 20),
    });
    await world.price(company.id, { assetId: asset.id }, '2.00');
  }
  for (let i = 0; i < others; i++) {
    const endpoint = await world.endpoint(company.id, connection.id);
    await world.price(company.id, { endpointId: endpoint.id }, '1.00');
    const post = await world.post(company.id, users.EDITOR.id);
    await t.app.database.prisma.publication.create({
      data: { id: post.id, companyId: company.id, postId: post.id, platform: 'WEBHOOK', status: 'PUBLISHED' },
    });
  }
}

beforeAll(async () => {
  t = await testGateway();
  small = await t.tenant({ handle: 'small' });
  large = await t.tenant({ handle: 'large' });
  await fill(small, 1, 1);
  await fill(large, 100, 20);
});
afterAll(() => t.close());

const counted = async (
  tenant: Tenant,
  document: string,
): Promise<{ statements: string[]; data: { company: { assets: { nodes: unknown[] } } } }> => {
  let data = { company: { assets: { nodes: [] as unknown[] } } };
  // The credential is known by now: only the document's own statements count.
  await t.run(tenant.keys.OWNER, '{ viewer { role } }');
  const statements = await t.statements(async () => {
    const answer = await t.run(tenant.keys.OWNER, document);
    expect(answer.errors).toBeUndefined();
    data = answer.data;
  });
  return { statements, data };
};

const NESTED = `{ company { name
  users(first: 10) { nodes { name assets(first: 5) { nodes { name } } } }
  assets(first: 100) { totalCount { value } nodes { name owner { name } connection { name } industry { name } activePrice { credits effectiveCredits }
    prices(first: 2) { nodes { priceUsd } } statistics { runCount } favoritesCount } }
  endpoints(first: 20) { nodes { name activePrice { credits } keys(first: 2) { nodes { name } } } }
  posts(first: 20) { nodes { title author { name } publications(first: 2) { nodes { status } } } } } }`;

describe('the number of statements', () => {
  it('of the nested read is the same for 1 asset and for 100', async () => {
    const one = await counted(small, NESTED);
    const hundred = await counted(large, NESTED);
    expect(hundred.data.company.assets.nodes).toHaveLength(100);
    expect(hundred.statements.length).toBe(one.statements.length);
    expect(one.statements.length).toBe(14);
  });

  it('is what was asked for: a count alone costs no rows, rows alone no count', async () => {
    // Nothing of the company itself is shown, so it is not read.
    const company = 0;
    expect((await counted(large, '{ company { assets { totalCount { value } } } }')).statements).toHaveLength(
      company + 1,
    );
    expect((await counted(large, '{ company { assets { nodes { name } } } }')).statements).toHaveLength(company + 1);
    expect(
      (await counted(large, '{ company { assets { nodes { name } totalCount { value } } } }')).statements,
    ).toHaveLength(company + 2);
    expect((await counted(large, '{ company { assets(first: 0) { nodes { name } } } }')).statements).toHaveLength(
      company,
    );
    expect((await counted(large, '{ __typename viewer { role permissions } }')).statements).toEqual([]);
  });

  it('of a page with other rows sends no sort value, unless someone asks where its items stand', async () => {
    const deep = 'nodes { name owner { name assets(first: 1) { nodes { owner { name } } } } }';
    const sent = async (fields: string) =>
      (await counted(large, `{ company { assets { ${fields} } } }`)).statements.map((text) =>
        /"(createdAt|_s0)"/.test(text.split(' from ')[0] ?? ''),
      );
    expect(await sent(deep)).toEqual([false, false]);
    expect(await sent(`${deep} pageInfo { endCursor }`)).toEqual([true, false]);
    expect(await sent(`${deep} ... on AssetConnection { edges { cursor } }`)).toEqual([true, false]);
  });

  it('of a page reads no heavy column that nobody asked for', async () => {
    const light = await counted(large, '{ company { assets { nodes { name slug } } } }');
    expect(light.statements.join(' ')).not.toContain('sqlLogic');
    const full = await counted(large, '{ company { assets { nodes { name sqlLogic } } } }');
    expect(full.statements.join(' ')).toContain('sqlLogic');
  });
});

describe('the number of promises', () => {
  /** Promises made while an answer is worked out, once the document is compiled and its statements are prepared. */
  async function promises(tenant: Tenant, document: string): Promise<number> {
    for (let i = 0; i < 3; i++) await counted(tenant, document);
    let made = 0;
    const hook = createHook({ init: (_, type) => void (type === 'PROMISE' && made++) });
    let least = Infinity;
    // Whatever else the process does meanwhile makes some too, but not each time.
    for (let i = 0; i < 5; i++) {
      made = 0;
      hook.enable();
      await counted(tenant, document);
      hook.disable();
      least = Math.min(least, made);
    }
    return least;
  }

  // What the collector has to clean up: none for a column, about one for each row behind an edge.
  it.each([
    ['columns', 'name slug assetType visibility', 0],
    ['one row more', 'name owner { name }', 1.1],
    ['four rows more', 'name owner { name } connection { name } industry { name } activePrice { credits }', 5.5],
  ])('for an asset with %s', async (_, fields, most) => {
    const document = `{ company { assets(first: 100) { nodes { ${fields} } } } }`;
    const each = ((await promises(large, document)) - (await promises(small, document))) / 99;
    expect(each).toBeLessThanOrEqual(most);
  });
});

describe('plans', () => {
  const plan = async (sql: string, values: unknown[]): Promise<string> => {
    const rows = await t.app.database.atomically(async (query) => {
      await query('set local enable_seqscan = off', []);
      return query<{ 'QUERY PLAN': string }>(`explain ${sql}`, values);
    });
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };

  it.each([
    [
      'assets of a company by age',
      'select id from "Asset" where "companyId" = $1 order by "createdAt" desc, id desc limit 20',
      'Asset_companyId_createdAt_id_idx',
    ],
    ['the active price', 'select id from "Price" where "assetId" = $1 and "endedAt" is null', 'Price_active_asset'],
    [
      'runs of a company',
      'select id from "Run" where "companyId" = $1 order by "startedAt" desc, id desc limit 20',
      'Run_companyId_startedAt_id_idx',
    ],
    [
      'usage of a product',
      'select sum(runs) from "UsageRollup" where "productId" = $1',
      'UsageRollup_productId_hour_idx',
    ],
  ])('%s use their index', async (_, sql, index) => {
    expect(await plan(sql, [large.company.id])).toContain(index);
  });
});
