import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gid, keyOf, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import * as fake from './helpers/platform-servers.ts';

let t: TestGateway;
let us: Tenant;
let wordpress: fake.FakePlatform;
let receiver: fake.FakePlatform;
let credentials: Record<string, Record<string, string>>;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  [wordpress, receiver] = await Promise.all([fake.startWordPress(), fake.startReceiver()]);
  credentials = {
    WORDPRESS: { siteUrl: wordpress.url, username: 'ada', applicationPassword: 'abcd EFGH 1234 ijkl' },
    WEBHOOK: { url: `${receiver.url}/in`, secret: fake.webhookSecret },
  };
});
afterAll(async () => {
  await Promise.all([wordpress, receiver].map((server) => server.close()));
  await t.close();
});

type Platform = 'WORDPRESS' | 'WEBHOOK';
const mutate = (key: string | null, name: string, input: object, fields: string) =>
  t.mutate(
    key,
    name,
    input,
    fields,
    'userErrors { code message path ... on PlatformFailedError { failure fields retryAfterMs } }',
  );
const FIELDS = 'integration { id platform }';
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
      'query ($id: ID!) { company { post(id: $id) { publications { nodes { status errorCode errorMessage externalPostId publishedAt } } } } }',
      { id: postId },
    )
  ).data.company.post.publications.nodes;

