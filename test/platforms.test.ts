import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createGuardedFetch, FetchError } from '../src/http/guarded-fetch.ts';
import { readRetryAfter } from '../src/integrations/platforms/api.ts';
import { htmlForMarkdown, shorten } from '../src/integrations/platforms/article.ts';
import type { Article, Credentials, Platform, PlatformName } from '../src/integrations/platforms/platform.ts';
import { PlatformError } from '../src/integrations/platforms/platform.ts';
import { createPlatforms, unsupportedPlatforms } from '../src/integrations/platforms/registry.ts';
import { withRetries } from '../src/integrations/platforms/retry.ts';
import * as fake from './helpers/platform-servers.ts';

// The name `public.test` stands for a public address: the guard lets it pass, and it leads to the servers here.
vi.mock(import('../src/warehouse/guarded-socket.ts'), async (load) => {
  const real = await load();
  const openGuardedSocket: typeof real.openGuardedSocket = (host, port, policy, stop) =>
    host === 'public.test'
      ? real.openGuardedSocket('127.0.0.1', port, { allowPrivate: local }, stop)
      : real.openGuardedSocket(host, port, policy, stop);
  return { ...real, openGuardedSocket };
});

const local = ['127.0.0.0/8'];
const fetch = createGuardedFetch({ allowPrivate: local, allowHttp: true });
const { signal } = new AbortController();

const wordpress = await fake.startWordPress();
const ghost = await fake.startGhost();
const dev = await fake.startDev();
const beehiiv = await fake.startBeehiiv();
const receiver = await fake.startReceiver();
const echo = await fake.startServer(({ json }) => ({ status: 200, json }));
const servers = [wordpress, ghost, dev, beehiiv, receiver, echo];
afterAll(() => Promise.all(servers.map((server) => server.close())));

const options = { beehiivBase: `${beehiiv.url}/v2` };
const platforms = createPlatforms(fetch, options);
const get = (name: PlatformName): Platform => platforms.get(name) as Platform;
const article = (more: Partial<Article> = {}): Article => ({
  title: 'Goals & xG in March',
  html: '<p>Two goals.</p>',
  excerpt: 'Short.',
  tags: ['news', 'Data Science'],
  slug: 'goals-in-march',
  canonicalUrl: 'https://spartera.test/goals-in-march',
  ...more,
});
const failure = async (promise: Promise<unknown>): Promise<PlatformError> => {
  const error: unknown = await promise.then(() => null).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PlatformError);
  return error as PlatformError;
};
const wordpressLogin = { siteUrl: `${wordpress.url}/`, username: 'ada', applicationPassword: 'abcd EFGH 1234 ijkl' };
const ghostLogin = { siteUrl: ghost.url, adminApiKey: fake.ghostKey };
const otherGhostKey = `${'65a1'.repeat(6)}:${'ab'.repeat(32)}`;
const webhookLogin = { url: `${receiver.url}/in?a=1`, secret: fake.webhookSecret };

const cases: [PlatformName, fake.FakePlatform, Credentials, Credentials, string][] = [
  ['WORDPRESS', wordpress, wordpressLogin, { applicationPassword: 'wrong-password' }, 'Ada'],
  ['GHOST', ghost, ghostLogin, { adminApiKey: otherGhostKey }, 'The Ghost'],
  ['DEV', dev, { siteUrl: dev.url, apiKey: 'dev-key-1' }, { apiKey: 'dev-key-2' }, 'ada'],
  ['BEEHIIV', beehiiv, { publicationId: 'pub_1a2b', apiKey: 'bee-key-1' }, { apiKey: 'bee-key-2' }, 'The Bee'],
  ['WEBHOOK', receiver, webhookLogin, { secret: `whsec_${'B'.repeat(44)}` }, new URL(receiver.url).host],
];
const credentialsOf = (name: PlatformName): Credentials => cases.find(([other]) => other === name)?.[2] ?? {};

