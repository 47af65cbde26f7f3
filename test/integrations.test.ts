import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gid, keyOf, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import * as fake from './helpers/platform-servers.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
let wordpress: fake.FakePlatform;
let ghost: fake.FakePlatform;
let receiver: fake.FakePlatform;
let credentials: Record<string, Record<string, string>>;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
  [wordpress, ghost, receiver] = await Promise.all([fake.startWordPress(), fake.startGhost(), fake.startReceiver()]);
  credentials = {
    WORDPRESS: { siteUrl: wordpress.url, username: 'ada', applicationPassword: 'abcd EFGH 1234 ijkl' },
    GHOST: { siteUrl: ghost.url, adminApiKey: fake.ghostKey },
    WEBHOOK: { url: `${receiver.url}/in`, secret: fake.webhookSecret },
  };
});
afterAll(async () => {
  await Promise.all([wordpress, ghost, receiver].map((server) => server.close()));
  await t.close();
});

type Platform = 'WORDPRESS' | 'GHOST' | 'WEBHOOK';
const mutate = (key: string | null, name: string, input: object, fields: string) =>
  t.mutate(key, name, input, fields, 'userErrors { code message path }');
const FIELDS =
  'integration { id platform platformName settings maskedCredentials isEnabled lastUsedAt owner { id } version }';
const create = async (platform: Platform, key = us.keys.EDITOR) =>
  (
    await mutate(
      key,
      'integrationCreate',
      { platform, platformName: `Our ${platform}`, credentials: credentials[platform] },
      FIELDS,
    )
  ).integration;
const PUBLICATION =
  'publication { id status errorMessage platform externalPostId externalPostUrl publishedAt integration { id } post { id } }';
const publish = (postId: string, integrationId: string, more: object = {}, key = us.keys.EDITOR) =>
  mutate(key, 'postPublishExternally', { postId, integrationId, ...more }, PUBLICATION);
const newPost = async (more = {}) =>
  gid('Post', await t.world.post(us.company.id, us.users.EDITOR.id, { title: 'March', category: 'news', ...more }));
const publicationsOf = async (postId: string) =>
  (
    await t.run(
      us.keys.VIEWER,
      'query ($id: ID!) { company { post(id: $id) { publications { nodes { status errorMessage externalPostId publishedAt } } } } }',
      { id: postId },
    )
  ).data.company.post.publications.nodes;
const rowOf = (id: string) => t.app.database.prisma.integration.findUniqueOrThrow({ where: { id: keyOf(id) } });

