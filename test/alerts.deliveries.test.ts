import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliver, giveUp, KEPT_TRIES, TRIES } from '../src/alerts/delivery.ts';
import { fireAlerts } from '../src/alerts/fire.ts';
import { startDeliveries, sweepDeliveries } from '../src/alerts/worker.ts';
import { openApp } from '../src/boot.ts';
import { createContext, type App } from '../src/context.ts';
import { newId } from '../src/ids.ts';
import { mutate } from './assets.fixtures.ts';
import { gid, keyOf, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { startServer, type FakeServer, type Reply, type Seen } from './helpers/platform-servers.ts';

/** One gateway that works on deliveries, and one that leaves them to the test. */
let t: TestGateway;
let quiet: TestGateway;
let us: Tenant;
let them: Tenant;
let idle: Tenant;
let receiver: FakeServer;
/** What each path of the receiver answers next; 200 after that. */
const replies = new Map<string, (Reply | Promise<Reply>)[]>();
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant();
  them = await t.tenant();
  quiet = await testGateway();
  idle = await quiet.tenant();
  receiver = await startServer(({ path }) => replies.get(path)?.shift() ?? { status: 200 });
  await startDeliveries(t.app);
});
afterAll(async () => {
  await t.close();
  await quiet.close();
  await receiver.close();
});

const EVENT = `id deliveryStatus deliveryCount nextDeliveryAt
  deliveries { totalCount { value } nodes { attempt isSuccess httpStatus errorCode errorMessage nextAttemptAt elapsedMs startedAt } }`;
let paths = 0;
/** An alert of the tenant's analyst with an address of its own, and what it takes to fire it. */
async function watch(g: TestGateway, tenant: Tenant, more: { next?: (Reply | Promise<Reply>)[]; url?: string } = {}) {
  const path = `/hook-${++paths}`;
  if (more.next) replies.set(path, more.next);
  const asset = await g.world.asset(tenant.company.id);
  const made = await mutate(
    g,
    tenant.keys.ANALYST,
    'alertCreate',
    { assetId: gid('Asset', asset), webhookUrl: more.url ?? `${receiver.url}${path}` },
    'webhookSecret alert { id }',
  );
  expect(made.userErrors).toEqual([]);
  let minutes = 0;
  return {
    id: made.alert.id as string,
    secret: made.webhookSecret as string,
    assetId: gid('Asset', asset),
    seen: (): Seen[] => receiver.seen.filter((one) => one.path === path),
    /** Fires it, a while after the last time, and answers the id of its newest event. */
    async fire(): Promise<string> {
      const request = { viewer: null, signal: new AbortController().signal, requestId: 'r' };
      const ctx = createContext(g.app, { ...request, clientAddress: '', userAgent: null });
      ctx.now = new Date(Date.now() - 3_600_000 + ++minutes * 120_000);
      const event = { kind: 'ASSET_UPDATED', assetId: asset.id, message: 'It changed.', details: { version: 2 } };
      expect(await fireAlerts(ctx, event as never)).toBe(1);
      const { data } = await g.run(
        tenant.keys.ANALYST,
        'query ($id: ID!) { node(id: $id) { ... on Alert { events(first: 1) { nodes { id } } } } }',
        { id: made.alert.id },
      );
      return data.node.events.nodes[0].id as string;
    },
  };
}
const read = async (g: TestGateway, key: string, id: string): Promise<Answer['data']> =>
  (await g.run(key, `query ($id: ID!) { node(id: $id) { ... on AlertEvent { ${EVENT} } } }`, { id })).data.node;
const until = async (id: string, status: string, key = us.keys.ANALYST): Promise<Answer['data']> => {
  await expect.poll(async () => (await read(t, key, id)).deliveryStatus, { timeout: 60_000 }).toBe(status);
  return read(t, key, id);
};
/** Makes a try at once that is due now or later. */
const tryNow = (app: App, tenant: Tenant, id: string, attempt: number): Promise<void> =>
  deliver(app, {
    data: { eventId: keyOf(id), companyId: tenant.company.id, attempt },
    signal: new AbortController().signal,
  });