describe.each(cases)('%s', (name, server, credentials, wrong, account) => {
  const platform = get(name);
  const draft = (a: Article): ReturnType<Platform['createDraft']> => platform.createDraft(credentials, a, signal);

  test('credentials: shape, account, refusal', async () => {
    expect(platform.checkCredentials(credentials)).toEqual([]);
    expect(platform.checkCredentials({ other: 'x' }).join()).toMatch(/missing.*other is not a field/);
    expect(await platform.test(credentials, signal)).toEqual({ account });
    const error = await failure(platform.test({ ...credentials, ...wrong }, signal));
    expect(error.code).toBe('AUTH');
    for (const secret of Object.values(wrong)) expect(error.message).not.toContain(secret);
  });

  test('draft, publish, publish again, update: one post', async () => {
    const first = await draft(article());
    expect(first.url).toBeNull();
    const state = name === 'DEV' ? { published: false } : { status: 'draft' };
    expect(server.posts).toMatchObject(name === 'WEBHOOK' ? [] : [state]);
    expect(await draft(article())).toEqual(first); // its answer was lost: found, not made again
    const published = await platform.publish(credentials, first, article(), signal);
    expect(published.url).toMatch(/^https:/);
    expect(await platform.publish(credentials, published, article(), signal)).toEqual(published);
    expect(server.posts).toHaveLength(1);
    const changed = await platform.update(credentials, published, article({ html: '<p>Three goals.</p>' }), signal);
    expect(changed).toEqual(published);
    expect(server.posts).toHaveLength(name === 'WEBHOOK' ? 2 : 1);
    expect(JSON.stringify(server.posts.at(-1))).toContain('Three goals.');
    expect(JSON.stringify(server.posts.at(-1))).toMatch(/"publish|"published|"confirmed|post\.updated/);
  });

  test('busy, broken, slow: retried, then fine', async () => {
    const external = await draft(article());
    server.next.push({ status: 429, headers: { 'retry-after': '2' } }, { status: 503, text: '<html>down</html>' });
    const waits: number[] = [];
    const sleep = (ms: number): Promise<void> => Promise.resolve(void waits.push(ms));
    const again = () => platform.update(credentials, external, article(), signal);
    await withRetries(again, { attempts: 3, baseMs: 10, signal, sleep });
    expect(waits).toEqual([2000, 20]);
    const hasty = createPlatforms((url, init) => fetch(url, { ...init, timeoutMs: 100 }), options);
    server.next.push({ status: 200, delayMs: 30_000 });
    expect((await failure((hasty.get(name) as Platform).test(credentials, signal))).code).toBe('UNAVAILABLE');
    // It may have come to its end before it was sent.
    server.next.length = 0;
    const abort = new AbortController();
    const before = server.seen.length;
    server.next.push({ status: 200, delayMs: 60_000 });
    const left = expect(platform.test(credentials, abort.signal)).rejects.toThrow(/^left$/);
    await expect.poll(() => server.seen.length).toBeGreaterThan(before);
    abort.abort(new Error('left'));
    await left;
  });

  test('a redirect, a missing post, an answer of something else', async () => {
    server.next.push({ status: 301, headers: { location: 'https://www.elsewhere.test/x' } });
    const moved = await failure(platform.test(credentials, signal));
    expect(moved).toMatchObject({ code: 'VALIDATION', message: expect.stringContaining('https://www.elsewhere.test') });
    if (name === 'WEBHOOK') return;
    const gone = await failure(platform.update(credentials, { id: '424242', url: null }, article(), signal));
    expect(gone).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('no longer') });
    server.next.push({ status: 200, text: '<html>Please sign in</html>' }, { status: 200, text: '<html>' });
    expect((await failure(platform.test(credentials, signal))).code).toBe('UNAVAILABLE');
    server.next.length = 0;
  });
});

test('validation names fields of the article', async () => {
  const check = async (name: PlatformName, more: Partial<Article>): Promise<PlatformError> =>
    failure(get(name).createDraft(credentialsOf(name), article({ slug: 'bad', canonicalUrl: null, ...more }), signal));
  expect(await check('WORDPRESS', { title: 'x'.repeat(201) })).toMatchObject({ code: 'VALIDATION', fields: ['title'] });
  expect((await check('WORDPRESS', { title: '', html: '' })).fields).toEqual(['title', 'html']);
  const long = await check('GHOST', { title: 'x'.repeat(256) });
  expect(long).toMatchObject({ code: 'VALIDATION', fields: ['title'], message: expect.stringContaining('255') });
  expect(await check('DEV', { title: '' })).toMatchObject({ code: 'VALIDATION', fields: ['title', 'html'] });
  expect(await check('BEEHIIV', { title: '' })).toMatchObject({ code: 'VALIDATION', fields: ['title'] });
});