describe('integrations work', () => {
  it('names the platforms, and why some cannot be used', async () => {
    const { data } = await t.run(
      null,
      '{ publishingPlatforms { name displayName isAvailable unavailableReason credentialFields { name isSecret isRequired } } }',
    );
    const list = data.publishingPlatforms as {
      name: string;
      isAvailable: boolean;
      unavailableReason: string | null;
      credentialFields: unknown[];
    }[];
    expect(list.map((one) => [one.name, one.isAvailable])).toEqual([
      ['WORDPRESS', true],
      ['GHOST', true],
      ['DEV', true],
      ['BEEHIIV', true],
      ['WEBHOOK', true],
      ['MEDIUM', false],
      ['SUBSTACK', false],
    ]);
    expect(list[1]?.credentialFields).toEqual([
      { name: 'siteUrl', isSecret: false, isRequired: true },
      { name: 'adminApiKey', isSecret: true, isRequired: true },
    ]);
    expect(list[5]?.unavailableReason).toContain('no new API tokens');
    expect(list[6]?.unavailableReason).toContain('no public API');
  });

  it('tries credentials without storing them', async () => {
    const before = await t.app.database.prisma.integration.count();
    const test = (given: object) =>
      mutate(
        us.keys.EDITOR,
        'integrationTest',
        { platform: 'WORDPRESS', credentials: given },
        'isOk account message failure fields',
      );
    expect(await test(credentials['WORDPRESS'] ?? {})).toEqual({
      isOk: true,
      account: 'Ada',
      message: 'WordPress takes these credentials.',
      failure: null,
      fields: [],
      userErrors: [],
    });
    const wrong = await test({ ...credentials['WORDPRESS'], applicationPassword: 'wrong-password' });
    expect(wrong).toMatchObject({ isOk: false, account: null, failure: 'AUTH', userErrors: [] });
    expect(wrong.message).toContain('WordPress answered 401');
    expect(wrong.message).not.toContain('wrong-password');
    expect(await t.app.database.prisma.integration.count()).toBe(before);
  });

  it('seals the secret and shows the rest', async () => {
    const made = await create('GHOST');
    expect(made).toEqual({
      id: made.id,
      platform: 'GHOST',
      platformName: 'Our GHOST',
      settings: { siteUrl: ghost.url },
      maskedCredentials: `****${fake.ghostKey.slice(-4)}`,
      isEnabled: true,
      lastUsedAt: null,
      owner: { id: gid('User', us.users.EDITOR) },
      version: 1,
    });
    const row = await rowOf(made.id);
    expect(JSON.stringify(row)).not.toContain(fake.ghostKey);
    expect(Buffer.from(row.sealedCredentials).includes(Buffer.from(fake.ghostKey.slice(0, 24)))).toBe(false);
    expect(t.app.sealer.open(row.sealedCredentials, `Integration/sealedCredentials/${row.id}`)).toEqual({
      adminApiKey: fake.ghostKey,
    });
    const { data } = await t.run(
      us.keys.VIEWER,
      'query ($id: ID!) { node(id: $id) { id } company { integration(id: $id) { platform } integrations(where: {platform: {eq: GHOST}}) { nodes { id } totalCount { value } } } }',
      { id: made.id },
    );
    expect(data).toEqual({
      node: { id: made.id },
      company: {
        integration: { platform: 'GHOST' },
        integrations: { nodes: [{ id: made.id }], totalCount: { value: 1 } },
      },
    });
  });

  it('replaces credentials as a whole and minds the version', async () => {
    const made = await create('WORDPRESS');
    const partly = await mutate(
      us.keys.EDITOR,
      'integrationUpdate',
      { id: made.id, credentials: { siteUrl: 'https://evil.example' } },
      FIELDS,
    );
    expect(partly.userErrors.map((error: { path: string[] }) => error.path.at(-1))).toEqual([
      'username',
      'applicationPassword',
    ]);
    const whole = await mutate(
      us.keys.EDITOR,
      'integrationUpdate',
      {
        id: made.id,
        platformName: 'Blog',
        isEnabled: false,
        credentials: { ...credentials['WORDPRESS'], applicationPassword: 'abcd efgh 9999' },
        expectedVersion: 1,
      },
      FIELDS,
    );
    expect(whole.integration).toMatchObject({
      platformName: 'Blog',
      isEnabled: false,
      maskedCredentials: '****9999',
      version: 2,
    });
    const late = await mutate(
      us.keys.EDITOR,
      'integrationUpdate',
      { id: made.id, platformName: 'x', expectedVersion: 1 },
      FIELDS,
    );
    expect(late.userErrors[0]).toMatchObject({ code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'] });
  });

  it('deletes the secret with the integration', async () => {
    const made = await create('GHOST');
    expect(await mutate(us.keys.EDITOR, 'integrationDelete', { id: made.id }, 'deletedId')).toEqual({
      deletedId: made.id,
      userErrors: [],
    });
    const row = await rowOf(made.id);
    expect(row).toMatchObject({ active: false, isActive: false, credentialsLastFour: '' });
    expect(t.app.sealer.open(row.sealedCredentials, `Integration/sealedCredentials/${row.id}`)).toEqual({});
    expect(
      (await t.run(us.keys.EDITOR, 'query ($id: ID!) { node(id: $id) { id } }', { id: made.id })).data.node,
    ).toBeNull();
  });
});

describe('integrations refuse', () => {
  it.each([
    ['MEDIUM', 'Medium gives out no new API tokens'],
    ['SUBSTACK', 'Substack has no public API'],
  ])('%s, with the reason', async (platform, reason) => {
    for (const name of ['integrationCreate', 'integrationTest']) {
      const input = {
        platform,
        credentials: { token: 'x' },
        ...(name === 'integrationCreate' ? { platformName: 'x' } : {}),
      };
      const { userErrors } = await mutate(us.keys.EDITOR, name, input, '__typename');
      expect(userErrors[0]).toMatchObject({ code: 'UNSUPPORTED', path: ['input', 'platform'] });
      expect(userErrors[0].message).toContain(reason);
    }
  });

  it('credentials of the wrong form, each with its path', async () => {
    const given = { siteUrl: 'ftp://x', adminApiKey: 'short', other: 'x' };
    const { userErrors } = await mutate(
      us.keys.EDITOR,
      'integrationCreate',
      { platform: 'GHOST', platformName: 'x', credentials: given },
      '__typename',
    );
    expect(userErrors.map((error: { code: string; path: string[] }) => [error.code, error.path.join('.')])).toEqual([
      ['VALIDATION', 'input.credentials.other'],
      ['VALIDATION', 'input.credentials.siteUrl'],
      ['VALIDATION', 'input.credentials.adminApiKey'],
    ]);
    const number = await mutate(
      us.keys.EDITOR,
      'integrationCreate',
      { platform: 'GHOST', platformName: 'x', credentials: { siteUrl: 1 } },
      '__typename',
    );
    expect(number.userErrors[0]).toMatchObject({ code: 'VALIDATION', path: ['input', 'credentials', 'siteUrl'] });
  });

  it('addresses inside that nobody allowed', async () => {
    const inside = await mutate(
      us.keys.EDITOR,
      'integrationTest',
      { platform: 'WEBHOOK', credentials: { url: 'https://10.0.0.1/', secret: fake.webhookSecret } },
      'isOk failure fields',
    );
    expect(inside).toEqual({ isOk: false, failure: 'VALIDATION', fields: ['url'], userErrors: [] });
  });

  it('to publish through one that is switched off or deleted', async () => {
    const integration = await create('WEBHOOK');
    const postId = await newPost();
    await mutate(us.keys.EDITOR, 'integrationUpdate', { id: integration.id, isEnabled: false }, '__typename');
    expect((await publish(postId, integration.id)).userErrors[0]).toMatchObject({
      code: 'VALIDATION',
      path: ['input', 'integrationId'],
    });
    await mutate(us.keys.EDITOR, 'integrationDelete', { id: integration.id }, '__typename');
    expect((await publish(postId, integration.id)).userErrors[0]).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'integrationId'],
    });
    expect(await publicationsOf(postId)).toEqual([]);
  });

  it('a key without a user', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'EDITOR');
    const { userErrors } = await mutate(
      secret,
      'integrationCreate',
      { platform: 'GHOST', platformName: 'x', credentials: credentials['GHOST'] },
      '__typename',
    );
    expect(userErrors[0]).toMatchObject({ code: 'FORBIDDEN', path: null });
  });
});

