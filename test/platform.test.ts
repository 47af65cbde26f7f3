import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkLedger } from '../src/credits/journal.ts';
import { events, type AssetEvent } from '../src/events.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let staff: Tenant;
let seller: Tenant;
let operator: string;
const heard: AssetEvent[] = [];
const stop = events.on(async (_, event) => void heard.push(event));
beforeAll(async () => {
  t = await testGateway();
  staff = await t.tenant({ handle: 'staff' });
  seller = await t.tenant({ handle: 'seller', credits: 10 });
  operator = staff.keys.OPERATOR;
});
afterAll(async () => {
  stop();
  await t.close();
});

const REVIEW = 'review { productId status isDelisted reviewedAt }';
const proposed = (more: object = {}) =>
  t.world.asset(seller.company.id, { source: 'AUTOMATIC', approvalStatus: 'PENDING', ...more });
const assetRow = (id: string) => t.app.database.prisma.asset.findUniqueOrThrow({ where: { id } });
const companyRow = (handle: string) => t.app.database.prisma.company.findUniqueOrThrow({ where: { handle } });
const grants = async (): Promise<number> =>
  t.app.database.prisma.journalTransaction.count({ where: { kind: 'GRANT', note: { startsWith: 'Goodwill' } } });

describe('the platform works', () => {
  it('shows what waits, those that wait longest first, and nothing else of it', async () => {
    const old = await proposed({ name: 'Old one', updatedAt: new Date('2026-01-01') });
    const fresh = await proposed({ name: 'Fresh one', assetType: 'DATA' });
    await proposed({ name: 'Approved one', approvalStatus: 'APPROVED' });
    await proposed({ name: 'Deleted one', active: false });
    const connection = await t.world.connection(seller.company.id);
    const endpoint = await t.world.endpoint(seller.company.id, connection.id, {
      name: 'Feed',
      approvalStatus: 'PENDING',
    });
    const { data, errors } = await t.run(
      operator,
      `{ platform { ledgerProblems pendingAssets { totalCount { value } nodes { id name companyHandle assetType } }
         pendingEndpoints { nodes { id name companyHandle } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.platform).toEqual({
      ledgerProblems: [],
      pendingAssets: {
        totalCount: { value: 2 },
        nodes: [
          { id: gid('Asset', old), name: 'Old one', companyHandle: 'seller', assetType: 'CALCULATION' },
          { id: gid('Asset', fresh), name: 'Fresh one', companyHandle: 'seller', assetType: 'DATA' },
        ],
      },
      pendingEndpoints: { nodes: [{ id: gid('Endpoint', endpoint), name: 'Feed', companyHandle: 'seller' }] },
    });
    const fieldsOf = await t.run(operator, '{ __type(name: "PendingAsset") { fields { name } } }');
    expect(fieldsOf.data.__type.fields.map((field: { name: string }) => field.name).sort()).toEqual([
      'assetType',
      'companyHandle',
      'id',
      'name',
      'reviewNote',
      'reviewedAt',
      'updatedAt',
    ]);
  });

  it('asks for the handles of all companies at once', async () => {
    const ask = (first: number) => () =>
      t.run(operator, 'query ($first: Int) { platform { pendingAssets(first: $first) { nodes { companyHandle } } } }', {
        first,
      });
    await t.statements(ask(1));
    const one = await t.statements(ask(1));
    for (let i = 0; i < 20; i++) await proposed();
    expect(await t.statements(ask(20))).toHaveLength(one.length);
  });

  it('says what is wrong with the books', async () => {
    const company = await t.world.company({ handle: 'crooked' });
    await t.app.database.prisma.company.update({ where: { id: company.id }, data: { creditsBalance: 7 } });
    const { data } = await t.run(operator, '{ platform { ledgerProblems } }');
    expect(data.platform.ledgerProblems).toEqual(['crooked has a balance of 7, its journal says 0.']);
    await t.app.database.prisma.company.update({ where: { id: company.id }, data: { creditsBalance: 0 } });
  });

  it('approves an asset, after which its seller may list it', async () => {
    const asset = await proposed();
    const done = await t.mutate(
      operator,
      'assetReview',
      { id: gid('Asset', asset), status: 'APPROVED', note: 'Good.' },
      REVIEW,
    );
    expect(done).toEqual({
      review: { productId: gid('Asset', asset), status: 'APPROVED', isDelisted: false, reviewedAt: expect.any(String) },
      userErrors: [],
    });
    expect(await assetRow(asset.id)).toMatchObject({
      approvalStatus: 'APPROVED',
      approvedByUserId: staff.users.OPERATOR.id,
      approvedAt: new Date(done.review.reviewedAt),
      sellInMarketplace: false,
      version: 2,
    });
  });

  it('takes what is not approved any more off the marketplace, and tells who watches', async () => {
    const asset = await proposed({ approvalStatus: 'APPROVED', approvedAt: new Date(), sellInMarketplace: true });
    const { review } = await t.mutate(
      operator,
      'assetReview',
      { id: gid('Asset', asset), status: 'NEEDS_REVISION' },
      REVIEW,
    );
    expect(review).toMatchObject({ status: 'NEEDS_REVISION', isDelisted: true });
    expect(await assetRow(asset.id)).toMatchObject({
      approvalStatus: 'NEEDS_REVISION',
      approvedByUserId: null,
      approvedAt: null,
      sellInMarketplace: false,
    });
    expect(heard.at(-1)).toMatchObject({ kind: 'ASSET_UPDATED', assetId: asset.id, details: { isListed: false } });
  });

  it('reviews an endpoint: rejected it is off and cannot be listed', async () => {
    const connection = await t.world.connection(seller.company.id);
    const endpoint = await t.world.endpoint(seller.company.id, connection.id, { sellInMarketplace: true });
    const id = gid('Endpoint', endpoint);
    expect(
      (await t.mutate(operator, 'endpointReview', { id, status: 'REJECTED', note: 'Copied.' }, REVIEW)).review,
    ).toMatchObject({
      productId: id,
      status: 'REJECTED',
      isDelisted: true,
    });
    const listing = await t.run(
      seller.keys.OWNER,
      'mutation ($id: ID!) { endpointPublish(input: {id: $id}) { userErrors { code ... on NotListableError { missing } } } }',
      { id },
    );
    expect(listing.data.endpointPublish.userErrors[0].missing).toContain('It is not approved.');
    await t.mutate(operator, 'endpointReview', { id, status: 'APPROVED' }, REVIEW);
    const row = await t.app.database.prisma.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } });
    expect(row).toMatchObject({
      approvalStatus: 'APPROVED',
      approvedByUserId: staff.users.OPERATOR.id,
      sellInMarketplace: false,
    });
  });

  it('tells the seller who approved and what a proposal came from', async () => {
    const llm = await t.world.connection(seller.company.id, { name: 'A model' });
    const asset = await proposed({ aiJobId: 'job-7', snippetId: 3, llmConnectionId: llm.id });
    const endpoint = await t.world.endpoint(seller.company.id, llm.id);
    const [assetId, endpointId] = [gid('Asset', asset), gid('Endpoint', endpoint)];
    await t.mutate(operator, 'assetReview', { id: assetId, status: 'APPROVED' }, REVIEW);
    await t.mutate(operator, 'endpointReview', { id: endpointId, status: 'APPROVED' }, REVIEW);
    const { data } = await t.run(
      seller.keys.VIEWER,
      `query ($a: ID!, $e: ID!) { company {
         asset(by: { id: $a }) { approvedById approvedAt aiJobId snippetId llmConnection { name } }
         endpoint(by: { id: $e }) { approvedById approvedAt }
       } }`,
      { a: assetId, e: endpointId },
    );
    const by = { approvedById: gid('User', staff.users.OPERATOR), approvedAt: expect.stringMatching(/^20/) };
    expect(data.company).toEqual({
      asset: { ...by, aiJobId: 'job-7', snippetId: 3, llmConnection: { name: 'A model' } },
      endpoint: by,
    });
    const node = await t.run(seller.keys.OWNER, 'query ($id: ID!) { node(id: $id) { id } }', { id: by.approvedById });
    expect(node.data.node).toBe(null);
  });

  it('keeps its note where the seller reads it, until the next review', async () => {
    const connection = await t.world.connection(seller.company.id);
    const endpoint = await t.world.endpoint(seller.company.id, connection.id);
    const told = async (key: string, id: string): Promise<Answer['data']> =>
      (
        await t.run(
          key,
          `query ($id: ID!) { node(id: $id) { ... on Asset { approvalStatus reviewNote reviewedAt } ... on Endpoint { approvalStatus reviewNote reviewedAt } } }`,
          { id },
        )
      ).data.node;
    for (const [name, id] of [
      ['assetReview', gid('Asset', await proposed())],
      ['endpointReview', gid('Endpoint', endpoint)],
    ] as const) {
      const before = await told(seller.keys.VIEWER, id);
      expect(before).toMatchObject({ reviewNote: null, reviewedAt: null });
      const note = 'Say which season it covers.';
      const input = { id, status: 'NEEDS_REVISION', note };
      const { review } = await t.mutate(operator, name, input, 'review { note reviewedAt }');
      expect(review.note).toBe(note);
      expect(await told(seller.keys.VIEWER, id)).toEqual({
        approvalStatus: 'NEEDS_REVISION',
        reviewNote: note,
        reviewedAt: review.reviewedAt,
      });
      expect(await told(staff.keys.OWNER, id)).toBeNull();
      await t.mutate(operator, name, { id, status: 'APPROVED' }, REVIEW);
      expect(await told(seller.keys.VIEWER, id)).toMatchObject({ approvalStatus: 'APPROVED', reviewNote: null });
    }
  });

  it('shows its last note to the next operator, and to no buyer', async () => {
    const asset = await proposed({ reviewNote: 'Once more.', reviewedAt: new Date('2026-02-01T00:00:00Z') });
    const { data } = await t.run(
      operator,
      '{ platform { pendingAssets(last: 100) { nodes { id reviewNote reviewedAt } } } }',
    );
    expect(data.platform.pendingAssets.nodes).toContainEqual({
      id: gid('Asset', asset),
      reviewNote: 'Once more.',
      reviewedAt: '2026-02-01T00:00:00.000Z',
    });
    for (const name of ['AssetListing', 'EndpointListing']) {
      const listing = await t.run(operator, `{ __type(name: "${name}") { fields { name } } }`);
      const names = listing.data.__type.fields.map((field: { name: string }) => field.name);
      expect(names).toContain('name');
      expect(names.filter((one: string) => /review|approv/i.test(one))).toEqual([]);
    }
  });

  it('grants credits through the journal, once a key', async () => {
    const input = { companyHandle: 'seller', credits: 250, note: 'Goodwill', idempotencyKey: 'grant-1' };
    for (let i = 0; i < 2; i++) {
      expect(await t.mutate(operator, 'companyGrantCredits', input, 'companyHandle credits')).toEqual({
        companyHandle: 'seller',
        credits: 250,
        userErrors: [],
      });
    }
    expect((await companyRow('seller')).creditsBalance).toBe(260);
    expect(await grants()).toBe(1);
    expect(await checkLedger(t.app.database.query)).toEqual([]);
  });

  it('opens the accounts of a company that has none yet', async () => {
    const { id } = await t.app.database.prisma.company.create({
      data: { id: '01940000-0000-7000-8000-00000000000a', handle: 'bare', domain: 'bare.example', name: 'Bare' },
    });
    await t.mutate(operator, 'companyGrantCredits', { companyHandle: 'bare', credits: 1, note: 'Welcome' }, 'credits');
    expect((await companyRow('bare')).creditsBalance).toBe(1);
    expect(await t.app.database.prisma.journalAccount.count({ where: { companyId: id } })).toBe(3);
    expect(await checkLedger(t.app.database.query)).toEqual([]);
  });

  it('sets share and plan', async () => {
    const share = (vendorShare: string | null) =>
      t.mutate(operator, 'companySetShare', { companyHandle: 'seller', vendorShare }, 'companyHandle vendorShare');
    expect(await share('0.8525')).toEqual({ companyHandle: 'seller', vendorShare: '0.8525', userErrors: [] });
    expect(String((await companyRow('seller')).vendorSharePercent)).toBe('0.8525');
    expect(await share(null)).toEqual({ companyHandle: 'seller', vendorShare: null, userErrors: [] });
    expect((await companyRow('seller')).vendorSharePercent).toBeNull();
    expect(
      await t.mutate(
        operator,
        'companySetPlan',
        { companyHandle: 'seller', planCode: 'GROWTH' },
        'companyHandle planCode',
      ),
    ).toEqual({ companyHandle: 'seller', planCode: 'GROWTH', userErrors: [] });
    expect((await t.run(seller.keys.VIEWER, '{ company { plan { code } } }')).data.company.plan.code).toBe('GROWTH');
  });
});

describe('the platform refuses', () => {
  const refusal = async (name: string, input: object): Promise<unknown> =>
    (await t.mutate(operator, name, input, '__typename')).userErrors;

  it('to review what is not there, what needs no approval, and what was deleted', async () => {
    const hand = await t.world.asset(seller.company.id, { sellInMarketplace: true });
    const gone = await proposed({ active: false });
    const nothing = '01940000-0000-7000-8000-000000000000';
    expect(await refusal('assetReview', { id: gid('Asset', hand), status: 'REJECTED' })).toEqual([
      { code: 'CONFLICT', path: ['input', 'id'] },
    ]);
    expect((await assetRow(hand.id)).sellInMarketplace).toBe(true);
    for (const id of [gid('Asset', gone), gid('Asset', nothing)])
      expect(await refusal('assetReview', { id, status: 'APPROVED' })).toEqual([
        { code: 'NOT_FOUND', path: ['input', 'id'] },
      ]);
    expect(await refusal('endpointReview', { id: gid('Endpoint', nothing), status: 'APPROVED' })).toEqual([
      { code: 'NOT_FOUND', path: ['input', 'id'] },
    ]);
    expect(await refusal('endpointReview', { id: gid('Asset', hand), status: 'APPROVED' })).toEqual([
      { code: 'VALIDATION', path: ['input', 'id'] },
    ]);
  });

  it.each([
    ['companyGrantCredits', { companyHandle: 'nobody', credits: 1, note: 'x' }, 'NOT_FOUND', 'companyHandle'],
    ['companyGrantCredits', { companyHandle: 'seller', credits: 0, note: 'x' }, 'VALIDATION', 'credits'],
    ['companyGrantCredits', { companyHandle: 'seller', credits: 10_000_001, note: 'x' }, 'VALIDATION', 'credits'],
    ['companyGrantCredits', { companyHandle: 'seller', credits: 1, note: ' ' }, 'VALIDATION', 'note'],
    ['companySetShare', { companyHandle: 'nobody', vendorShare: '0.5' }, 'NOT_FOUND', 'companyHandle'],
    ['companySetShare', { companyHandle: 'seller', vendorShare: '1.01' }, 'VALIDATION', 'vendorShare'],
    ['companySetShare', { companyHandle: 'seller', vendorShare: '-0.1' }, 'VALIDATION', 'vendorShare'],
    ['companySetShare', { companyHandle: 'seller', vendorShare: '0.12345' }, 'VALIDATION', 'vendorShare'],
    ['companySetShare', { companyHandle: 'seller' }, 'VALIDATION', 'vendorShare'],
    ['companySetPlan', { companyHandle: 'nobody', planCode: 'SCALE' }, 'NOT_FOUND', 'companyHandle'],
    ['companySetPlan', { companyHandle: 'seller', planCode: 'PLATINUM' }, 'NOT_FOUND', 'planCode'],
  ])('%s %j', async (name, input, code, field) => {
    const before = await companyRow('seller');
    expect(await refusal(name, input)).toEqual([{ code, path: ['input', field] }]);
    expect(await companyRow('seller')).toEqual(before);
  });

  it('a grant beyond what a balance can hold, and leaves no trace of it', async () => {
    const full = await t.world.company({ handle: 'full', credits: 2_147_483_000 });
    expect(await refusal('companyGrantCredits', { companyHandle: 'full', credits: 1000, note: 'Goodwill 2' })).toEqual([
      { code: 'VALIDATION', path: ['input', 'credits'] },
    ]);
    expect((await companyRow(full.handle)).creditsBalance).toBe(2_147_483_000);
    expect(await grants()).toBe(1);
  });

  it('another grant under the same key', async () => {
    const input = { companyHandle: 'seller', credits: 251, note: 'Goodwill', idempotencyKey: 'grant-1' };
    expect(await refusal('companyGrantCredits', input)).toEqual([
      { code: 'IDEMPOTENCY_MISMATCH', path: ['input', 'idempotencyKey'] },
    ]);
  });
});

describe('the platform guards', () => {
  it('is for operators alone, and changes nothing for others', async () => {
    const asset = await proposed();
    const before = [await companyRow('seller'), await assetRow(asset.id)];
    const inputs = {
      assetReview: { id: gid('Asset', asset), status: 'APPROVED' },
      endpointReview: { id: gid('Endpoint', asset.id), status: 'APPROVED' },
      companyGrantCredits: { companyHandle: 'seller', credits: 1000, note: 'For us' },
      companySetShare: { companyHandle: 'seller', vendorShare: '1' },
      companySetPlan: { companyHandle: 'seller', planCode: 'SCALE' },
    };
    for (const role of ['OWNER', 'ADMIN', 'EDITOR', 'ANALYST', 'VIEWER'] as const) {
      for (const [name, input] of Object.entries(inputs)) {
        expect((await t.mutate(seller.keys[role], name, input, '__typename')).userErrors).toEqual([
          { code: 'FORBIDDEN', path: null },
        ]);
      }
      const { data, errors } = await t.run(seller.keys[role], '{ platform { ledgerProblems } }');
      expect([data, errors?.[0]?.extensions.code]).toEqual([{ platform: null }, 'FORBIDDEN']);
    }
    expect((await t.run(null, '{ platform { ledgerProblems } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect([await companyRow('seller'), await assetRow(asset.id)]).toEqual(before);
  });

  it('gives an operator nothing of a company beyond that', async () => {
    const asset = await proposed();
    const { data } = await t.run(operator, 'query ($id: ID!) { node(id: $id) { id } }', { id: gid('Asset', asset) });
    expect(data.node).toBeNull();
    expect((await t.run(operator, '{ company { name } }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});