test("another post under the slug is not taken over, nor an editor's change overwritten", async () => {
  for (const name of ['WORDPRESS', 'GHOST', 'BEEHIIV'] as const) {
    const theirs = get(name).createDraft(credentialsOf(name), article({ title: 'My holidays' }), signal);
    expect(await failure(theirs)).toMatchObject({ code: 'CONFLICT', fields: ['slug'] });
  }
  const old = { posts: [{ ...ghost.posts[0], updated_at: '2020-01-01T00:00:00.000Z' }] };
  ghost.next.push({ status: 200, json: old });
  const external = { id: String(ghost.posts[0]?.['id']), url: null };
  const late = await failure(get('GHOST').update(credentialsOf('GHOST'), external, article(), signal));
  expect(late).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('Someone else') });
});

test('each platform gets what it understands', () => {
  expect(wordpress.posts[0]).toMatchObject({ tags: [7, 101], excerpt: 'Short.', slug: 'goals-in-march' });
  expect(ghost.posts[0]).toMatchObject({ tags: article().tags.map((name) => ({ name })), custom_excerpt: 'Short.' });
  expect(dev.posts[0]).toMatchObject({ tags: ['news', 'datascience'], canonical_url: article().canonicalUrl });
  expect(beehiiv.sent).toEqual([article().title]); // subscribers got it once
  expect(receiver.posts[0]).toMatchObject({ type: 'post.published', data: { id: 'goals-in-march', ...article() } });
  const html = htmlForMarkdown('--- <p>{{ a }} {% b %}</p>\n\n    <p>c</p>\n<pre>\n\n    d</pre>');
  expect(html).toBe('&#45;-- <p>&#123;{ a }} &#123;% b %}</p>\n<p>c</p>\n<pre>\n\n    d</pre>');
  expect(shorten('abcdef', 4)).toBe('abc…');
});

test('DEV: a draft that stays a draft is published again, then reported', async () => {
  const credentials = credentialsOf('DEV');
  const stuck = article({ title: 'Stuck', canonicalUrl: null, tags: ['A-1', 'a1', 'b', 'c', 'd', 'e', '!'] });
  const external = await get('DEV').createDraft(credentials, stuck, signal);
  expect(await get('DEV').createDraft(credentials, stuck, signal)).toEqual(external); // an identical draft is ours
  expect(dev.posts.at(-1)?.['tags']).toEqual(['a1', 'b', 'c', 'd']);
  dev.sticky.count = 2;
  expect((await failure(get('DEV').publish(credentials, external, stuck, signal))).code).toBe('UNAVAILABLE');
  dev.sticky.count = 1;
  expect((await get('DEV').publish(credentials, external, stuck, signal)).url).toMatch(/^https:/);
  const clash = article({ title: 'Other', canonicalUrl: article().canonicalUrl });
  const taken = await failure(get('DEV').update(credentials, external, clash, signal));
  expect(taken).toMatchObject({ code: 'CONFLICT', fields: ['canonicalUrl'] });
});

test('what has no adapter, what is malformed', () => {
  expect([...platforms.keys()].sort()).toEqual(['BEEHIIV', 'DEV', 'GHOST', 'WEBHOOK', 'WORDPRESS']);
  expect(unsupportedPlatforms['MEDIUM']).toContain('no new API tokens');
  expect(get('GHOST').checkCredentials({ siteUrl: 'blog', adminApiKey: 'x' })).toHaveLength(2);
  expect(get('WEBHOOK').checkCredentials({ url: 'https://a.test', secret: 'whsec_c2hvcnQ=' })).toHaveLength(1);
  const malformed = { siteUrl: 'https://u:p@a.test', username: 'a:b', applicationPassword: 'x' };
  expect(get('WORDPRESS').checkCredentials(malformed)).toHaveLength(2);
});