describe('publishing elsewhere works', () => {
  it('publishes a draft first, brings it up to date the second time, and keeps one publication', async () => {
    const integration = await create('WORDPRESS');
    const postId = await newPost({ contentHtml: '<p>One.</p>', teaser: 'Soon' });
    const had = wordpress.posts.length;
    const first = await publish(postId, integration.id);
    expect(first.userErrors).toEqual([]);
    const id = String(had + 1);
    expect(first.publication).toMatchObject({
      status: 'PUBLISHED',
      errorMessage: null,
      platform: 'WORDPRESS',
      externalPostId: id,
      externalPostUrl: `https://blog.test/?p=${id}`,
      integration: { id: integration.id },
      post: { id: postId },
    });
    expect(wordpress.posts.at(-1)).toMatchObject({
      title: 'March',
      content: '<p>One.</p>',
      excerpt: 'Soon',
      status: 'publish',
      slug: `post-${keyOf(postId)}`,
      tags: [7],
    });
    const sent = wordpress.seen.filter((request) => request.path.endsWith('/posts') && request.method === 'POST');
    expect(sent.at(-1)?.json['status']).toBe('draft');
    await mutate(
      us.keys.EDITOR,
      'postUpdate',
      { id: postId, title: 'April', contentHtml: '<p>Two.</p>' },
      '__typename',
    );
    const second = await publish(postId, integration.id);
    expect(second.publication).toEqual(first.publication);
    expect(wordpress.posts).toHaveLength(had + 1);
    expect(wordpress.posts.at(-1)).toMatchObject({ title: 'April', content: '<p>Two.</p>', status: 'publish' });
    expect(await publicationsOf(postId)).toHaveLength(1);
    const { data } = await t.run(
      us.keys.VIEWER,
      'query ($id: ID!) { company { integration(id: $id) { lastUsedAt publications { nodes { post { id } } } } } }',
      { id: integration.id },
    );
    expect(data.company.integration.publications.nodes).toEqual([{ post: { id: postId } }]);
    expect(Date.now() - Date.parse(data.company.integration.lastUsedAt)).toBeLessThan(60_000);
    const back = await mutate(us.keys.EDITOR, 'postUnpublish', { id: postId }, 'externalCopyCount');
    expect(back.externalCopyCount).toBe(1);
    expect(wordpress.posts.at(-1)).toMatchObject({ status: 'publish' });
  });

  it('answers the same for the same idempotency key and sends nothing twice', async () => {
    const integration = await create('WEBHOOK');
    const postId = await newPost();
    const had = receiver.seen.length;
    const first = await publish(postId, integration.id, { idempotencyKey: 'once' });
    expect(first.publication).toMatchObject({ status: 'PUBLISHED', externalPostUrl: 'https://receiver.test/a' });
    expect(await publish(postId, integration.id, { idempotencyKey: 'once' })).toEqual(first);
    expect(receiver.seen.length).toBe(had + 1);
  });

  it('tries again what may work later', async () => {
    const integration = await create('WEBHOOK');
    receiver.next.push({ status: 503 });
    const { publication } = await publish(await newPost(), integration.id);
    expect(publication.status).toBe('PUBLISHED');
  });

  it('keeps what the platform said, and goes on with the same draft', async () => {
    const integration = await create('WORDPRESS');
    const postId = await newPost();
    const had = wordpress.posts.length;
    // The search and the draft go well; publishing is refused.
    wordpress.next.push(
      { status: 200, json: [] },
      { status: 201, json: { id: 77, status: 'draft' } },
      { status: 200, json: { id: 7 } },
      { status: 403, json: { code: 'rest_cannot_publish', message: 'Sorry, you are not allowed.' } },
    );
    const failed = await publish(postId, integration.id);
    expect(failed).toEqual({
      publication: null,
      userErrors: [
        {
          code: 'PLATFORM_FAILED',
          message: 'WordPress answered 403: Sorry, you are not allowed.',
          path: null,
          failure: 'AUTH',
          fields: [],
          retryAfterMs: null,
        },
      ],
    });
    expect(await publicationsOf(postId)).toEqual([
      {
        status: 'FAILED',
        errorCode: 'AUTH',
        errorMessage: 'WordPress answered 403: Sorry, you are not allowed.',
        externalPostId: '77',
        publishedAt: null,
      },
    ]);
    // Over there post 77 is gone by now: it is made anew.
    const again = await publish(postId, integration.id);
    expect(again.publication).toMatchObject({
      status: 'PUBLISHED',
      errorMessage: null,
      externalPostId: String(had + 1),
    });
    expect(await publicationsOf(postId)).toHaveLength(1);
  });

  it('tells what the platform asks for: to wait, or another article', async () => {
    const [site, hook] = [await create('WORDPRESS'), await create('WEBHOOK')];
    const postId = await newPost();
    const had = receiver.seen.length;
    // Longer than a caller is kept waiting: nothing is sent again.
    receiver.next.push({ status: 429, headers: { 'retry-after': '90' } });
    const later = await publish(postId, hook.id);
    expect(later.userErrors[0]).toMatchObject({ failure: 'RATE_LIMIT', fields: [], retryAfterMs: 90_000 });
    expect(receiver.seen.length).toBe(had + 1);
    receiver.next.push({ status: 429, headers: { 'retry-after': '99999999999' } });
    expect((await publish(postId, hook.id)).userErrors[0].retryAfterMs).toBe(2_147_483_647);
    wordpress.next.push(
      { status: 200, json: [] },
      { status: 400, json: { code: 'empty_content', message: 'Content, title, and excerpt are empty.' } },
    );
    const refused = await publish(postId, site.id);
    expect(refused.userErrors[0]).toMatchObject({ failure: 'VALIDATION', fields: ['title', 'html'] });
    expect((await publicationsOf(postId)).map((one: { errorCode: string }) => one.errorCode).toSorted()).toEqual([
      'RATE_LIMIT',
      'VALIDATION',
    ]);
    await publish(postId, hook.id);
    expect(await publicationsOf(postId)).toContainEqual(
      expect.objectContaining({ status: 'PUBLISHED', errorCode: null, errorMessage: null }),
    );
  });

  it('makes one post of attempts at the same time', async () => {
    const integration = await create('WORDPRESS');
    const postId = await newPost();
    const had = wordpress.posts.length;
    // The search of the first takes its time: the others come meanwhile.
    wordpress.next.push({ status: 200, json: [], delayMs: 3000 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => publish(postId, integration.id)));
    const codes = answers.flatMap((answer) => answer.userErrors.map((error: { code: string }) => error.code));
    expect(answers.filter((answer) => answer.publication).length + codes.length).toBe(4);
    expect(new Set(codes)).toEqual(new Set(['CONFLICT']));
    expect(wordpress.posts).toHaveLength(had + 1);
  });

  it('takes another site for another publication', async () => {
    const other = await fake.startWordPress();
    const integration = await create('WORDPRESS');
    const postId = await newPost();
    await publish(postId, integration.id);
    const untouched = other.posts.push({ id: wordpress.posts.length, title: 'Theirs', status: 'publish' });
    await mutate(
      us.keys.EDITOR,
      'integrationUpdate',
      { id: integration.id, credentials: { ...credentials['WORDPRESS'], siteUrl: other.url } },
      '__typename',
    );
    await publish(postId, integration.id);
    expect(other.posts[0]).toMatchObject({ title: 'Theirs' });
    expect(other.posts).toHaveLength(untouched + 1);
    expect(await publicationsOf(postId)).toHaveLength(2);
    await other.close();
  });

  it('goes on after an attempt that died', async () => {
    const integration = await create('WEBHOOK');
    const postId = await newPost();
    await publish(postId, integration.id);
    const dead = (age: string) =>
      t.app.database.query(
        `update "Publication" set status = 'FAILED', "errorMessage" = 'The attempt has not ended.', "updatedAt" = now() - $2::interval where "postId" = $1::uuid`,
        [keyOf(postId), age],
      );
    await dead('1 minute');
    expect((await publish(postId, integration.id)).userErrors[0]).toMatchObject({
      code: 'CONFLICT',
      path: ['input', 'integrationId'],
    });
    await dead('3 minutes');
    expect((await publish(postId, integration.id)).publication).toMatchObject({
      status: 'PUBLISHED',
      errorMessage: null,
    });
  });
});
