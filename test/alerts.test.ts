import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fireAlerts } from '../src/alerts/fire.ts';
import { createContext, type Context } from '../src/context.ts';
import { events, type AssetEvent } from '../src/events.ts';
import { newId } from '../src/ids.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
});
afterAll(() => t.close());

const FIELDS =
  'webhookSecret alert { id assetId assetName asset { name } kind thresholdPercent isActive webhookUrl lastTriggeredAt version user { id } }';
const create = (key: string, input: object) => t.mutate(key, 'alertCreate', input, FIELDS);
const contextAt = (now: Date): Context => ({
  ...createContext(t.app, {
    viewer: null,
    signal: new AbortController().signal,
    requestId: 'r',
    clientAddress: '',
    userAgent: null,
  }),
  now,
});
const soon = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
const eventsOf = async (key: string, id: string): Promise<{ message: string; details: unknown }[]> =>
  (
    await t.run(key, 'query ($id: ID!) { node(id: $id) { ... on Alert { events { nodes { message details } } } } }', {
      id,
    })
  ).data.node.events.nodes;
const updated = (assetId: string): AssetEvent => ({
  kind: 'ASSET_UPDATED',
  assetId,
  message: 'It has a new definition.',
  details: { version: 2 },
});

describe('alerts work', () => {
  it('makes, changes and deletes one', async () => {
    const asset = await t.world.asset(us.company.id, { name: 'Goals' });
    const made = await create(us.keys.ANALYST, {
      assetId: gid('Asset', asset),
      kind: 'RESULT_CHANGED',
      thresholdPercent: '2.5',
      webhookUrl: 'https://hooks.example.com/a',
    });
    expect(made.userErrors).toEqual([]);
    expect(made.alert).toMatchObject({
      assetId: gid('Asset', asset),
      assetName: 'Goals',
      asset: { name: 'Goals' },
      kind: 'RESULT_CHANGED',
      thresholdPercent: '2.5',
      isActive: true,
      webhookUrl: 'https://hooks.example.com/a',
      lastTriggeredAt: null,
      version: 1,
      user: { id: gid('User', us.users.ANALYST) },
    });
    expect(made.webhookSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { id } = made.alert;
    const off = await t.mutate(
      us.keys.ANALYST,
      'alertUpdate',
      { id, isActive: false, thresholdPercent: null, expectedVersion: 1 },
      FIELDS,
    );
    expect(off.alert).toMatchObject({
      isActive: false,
      thresholdPercent: null,
      webhookUrl: 'https://hooks.example.com/a',
      version: 2,
    });
    expect(off.webhookSecret).toBe(made.webhookSecret);
    const moved = await t.mutate(
      us.keys.ANALYST,
      'alertUpdate',
      { id, webhookUrl: 'https://hooks.example.com/b' },
      FIELDS,
    );
    expect(moved.webhookSecret).not.toBe(made.webhookSecret);
    const silent = await t.mutate(us.keys.ANALYST, 'alertUpdate', { id, webhookUrl: null }, FIELDS);
    expect([silent.alert.webhookUrl, silent.webhookSecret]).toEqual([null, null]);
    expect(await t.mutate(us.keys.ANALYST, 'alertDelete', { id }, 'deletedId')).toEqual({
      deletedId: id,
      userErrors: [],
    });
    expect((await t.run(us.keys.ANALYST, 'query ($id: ID!) { node(id: $id) { id } }', { id })).data).toEqual({
      node: null,
    });
  });

  it('finds those of the caller on an asset, and all for owner and administrators', async () => {
    const asset = await t.world.asset(us.company.id, { userId: us.users.EDITOR.id });
    const assetId = gid('Asset', asset);
    const own = (await create(us.keys.ANALYST, { assetId })).alert;
    const other = (await create(us.keys.OWNER, { assetId, kind: 'PRICE_CHANGED' })).alert;
    const ask = async (key: string) =>
      (await t.run(key, 'query ($id: ID!) { alertsFor(assetId: $id) { id } }', { id: assetId })).data.alertsFor;
    expect(await ask(us.keys.ANALYST)).toEqual([{ id: own.id }]);
    expect(await ask(us.keys.OWNER)).toEqual([{ id: other.id }]);
    const all = (key: string) =>
      t.run(
        key,
        'query ($id: ID!) { node(id: $id) { ... on Asset { alerts(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { id } } } } }',
        { id: assetId },
      );
    for (const key of [us.keys.EDITOR, us.keys.ADMIN])
      expect((await all(key)).data.node.alerts.nodes).toEqual([{ id: own.id }, { id: other.id }]);
    expect((await all(us.keys.ANALYST)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const { data } = await t.run(
      us.keys.ADMIN,
      'query ($u: ID!, $a: ID!) { company { alerts(where: {assetId: {eq: $a}}) { totalCount { value } } user(id: $u) { alerts(where: {assetId: {eq: $a}}) { nodes { id } } } } }',
      { u: gid('User', us.users.ANALYST), a: assetId },
    );
    expect(data.company).toEqual({
      alerts: { totalCount: { value: 2 } },
      user: { alerts: { nodes: [{ id: own.id }] } },
    });
  });

  it('fires what is active and of that kind, at most once a minute', async () => {
    const asset = await t.world.asset(us.company.id);
    const assetId = gid('Asset', asset);
    const { alert } = await create(us.keys.ANALYST, { assetId });
    const { alert: paused } = await create(us.keys.EDITOR, { assetId });
    await create(us.keys.ANALYST, { assetId, kind: 'PRICE_CHANGED' });
    await t.mutate(us.keys.EDITOR, 'alertUpdate', { id: paused.id, isActive: false }, '__typename');
    expect(await fireAlerts(contextAt(soon(0)), updated(asset.id))).toBe(1);
    expect(await fireAlerts(contextAt(soon(59)), updated(asset.id))).toBe(0);
    expect(await fireAlerts(contextAt(soon(70)), updated(asset.id))).toBe(1);
    expect(await eventsOf(us.keys.ANALYST, alert.id)).toEqual(
      Array.from({ length: 2 }, () => ({ message: 'It has a new definition.', details: { version: 2 } })),
    );
    expect(await eventsOf(us.keys.EDITOR, paused.id)).toEqual([]);
  });

  it('fires once for many events at once, in one statement', async () => {
    const asset = await t.world.asset(us.company.id);
    await create(us.keys.ANALYST, { assetId: gid('Asset', asset) });
    const ctx = contextAt(new Date());
    const fired = await Promise.all(Array.from({ length: 10 }, () => fireAlerts(ctx, updated(asset.id))));
    expect(fired.reduce((sum, one) => sum + one, 0)).toBe(1);
    expect(await t.statements(() => fireAlerts(contextAt(soon(120)), updated(asset.id)))).toHaveLength(1);
  });

  it('minds the threshold', async () => {
    const asset = await t.world.asset(us.company.id);
    await create(us.keys.ANALYST, { assetId: gid('Asset', asset), kind: 'RESULT_CHANGED', thresholdPercent: '5' });
    await create(us.keys.EDITOR, { assetId: gid('Asset', asset), kind: 'RESULT_CHANGED' });
    const changed = (changePercent?: number): AssetEvent => ({
      kind: 'RESULT_CHANGED',
      assetId: asset.id,
      message: 'm',
      details: {},
      ...(changePercent === undefined ? {} : { changePercent }),
    });
    expect(await fireAlerts(contextAt(soon(0)), changed(4.9))).toBe(1);
    expect(await fireAlerts(contextAt(soon(100)), changed(-5))).toBe(2);
    expect(await fireAlerts(contextAt(soon(200)), changed())).toBe(1);
    expect(await fireAlerts(contextAt(soon(300)), changed(Number.POSITIVE_INFINITY))).toBe(2);
  });

  it('tells buyers that a value moved, but not to what', async () => {
    const asset = await t.world.asset(them.company.id, { name: 'Rain', sellInMarketplace: true });
    const assetId = gid('Asset', asset);
    const buyer = (await create(us.keys.ANALYST, { assetId, kind: 'RESULT_CHANGED' })).alert;
    const seller = (await create(them.keys.ANALYST, { assetId, kind: 'RESULT_CHANGED' })).alert;
    expect(buyer.asset).toBeNull();
    await fireAlerts(contextAt(new Date()), {
      kind: 'RESULT_CHANGED',
      assetId: asset.id,
      message: 'Rain went from 4 to 5.',
      details: { before: '4', after: '5' },
      changePercent: 25,
    });
    expect(await eventsOf(us.keys.ANALYST, buyer.id)).toEqual([
      { message: 'Rain has another value.', details: { changePercent: 25 } },
    ]);
    expect(await eventsOf(them.keys.ANALYST, seller.id)).toEqual([
      { message: 'Rain went from 4 to 5.', details: { before: '4', after: '5', changePercent: 25 } },
    ]);
  });

  it('tells buyers that an asset left the marketplace, and nothing after that', async () => {
    const asset = await t.world.asset(them.company.id, { sellInMarketplace: true });
    const { alert } = await create(us.keys.ANALYST, { assetId: gid('Asset', asset) });
    await t.app.database.prisma.asset.update({ where: { id: asset.id }, data: { sellInMarketplace: false } });
    expect(await fireAlerts(contextAt(soon(0)), { ...updated(asset.id), details: { isListed: false } })).toBe(1);
    expect(await fireAlerts(contextAt(soon(100)), updated(asset.id))).toBe(0);
    expect(await eventsOf(us.keys.ANALYST, alert.id)).toHaveLength(1);
  });

  it('tells nobody who may not sign in any more', async () => {
    const user = await t.world.user(us.company.id, 'ANALYST');
    const { secret } = await t.world.apiKey(us.company.id, 'ANALYST', { userId: user.id });
    const asset = await t.world.asset(us.company.id);
    await create(secret, { assetId: gid('Asset', asset) });
    await t.app.database.prisma.user.update({ where: { id: user.id }, data: { status: 'BANNED' } });
    expect(await fireAlerts(contextAt(new Date()), updated(asset.id))).toBe(0);
  });

  it('never breaks who tells of something', async () => {
    const stop = events.on(() => Promise.reject(new Error('no')));
    const asset = await t.world.asset(us.company.id);
    const { alert } = await create(us.keys.ANALYST, { assetId: gid('Asset', asset) });
    await events.emit(contextAt(new Date()), updated(asset.id));
    stop();
    expect(await eventsOf(us.keys.ANALYST, alert.id)).toHaveLength(1);
  });

  it('sends as many statements for 20 alerts as for one', async () => {
    const own = await t.tenant();
    for (let i = 0; i < 20; i++)
      await create(own.keys.ANALYST, { assetId: gid('Asset', await t.world.asset(own.company.id)) });
    const document =
      'query ($n: Int!) { company { alerts(first: $n) { nodes { assetName user { name } asset { alerts { nodes { id } } } events { nodes { id } } } } } }';
    await t.run(own.keys.ADMIN, document, { n: 1 });
    const one = await t.statements(() => t.run(own.keys.ADMIN, document, { n: 1 }));
    const twenty = await t.statements(async () => {
      expect((await t.run(own.keys.ADMIN, document, { n: 20 })).data.company.alerts.nodes).toHaveLength(20);
    });
    expect(twenty).toHaveLength(one.length);
  });
});

describe('alerts refuse', () => {
  it('a second one of a kind on an asset', async () => {
    const assetId = gid('Asset', await t.world.asset(us.company.id));
    await create(us.keys.ANALYST, { assetId });
    expect((await create(us.keys.ANALYST, { assetId })).userErrors).toEqual([
      { code: 'CONFLICT', path: ['input', 'kind'] },
    ]);
  });

  it('a threshold where nothing is counted', async () => {
    const assetId = gid('Asset', await t.world.asset(us.company.id));
    expect((await create(us.keys.ANALYST, { assetId, thresholdPercent: '5' })).userErrors).toEqual([
      { code: 'VALIDATION', path: ['input', 'thresholdPercent'] },
    ]);
    const { alert } = await create(us.keys.ANALYST, { assetId });
    const answer = await t.mutate(
      us.keys.ANALYST,
      'alertUpdate',
      { id: alert.id, thresholdPercent: '5' },
      '__typename',
    );
    expect(answer.userErrors).toEqual([{ code: 'VALIDATION', path: ['input', 'thresholdPercent'] }]);
  });

  it('an asset that is not there, a threshold and an address that do not go, all at once', async () => {
    const assetId = gid('Asset', newId());
    const wrong = {
      assetId,
      kind: 'PRICE_CHANGED',
      thresholdPercent: '5',
      webhookUrl: 'https://a:b@hooks.example.com/',
    };
    expect((await create(us.keys.ANALYST, wrong)).userErrors).toEqual([
      { code: 'NOT_FOUND', path: ['input', 'assetId'] },
      { code: 'VALIDATION', path: ['input', 'thresholdPercent'] },
      { code: 'VALIDATION', path: ['input', 'webhookUrl'] },
    ]);
  });

  it('an address with a password', async () => {
    const assetId = gid('Asset', await t.world.asset(us.company.id));
    const answer = await create(us.keys.ANALYST, { assetId, webhookUrl: 'https://ada:pw@example.com' });
    expect(answer.userErrors).toEqual([{ code: 'VALIDATION', path: ['input', 'webhookUrl'] }]);
  });

  it('plain http where no private addresses are allowed', async () => {
    const strict = await testGateway({ ALLOW_PRIVATE_CONNECTIONS: '' });
    const tenant = await strict.tenant();
    const asset = await strict.world.asset(tenant.company.id);
    const { data } = await strict.run(
      tenant.keys.ANALYST,
      'mutation ($input: AlertCreateInput!) { alertCreate(input: $input) { userErrors { code path } } }',
      { input: { assetId: gid('Asset', asset), webhookUrl: 'http://example.com' } },
    );
    await strict.close();
    expect(data.alertCreate.userErrors).toEqual([{ code: 'VALIDATION', path: ['input', 'webhookUrl'] }]);
  });

  it('an asset that the caller does not see', async () => {
    const answer = await create(us.keys.ANALYST, { assetId: gid('Asset', await t.world.asset(them.company.id)) });
    expect(answer.userErrors).toEqual([{ code: 'NOT_FOUND', path: ['input', 'assetId'] }]);
  });

  it('a key without a user', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'ANALYST');
    const answer = await create(secret, { assetId: gid('Asset', await t.world.asset(us.company.id)) });
    expect(answer.userErrors).toEqual([{ code: 'FORBIDDEN', path: null }]);
  });
});

describe('alerts guard', () => {
  it('keeps them to their user and to administrators', async () => {
    const own = await t.tenant();
    const { alert } = await create(own.keys.ANALYST, { assetId: gid('Asset', await t.world.asset(own.company.id)) });
    const ask = async (key: string) =>
      (await t.run(key, 'query ($id: ID!) { node(id: $id) { id } }', { id: alert.id })).data.node;
    expect(await ask(own.keys.ANALYST)).toEqual({ id: alert.id });
    expect(await ask(own.keys.ADMIN)).toEqual({ id: alert.id });
    expect(await ask(own.keys.EDITOR)).toBeNull();
    expect(await ask(us.keys.OWNER)).toBeNull();
    const { errors } = await t.run(
      own.keys.EDITOR,
      'query ($u: ID!) { company { user(id: $u) { alerts { nodes { id } } } } }',
      { u: gid('User', own.users.ANALYST) },
    );
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const list = await t.run(own.keys.EDITOR, '{ company { alerts { nodes { id } } } }');
    expect(list.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('lets nobody else change or delete them', async () => {
    const { alert } = await create(them.keys.ANALYST, { assetId: gid('Asset', await t.world.asset(them.company.id)) });
    const stored = await t.app.database.prisma.alert.findMany();
    for (const key of [us.keys.OWNER, them.keys.OWNER]) {
      for (const [name, more] of [
        ['alertUpdate', { isActive: false }],
        ['alertDelete', {}],
      ] as const) {
        expect((await t.mutate(key, name, { id: alert.id, ...more }, '__typename')).userErrors).toEqual([
          { code: 'NOT_FOUND', path: ['input', 'id'] },
        ]);
      }
    }
    expect(await t.app.database.prisma.alert.findMany()).toEqual(stored);
  });

  it('shows a seller nothing of the alerts of buyers', async () => {
    const asset = await t.world.asset(them.company.id, { sellInMarketplace: true });
    await create(us.keys.ANALYST, { assetId: gid('Asset', asset) });
    const { data } = await t.run(
      them.keys.OWNER,
      'query ($id: ID!) { node(id: $id) { ... on Asset { alerts { nodes { id } } } } }',
      { id: gid('Asset', asset) },
    );
    expect(data.node.alerts.nodes).toEqual([]);
  });

  it('lets a VIEWER write none, and the anonymous see none', async () => {
    const assetId = gid('Asset', await t.world.asset(us.company.id));
    expect((await create(us.keys.VIEWER, { assetId })).userErrors).toEqual([{ code: 'FORBIDDEN', path: null }]);
    const { errors } = await t.run(null, 'query ($id: ID!) { alertsFor(assetId: $id) { id } }', { id: assetId });
    expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});