test('retries: only what may pass, not for ever, not longer than asked', async () => {
  const run = async (error: Error, attempts: number[] = []): Promise<number[]> => {
    const fn = (attempt: number): Promise<never> => (attempts.push(attempt), Promise.reject(error));
    return withRetries(fn, { attempts: 3, baseMs: 1, signal }).catch(() => attempts);
  };
  expect(await run(new PlatformError('UNAVAILABLE', 'x'))).toEqual([1, 2, 3]);
  expect(await run(new PlatformError('AUTH', 'x'))).toEqual([1]);
  expect(await run(new Error('x'))).toEqual([1]);
  expect(await run(new PlatformError('RATE_LIMIT', 'x', { retryAfterMs: 300_000 }))).toEqual([1]);
  expect(readRetryAfter(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000);
  expect([readRetryAfter('3'), readRetryAfter('soon'), readRetryAfter(null)]).toEqual([3000, null, null]);
});

describe('guarded fetch', () => {
  const code = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(() => 'ok').catch((error: unknown) => (error instanceof FetchError ? error.code : error));

  test('goes only where it may', async () => {
    const strict = createGuardedFetch({ allowPrivate: [] });
    const secure = echo.url.replace('http:', 'https:');
    const hosts = ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '169.254.169.254'];
    const literals = hosts.map((host) => secure.replace('127.0.0.1', host));
    for (const url of literals) expect(await code(strict(url, { method: 'GET' }))).toBe('REFUSED');
    const open = createGuardedFetch({ allowPrivate: [], allowHttp: true });
    expect(await code(open(echo.url, { method: 'GET' }))).toBe('REFUSED');
    const refused = createPlatforms(strict).get('WORDPRESS')?.test(credentialsOf('WORDPRESS'), signal);
    expect(await failure(refused as Promise<unknown>)).toMatchObject({ code: 'VALIDATION', fields: ['siteUrl'] });
    for (const url of ['file:///etc/passwd', 'nonsense', 'https://u:p@a.test', 'http://a.test']) {
      expect(await code(strict(url, { method: 'GET' }))).toBe('REFUSED');
    }
    const mixed = createGuardedFetch({ allowPrivate: local });
    expect(await code(mixed(echo.url, { method: 'GET' }))).toBe('ok'); // plain http inside the list only
    const url = echo.url.replace('127.0.0.1', 'public.test');
    expect(await code(createGuardedFetch({ allowPrivate: ['10.0.0.0/8'] })(url, { method: 'GET' }))).toBe('REFUSED');
    expect(echo.seen).toHaveLength(1);
    expect(await code(open(url, { method: 'GET' }))).toBe('ok');
  });

  test('bounds size and time, refuses redirects, tells a dead host', async () => {
    echo.next.push({ status: 200, text: 'x'.repeat(2_000_000) });
    expect(await code(fetch(echo.url, { method: 'GET' }))).toBe('TOO_LARGE');
    // A server of its own: a request that was given up may still arrive, and takes what is next.
    const slow = await fake.startServer(() => ({ status: 200, delayMs: 60_000 }));
    expect(await code(fetch(slow.url, { method: 'GET', timeoutMs: 50 }))).toBe('TIMEOUT');
    await slow.close();
    echo.next.push({ status: 307, headers: { location: '/again' } });
    expect(await code(fetch(echo.url, { method: 'POST', body: '{}' }))).toBe('REDIRECT');
    expect(await code(fetch('http://127.0.0.1:1/', { method: 'GET' }))).toBe('UNREACHABLE');
    const before = echo.seen.length;
    const left = AbortSignal.abort(new Error('left'));
    await expect(fetch(echo.url, { method: 'GET', signal: left })).rejects.toThrow(/^left$/);
    expect(echo.seen).toHaveLength(before);
    expect((await fetch(echo.url, { method: 'POST', body: '{"a":1}' })).text).toBe('{"a":1}');
  });

  test('TLS checks the host that was named', async () => {
    const [own, other] = ['localhost', 'elsewhere.test'].map((host) => fake.createCertificate(host));
    setDefaultCACertificates([...getCACertificates('default'), String(own?.cert), String(other?.cert)]);
    const [right, wrong] = await Promise.all([own, other].map((tls) => fake.startServer(() => ({ status: 200 }), tls)));
    const at = (server?: fake.FakeServer): string => String(server?.url).replace('127.0.0.1', 'localhost');
    const secure = createGuardedFetch({ allowPrivate: local });
    expect(await code(secure(at(right), { method: 'GET' }))).toBe('ok');
    expect(await code(secure(at(wrong), { method: 'GET' }))).toBe('UNREACHABLE');
    expect(await code(secure(String(right?.url), { method: 'GET' }))).toBe('UNREACHABLE'); // the address is not the name
    expect(wrong?.seen).toEqual([]);
    await Promise.all([right?.close(), wrong?.close()]);
  });
});