describe('integrations guard', () => {
  it('keeps another company out', async () => {
    const integration = await create('WEBHOOK', them.keys.EDITOR);
    const post = gid('Post', await t.world.post(them.company.id, them.users.EDITOR.id));
    const before = await rowOf(integration.id);
    const had = receiver.seen.length;
    for (const [name, more] of [
      ['integrationUpdate', { isEnabled: false }],
      ['integrationDelete', {}],
    ] as const) {
      const { userErrors } = await mutate(us.keys.OWNER, name, { id: integration.id, ...more }, '__typename');
      expect(userErrors).toEqual([{ code: 'NOT_FOUND', message: 'No such integration.', path: ['input', 'id'] }]);
    }
    expect((await publish(await newPost(), integration.id)).userErrors[0]).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'integrationId'],
    });
    const own = await create('WEBHOOK');
    expect((await publish(post, own.id)).userErrors[0]).toMatchObject({ code: 'NOT_FOUND', path: ['input', 'postId'] });
    expect(await rowOf(integration.id)).toEqual(before);
    expect(receiver.seen.length).toBe(had);
    const { data } = await t.run(
      us.keys.OWNER,
      'query ($id: ID!) { node(id: $id) { id } company { integration(id: $id) { id } } }',
      { id: integration.id },
    );
    expect(data).toEqual({ node: null, company: { integration: null } });
  });

  it.each(['ANALYST', 'VIEWER', 'OPERATOR'] as const)('lets a %s write and publish nothing', async (role) => {
    const integration = await create('WEBHOOK');
    const had = receiver.seen.length;
    const input = { platform: 'WEBHOOK', credentials: credentials['WEBHOOK'] };
    for (const [name, given] of [
      ['integrationCreate', { ...input, platformName: 'x' }],
      ['integrationTest', input],
      ['integrationUpdate', { id: integration.id, isEnabled: false }],
      ['integrationDelete', { id: integration.id }],
      ['postPublishExternally', { integrationId: integration.id, postId: await newPost() }],
    ] as const) {
      expect((await mutate(us.keys[role], name, given, '__typename')).userErrors[0].code).toBe('FORBIDDEN');
    }
    expect(await rowOf(integration.id)).toMatchObject({ active: true, isActive: true, version: 1 });
    expect(receiver.seen.length).toBe(had);
  });
});