const redeliver = (g: TestGateway, key: string, id: string) =>
  mutate(g, key, 'alertEventRedeliver', { id }, `event { ${EVENT} }`);
const attempts = (event: Answer['data']): unknown[] =>
  event.deliveries.nodes.map(({ attempt, isSuccess, httpStatus, errorCode }: Answer['data']) => [
    attempt,
    isSuccess,
    httpStatus,
    errorCode,
  ]);

describe('deliveries work', () => {
  it('signed, and once where the receiver takes it', async () => {
    const alert = await watch(t, us);
    const id = await alert.fire();
    const event = await until(id, 'DELIVERED');
    expect(event).toEqual({
      id,
      deliveryStatus: 'DELIVERED',
      deliveryCount: 1,
      nextDeliveryAt: null,
      deliveries: {
        totalCount: { value: 1 },
        nodes: [
          {
            attempt: 1,
            isSuccess: true,
            httpStatus: 200,
            errorCode: null,
            errorMessage: null,
            nextAttemptAt: null,
            elapsedMs: expect.any(Number),
            startedAt: expect.any(String),
          },
        ],
      },
    });
    const [first, ...more] = alert.seen();
    expect(more).toEqual([]);
    expect(first?.json).toMatchObject({
      type: 'alert.fired',
      data: {
        alertId: alert.id,
        assetId: alert.assetId,
        kind: 'ASSET_UPDATED',
        message: 'It changed.',
        details: { version: 2 },
      },
    });
    expect(first?.headers['webhook-id']).toBe(`msg_${keyOf(id)}`);
    const signed = `${String(first?.headers['webhook-id'])}.${String(first?.headers['webhook-timestamp'])}.${first?.text}`;
    const key = Buffer.from(alert.secret.replace('whsec_', ''), 'base64');
    expect(first?.headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  });

  it('again under the same id where the receiver is down for a moment', async () => {
    const alert = await watch(t, us, { next: [{ status: 503 }] });
    const event = await until(await alert.fire(), 'DELIVERED');
    expect(attempts(event)).toEqual([
      [2, true, 200, null],
      [1, false, 503, 'STATUS'],
    ]);
    const [, first] = event.deliveries.nodes;
    expect(first.errorMessage).toBe('The address answered 503.');
    expect(Date.parse(first.nextAttemptAt)).toBeGreaterThan(Date.parse(first.startedAt));
    const [one, two] = alert.seen();
    expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
    expect(Number(two?.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(Number(one?.headers['webhook-timestamp']));
  });

  it('until the tries are used up, each later than the one before', async () => {
    const alert = await watch(quiet, idle, { next: Array.from({ length: TRIES }, () => ({ status: 500 })) });
    const id = await alert.fire();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const before = await read(quiet, idle.keys.ANALYST, id);
      expect(before).toMatchObject({ deliveryStatus: 'PENDING', deliveryCount: attempt - 1 });
      await tryNow(quiet.app, idle, id, attempt);
      const [made] = (await read(quiet, idle.keys.ANALYST, id)).deliveries.nodes;
      if (made.nextAttemptAt) waits.push(Date.parse(made.nextAttemptAt) - Date.parse(made.startedAt));
    }
    const event = await read(quiet, idle.keys.ANALYST, id);
    expect(event).toMatchObject({ deliveryStatus: 'FAILED', deliveryCount: TRIES, nextDeliveryAt: null });
    expect(event.deliveries.nodes[0]).toMatchObject({ attempt: TRIES, httpStatus: 500, nextAttemptAt: null });
    expect(waits).toHaveLength(TRIES - 1);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits[0]).toBeGreaterThanOrEqual(5000);
    await tryNow(quiet.app, idle, id, TRIES + 1);
    expect(alert.seen()).toHaveLength(TRIES);
  });

  it('by hand, with all tries anew, whatever became of them', async () => {
    const alert = await watch(t, us, { next: [{ status: 410, text: 'token=secret' }] });
    const id = await alert.fire();
    const failed = await until(id, 'FAILED');
    expect(attempts(failed)).toEqual([[1, false, 410, 'STATUS']]);
    expect(failed.deliveries.nodes[0].errorMessage).toBe('The address answered 410.');
    const again = await redeliver(t, us.keys.ANALYST, id);
    expect(again).toMatchObject({ event: { id, deliveryStatus: 'PENDING' }, userErrors: [] });
    expect(attempts(await until(id, 'DELIVERED'))).toEqual([
      [2, true, 200, null],
      [1, false, 410, 'STATUS'],
    ]);
    // The receiver lost it after all.
    expect((await redeliver(t, us.keys.ANALYST, id)).event.deliveryStatus).toBe('PENDING');
    await expect.poll(async () => (await read(t, us.keys.ANALYST, id)).deliveryCount, { timeout: 60_000 }).toBe(3);
    expect(new Set(alert.seen().map((one) => one.headers['webhook-id'])).size).toBe(1);
  });

  it('at once where it waits for its next try, and not twice where it is on its way', async () => {
    const alert = await watch(quiet, idle, { next: [{ status: 500 }] });
    const id = await alert.fire();
    await tryNow(quiet.app, idle, id, 1);
    const later = new Date(Date.now() + 3_600_000);
    await quiet.app.database.prisma.alertEvent.update({ where: { id: keyOf(id) }, data: { nextDeliveryAt: later } });
    const jobs = async (): Promise<number> => {
      const sql = `select 1 from jobs.job where data->>'eventId' = $1 and data->>'attempt' = '2'`;
      return (await quiet.app.database.query(sql, [keyOf(id)])).length;
    };
    const before = await jobs();
    const { event } = await redeliver(quiet, idle.keys.ANALYST, id);
    expect(Date.parse(event.nextDeliveryAt)).toBeLessThan(later.getTime());
    expect(await jobs()).toBe(before + 1);
    const same = await redeliver(quiet, idle.keys.ANALYST, id);
    expect(same).toMatchObject({ event: { nextDeliveryAt: event.nextDeliveryAt }, userErrors: [] });
    expect(await jobs()).toBe(before + 1);
  });

  it('to the address that the alert has by then, signed with its secret', async () => {
    const alert = await watch(quiet, idle, { next: [{ status: 500 }] });
    const id = await alert.fire();
    await tryNow(quiet.app, idle, id, 1);
    const other = await watch(quiet, idle);
    const url = `${receiver.url}/moved-${paths}`;
    const moved = await mutate(
      quiet,
      idle.keys.ANALYST,
      'alertUpdate',
      { id: alert.id, webhookUrl: url },
      'webhookSecret',
    );
    await tryNow(quiet.app, idle, id, 2);
    expect([alert.seen().length, other.seen().length]).toEqual([1, 0]);
    const [sent] = receiver.seen.filter((one) => url.endsWith(one.path));
    const signed = `${String(sent?.headers['webhook-id'])}.${String(sent?.headers['webhook-timestamp'])}.${sent?.text}`;
    const key = Buffer.from(moved.webhookSecret.replace('whsec_', ''), 'base64');
    expect(sent?.headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    expect((await read(quiet, idle.keys.ANALYST, id)).deliveryStatus).toBe('DELIVERED');
  });

  it('by another gateway where one stops in the middle of a try, which counts once', async () => {
    let answer: (reply: Reply) => void = () => undefined;
    const held = new Promise<Reply>((resolve) => (answer = resolve));
    const alert = await watch(quiet, idle, { next: [held] });
    const url = quiet.app.config.DATABASE_URL ?? '';
    const first = await openApp(quiet.app.config, url);
    await startDeliveries(first);
    const id = await alert.fire();
    await expect.poll(() => alert.seen().length, { timeout: 60_000 }).toBe(1);
    await first.close();
    expect(await read(quiet, idle.keys.ANALYST, id)).toMatchObject({ deliveryStatus: 'PENDING', deliveryCount: 0 });
    const second = await openApp(quiet.app.config, url);
    await startDeliveries(second);
    await expect
      .poll(async () => (await read(quiet, idle.keys.ANALYST, id)).deliveryStatus, { timeout: 60_000 })
      .toBe('DELIVERED');
    expect(attempts(await read(quiet, idle.keys.ANALYST, id))).toEqual([[1, true, 200, null]]);
    expect(alert.seen().length).toBeGreaterThan(1);
    await second.close();
    answer({ status: 200 });
  });

  it('after a crash before the workers heard of it: the sweep hands it out', async () => {
    const alert = await watch(t, us);
    const eventId = newId();
    await t.app.database.prisma.alertEvent.create({
      data: {
        id: eventId,
        companyId: us.company.id,
        alertId: Number(keyOf(alert.id)),
        message: 'm',
        details: {},
        deliveryStatus: 'PENDING',
        triesLeft: TRIES,
        nextDeliveryAt: new Date(Date.now() - 36e5),
      },
    });
    await sweepDeliveries(t.app);
    expect(attempts(await until(gid('AlertEvent', eventId), 'DELIVERED'))).toEqual([[1, true, 200, null]]);
    expect(alert.seen()).toHaveLength(1);
  });

  it('keep the last tries of an event, and events with their tries for 90 days', async () => {
    const { prisma } = quiet.app.database;
    const alert = await watch(quiet, idle);
    const id = await alert.fire();
    const alertEventId = keyOf(id);
    const companyId = idle.company.id;
    const row = { companyId, alertEventId, startedAt: new Date(), elapsedMs: 1, isSuccess: true, httpStatus: 200 };
    await prisma.alertDelivery.createMany({
      data: Array.from({ length: KEPT_TRIES }, (_, i) => ({ ...row, id: newId(), attempt: i + 1 })),
    });
    await prisma.alertEvent.update({ where: { id: alertEventId }, data: { deliveryCount: KEPT_TRIES } });
    await tryNow(quiet.app, idle, id, KEPT_TRIES + 1);
    const kept = await prisma.alertDelivery.findMany({ where: { alertEventId }, orderBy: { attempt: 'asc' } });
    expect([kept.length, kept[0]?.attempt, kept.at(-1)?.attempt]).toEqual([KEPT_TRIES, 2, KEPT_TRIES + 1]);

    const ago = (days: number): Date => new Date(Date.now() - days * 86_400_000);
    const young = await alert.fire();
    const pending = await alert.fire();
    for (const [one, createdAt] of [
      [id, ago(91)],
      [pending, ago(91)],
      [young, ago(89)],
    ] as const)
      await prisma.alertEvent.update({ where: { id: keyOf(one) }, data: { createdAt } });
    expect((await sweepDeliveries(quiet.app)).dropped).toBe(1);
    expect(await read(quiet, idle.keys.ANALYST, id)).toBeNull();
    expect(await prisma.alertDelivery.count({ where: { alertEventId } })).toBe(0);
    for (const one of [young, pending]) expect(await read(quiet, idle.keys.ANALYST, one)).toMatchObject({ id: one });
  });

  it('are paged and filtered, the latest first', async () => {
    const alert = await watch(quiet, idle, { next: [{ status: 500 }, { status: 302, headers: { location: '/x' } }] });
    const id = await alert.fire();
    for (const attempt of [1, 2]) await tryNow(quiet.app, idle, id, attempt);
    await redeliver(quiet, idle.keys.ANALYST, id);
    await tryNow(quiet.app, idle, id, 3);
    const ask = async (args: string): Promise<Answer['data']> =>
      (
        await quiet.run(
          idle.keys.ANALYST,
          `query ($id: ID!) { node(id: $id) { ... on AlertEvent { deliveries(${args}) { nodes { attempt errorCode } pageInfo { endCursor hasNextPage } } } } }`,
          { id },
        )
      ).data.node.deliveries;
    const page = await ask('first: 2');
    expect(page).toMatchObject({
      nodes: [
        { attempt: 3, errorCode: null },
        { attempt: 2, errorCode: 'REDIRECT' },
      ],
      pageInfo: { hasNextPage: true },
    });
    const rest = await ask(`first: 2, after: "${page.pageInfo.endCursor}"`);
    expect(rest).toMatchObject({ nodes: [{ attempt: 1, errorCode: 'STATUS' }], pageInfo: { hasNextPage: false } });
    expect((await ask('where: {isSuccess: {eq: true}}')).nodes).toEqual([{ attempt: 3, errorCode: null }]);
    const { data } = await quiet.run(
      idle.keys.ANALYST,
      'query ($id: ID!) { node(id: $id) { ... on Alert { events(where: {deliveryStatus: {eq: DELIVERED}}) { nodes { id } } } } }',
      { id: alert.id },
    );
    expect(data.node.events.nodes).toEqual([{ id }]);
  });

  it('take as many statements for 20 events as for one', async () => {
    const alert = await watch(quiet, idle);
    for (let i = 0; i < 20; i++) await tryNow(quiet.app, idle, await alert.fire(), 1);
    const document = `query ($id: ID!, $n: Int!) { node(id: $id) { ... on Alert { events(first: $n) { nodes { deliveryStatus deliveries(first: 5) { nodes { attempt } } } } } } }`;
    const ask = (n: number) => quiet.run(idle.keys.ANALYST, document, { id: alert.id, n });
    await ask(1);
    const one = await quiet.statements(() => ask(1));
    const twenty = await quiet.statements(async () => {
      const { nodes } = (await ask(20)).data.node.events;
      expect(nodes).toEqual(
        Array.from({ length: 20 }, () => ({ deliveryStatus: 'DELIVERED', deliveries: { nodes: [{ attempt: 1 }] } })),
      );
    });
    expect(twenty).toHaveLength(one.length);
    expect(twenty.filter((text) => text.includes('"AlertDelivery"'))).toHaveLength(1);
  });
});

describe('deliveries refuse', () => {
  it('private addresses, at once and for good', async () => {
    const alert = await watch(t, us, { url: 'https://10.0.0.1/hook' });
    const event = await until(await alert.fire(), 'FAILED');
    expect(attempts(event)).toEqual([[1, false, null, 'REFUSED']]);
    expect(event.deliveries.nodes[0].errorMessage).toMatch(/\S/);
  });

  it('to go on without an address, or for whoever may not sign in any more', async () => {
    const silent = await watch(quiet, idle);
    const id = await silent.fire();
    await mutate(quiet, idle.keys.ANALYST, 'alertUpdate', { id: silent.id, webhookUrl: null }, '__typename');
    await tryNow(quiet.app, idle, id, 1);
    expect(attempts(await read(quiet, idle.keys.ANALYST, id))).toEqual([[1, false, null, 'NO_ADDRESS']]);
    expect((await redeliver(quiet, idle.keys.ANALYST, id)).userErrors).toMatchObject([
      { code: 'CONFLICT', path: ['input', 'id'] },
    ]);

    const own = await quiet.tenant();
    const alert = await watch(quiet, own);
    const event = await alert.fire();
    await quiet.app.database.prisma.user.update({ where: { id: own.users.ANALYST.id }, data: { status: 'BANNED' } });
    await tryNow(quiet.app, own, event, 1);
    expect(attempts(await read(quiet, own.keys.ADMIN, event))).toEqual([[1, false, null, 'NO_ADDRESS']]);
    expect([...silent.seen(), ...alert.seen()]).toEqual([]);
  });

  it('a try whose workers died again and again', async () => {
    const alert = await watch(quiet, idle);
    const id = await alert.fire();
    const data = { eventId: keyOf(id), companyId: idle.company.id, attempt: 1 };
    await giveUp(quiet.app, { data });
    const event = await read(quiet, idle.keys.ANALYST, id);
    expect([event.deliveryStatus, attempts(event)]).toEqual(['FAILED', [[1, false, null, 'ABANDONED']]]);
    expect((await redeliver(quiet, idle.keys.ANALYST, id)).event.deliveryStatus).toBe('PENDING');
  });

  it('redelivery by a VIEWER, by a key without a user, and of what is no event', async () => {
    const id = await (await watch(quiet, idle)).fire();
    const { secret } = await quiet.world.apiKey(idle.company.id, 'ANALYST');
    for (const key of [idle.keys.VIEWER, secret])
      expect((await redeliver(quiet, key, id)).userErrors).toMatchObject([{ code: 'FORBIDDEN', path: null }]);
    const wrong = await redeliver(quiet, idle.keys.ANALYST, gid('Alert', 1));
    expect(wrong.userErrors).toMatchObject([{ code: 'VALIDATION', path: ['input', 'id'] }]);
  });
});

describe('deliveries guard', () => {
  it('a try that was made already: whoever comes late sends and stores nothing', async () => {
    const alert = await watch(quiet, idle);
    const id = await alert.fire();
    await tryNow(quiet.app, idle, id, 1);
    for (const attempt of [1, 2]) await tryNow(quiet.app, idle, id, attempt);
    await tryNow(quiet.app, { ...idle, company: { ...idle.company, id: newId() } }, id, 2);
    expect(alert.seen()).toHaveLength(1);
    expect(attempts(await read(quiet, idle.keys.ANALYST, id))).toEqual([[1, true, 200, null]]);
  });

  it('two workers at the same try: it is stored once, and tried once more', async () => {
    const alert = await watch(quiet, idle, { next: [{ status: 500 }, { status: 500 }] });
    const id = await alert.fire();
    await Promise.all([tryNow(quiet.app, idle, id, 1), tryNow(quiet.app, idle, id, 1)]);
    expect(attempts(await read(quiet, idle.keys.ANALYST, id))).toEqual([[1, false, 500, 'STATUS']]);
    const jobs = await quiet.app.database.query(
      `select 1 from jobs.job where data->>'eventId' = $1 and data->>'attempt' = '2'`,
      [keyOf(id)],
    );
    expect(jobs).toHaveLength(1);
  });

  it('keeps events and their tries to their user and to administrators', async () => {
    const alert = await watch(t, us);
    const id = await alert.fire();
    await until(id, 'DELIVERED');
    for (const key of [us.keys.EDITOR, them.keys.OWNER]) {
      expect(await read(t, key, id)).toBeNull();
      expect(await redeliver(t, key, id)).toEqual(await redeliver(t, key, gid('AlertEvent', newId())));
    }
    expect(await read(t, us.keys.ADMIN, id)).toMatchObject({ id, deliveryCount: 1 });
    expect(await redeliver(t, us.keys.ADMIN, id)).toMatchObject({
      event: null,
      userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }],
    });
    expect(alert.seen()).toHaveLength(1);
  });

  it('deletes events and tries with their alert', async () => {
    const alert = await watch(quiet, idle);
    const id = await alert.fire();
    await tryNow(quiet.app, idle, id, 1);
    await mutate(quiet, idle.keys.ANALYST, 'alertDelete', { id: alert.id }, 'deletedId');
    const where = { alertEventId: keyOf(id) };
    expect(await quiet.app.database.prisma.alertDelivery.count({ where })).toBe(0);
    await tryNow(quiet.app, idle, id, 2);
    expect(alert.seen()).toHaveLength(1);
  });

  it('never stores a try that says two things', async () => {
    const alert = await watch(quiet, idle);
    const id = await alert.fire();
    const row = {
      id: newId(),
      companyId: idle.company.id,
      alertEventId: keyOf(id),
      attempt: 1,
      startedAt: new Date(),
      elapsedMs: 1,
    };
    const { alertDelivery, alertEvent } = quiet.app.database.prisma;
    for (const wrong of [
      { isSuccess: false },
      { isSuccess: true, errorCode: 'TIMEOUT' as const, errorMessage: 'm' },
      { isSuccess: true, httpStatus: 7 },
      { isSuccess: true, nextAttemptAt: new Date() },
      { isSuccess: true, elapsedMs: -1 },
      { isSuccess: false, errorCode: 'STATUS' as const, errorMessage: 'm'.repeat(301) },
    ])
      await expect(alertDelivery.create({ data: { ...row, ...wrong } })).rejects.toThrow('AlertDelivery_');
    for (const data of [{ deliveryStatus: 'DELIVERED' as const }, { nextDeliveryAt: null }, { triesLeft: 0 }])
      await expect(alertEvent.update({ where: { id: keyOf(id) }, data })).rejects.toThrow('AlertEvent_');
  });
});
