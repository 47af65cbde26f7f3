/** Publishing platforms in small: real HTTP servers on 127.0.0.1 that check credentials and fail in their own shapes. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { decodeProtectedHeader, jwtVerify } from 'jose';

export { createCertificate } from './certificates.ts';

type Json = Record<string, unknown>;
type Answer = (request: Seen) => Reply | Promise<Reply>;

/** A request that a server got. */
export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  text: string;
  json: Json;
}

/** What a server answers; `text` goes out as it is. */
export interface Reply {
  status: number;
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
  delayMs?: number;
}

/** A running server. Replies in `next` are used up first, for faults; `seen` holds what came, in order. */
export interface FakeServer {
  url: string;
  seen: Seen[];
  next: Reply[];
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1, with TLS where a certificate is given. */
export async function startServer(answer: Answer, tls?: { key: string; cert: string }): Promise<FakeServer> {
  const seen: Seen[] = [];
  const next: Reply[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const part of request) text += String(part);
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://x');
    const json = text.startsWith('{') ? (JSON.parse(text) as Json) : {};
    const got: Seen = { method: request.method ?? '', path, query, headers: request.headers, text, json };
    seen.push(got);
    const reply = next.shift() ?? (await answer(got));
    if (reply.delayMs) await Promise.race([wait(reply.delayMs, null, { ref: false }), once(response, 'close')]);
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    response.end(reply.text ?? JSON.stringify(reply.json ?? {}));
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => void handle(request, response);
  const server = tls ? createTlsServer(tls, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()).closeAllConnections());
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, next, close };
}

/** A server of a platform and the posts it holds. */
export interface FakePlatform extends FakeServer {
  posts: Json[];
}

const reply = (status: number, json: unknown): Reply => ({ status, json });
const find = (posts: Json[], path: string, key = 'id'): Json | undefined =>
  posts.find((post) => String(post[key]) === path.split('/').filter(Boolean).at(-1));

/** WordPress: user `ada` with the application password `abcd EFGH 1234 ijkl`; the tag `news` exists as 7. */
export async function startWordPress(): Promise<FakePlatform> {
  const posts: Json[] = [];
  const tags = new Map([['news', 7]]);
  const fail = (status: number, code: string, message: string, data: Json = {}): Reply =>
    reply(status, { code, message, data: { status, ...data } });
  const show = (post: Json): Json => ({ ...post, title: { raw: post['title'], rendered: post['title'] } });
  const server = await startServer(({ method, path, query, headers, json }) => {
    if (!path.startsWith('/wp-json/wp/v2')) return { status: 404, text: '<html>Not here</html>' };
    const route = path.slice('/wp-json/wp/v2'.length);
    const login = Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    const refusal = `<strong>Error:</strong> "${login}" is not an application password.`;
    if (login !== 'ada:abcd EFGH 1234 ijkl') return fail(401, 'incorrect_password', refusal);
    if (route === '/users/me') return reply(200, { name: 'Ada', capabilities: { publish_posts: true } });
    if (route === '/tags') {
      const known = tags.get(String(json['name']));
      if (known) return fail(400, 'term_exists', 'A term with the name provided already exists.', { term_id: known });
      tags.set(String(json['name']), 100 + tags.size);
      return reply(201, { id: 99 + tags.size });
    }
    if (method === 'GET') {
      const states = query.get('status')?.split(',') ?? ['publish'];
      const hits = posts.filter((p) => p['slug'] === query.get('slug') && states.includes(String(p['status'])));
      return reply(200, hits.map(show));
    }
    if (!json['title'] && !json['content']) return fail(400, 'empty_content', 'Content, title, and excerpt are empty.');
    const params = { title: 'title must be at most 200 characters long.' };
    if (String(json['title']).length > 200) return fail(400, 'rest_invalid_param', 'Invalid parameter(s)', { params });
    let post = find(posts, route);
    if (!post && route !== '/posts') return fail(404, 'rest_post_invalid_id', 'Invalid post ID.');
    if (!post) posts.push((post = { id: posts.length + 1, link: `https://blog.test/?p=${posts.length + 1}` }));
    Object.assign(post, json);
    return reply(200, show(post));
  });
  return { ...server, posts };
}

/** The Admin API key of the fake Ghost. */
export const ghostKey = `${'65a1'.repeat(6)}:${'0f1e2d3c'.repeat(8)}`;

/** Ghost: verifies the token with jose, refuses an old `updated_at`, names a clashing slug anew as the real one does. */
export async function startGhost(): Promise<FakePlatform> {
  const posts: Json[] = [];
  const [kid = '', secret = ''] = ghostKey.split(':');
  const fail = (status: number, error: Json): Reply => reply(status, { errors: [{ context: null, ...error }] });
  let clock = 1e12;
  const server = await startServer(async ({ method, path, query, headers, json }) => {
    if (path === '/ghost/api/admin/site/') return reply(200, { site: { title: 'The Ghost' } });
    try {
      const token = headers.authorization?.replace('Ghost ', '') ?? '';
      if (decodeProtectedHeader(token).kid !== kid) throw new Error('unknown key');
      const rules = { algorithms: ['HS256'], audience: '/admin/', maxTokenAge: '5m', requiredClaims: ['exp', 'iat'] };
      const { payload } = await jwtVerify(token, Buffer.from(secret, 'hex'), rules);
      if (Number(payload.exp) - Number(payload.iat) > 300) throw new Error('maxAge exceeded');
    } catch (error) {
      return fail(401, { message: `Invalid token: ${String(error)}`, type: 'UnauthorizedError', code: 'INVALID_JWT' });
    }
    const gone = fail(404, { message: 'Resource not found error, cannot read post.', type: 'NotFoundError' });
    if (method === 'GET' && path === '/ghost/api/admin/posts/') return reply(200, { posts });
    const post = find(posts, path, path.includes('/slug/') ? 'slug' : 'id');
    if (method === 'GET') return post ? reply(200, { posts: [post] }) : gone;
    const [sent = {}] = json['posts'] as Json[];
    const invalid = { message: 'Validation error, cannot save post.', context: 'Title cannot be longer than 255.' };
    if (String(sent['title']).length > 255) return fail(422, { ...invalid, property: 'posts.title' });
    if (query.get('source') !== 'html') return fail(400, { message: 'source=html expected' });
    if (method === 'PUT' && !post) return gone;
    const collision = { message: 'Saving failed! Someone else is editing this post.', code: 'UPDATE_COLLISION' };
    if (post && sent['updated_at'] !== post['updated_at']) return fail(409, collision);
    const stored: Json = post ?? { id: `6${String(posts.length).padStart(23, '0')}` };
    if (!post) posts.push(stored);
    const isTaken = posts.some((other) => other !== stored && other['slug'] === sent['slug']);
    Object.assign(stored, sent, isTaken ? { slug: `${String(sent['slug'])}-2` } : {});
    Object.assign(stored, { updated_at: new Date((clock += 1000)).toISOString(), url: 'https://ghost.test/x/' });
    return reply(post ? 200 : 201, { posts: [stored] });
  });
  return { ...server, posts };
}

/** Forem: api-key `dev-key-1`; with `sticky` the next changes leave a draft a draft though they claim otherwise. */
export async function startDev(): Promise<FakePlatform & { sticky: { count: number } }> {
  const posts: Json[] = [];
  const sticky = { count: 0 };
  const fail = (status: number, error: string): Reply => reply(status, { error, status });
  const server = await startServer(({ method, path, headers, json }) => {
    if (headers['api-key'] !== 'dev-key-1') return fail(401, 'unauthorized');
    if (headers.accept !== 'application/vnd.forem.api-v1+json') return fail(406, 'not acceptable');
    if (path === '/api/users/me') return reply(200, { username: 'ada' });
    if (path === '/api/articles/me/all') return reply(200, posts);
    const post = find(posts, path);
    if (method === 'GET') return post?.['published'] ? reply(200, post) : fail(404, 'not found');
    if (method === 'PUT' && !post) return fail(404, 'not found');
    const sent = json['article'] as Json;
    if (!sent['title']) return fail(422, "Title can't be blank and Body markdown can't be blank");
    if ((sent['tags'] as string[]).length > 4) return fail(422, 'Tag list exceed the maximum of 4 tags');
    const clash = posts.find((p) => p !== post && p['canonical_url'] && p['canonical_url'] === sent['canonical_url']);
    if (clash) return fail(422, 'Canonical url has already been taken');
    const stored: Json = post ?? { id: 900 + posts.length, url: 'https://dev.test/ada/x', published: false };
    if (!post) posts.push(stored);
    const before = stored['published'];
    Object.assign(stored, sent);
    if (sent['published'] && sticky.count-- > 0) stored['published'] = before;
    return reply(post ? 200 : 201, { ...stored, published: sent['published'] ?? before });
  });
  return { ...server, posts, sticky };
}

/** beehiiv: key `bee-key-1` on `pub_1a2b`; counts what goes to subscribers, and refuses to confirm twice. */
export async function startBeehiiv(): Promise<FakePlatform & { sent: string[] }> {
  const posts: Json[] = [];
  const sent: string[] = [];
  const fail = (status: number, statusText: string, message: string): Reply =>
    reply(status, { status, statusText, errors: [{ message, code: statusText.toUpperCase() }] });
  const server = await startServer(({ method, path, query, headers, json }) => {
    if (headers.authorization !== 'Bearer bee-key-1') return fail(401, 'Unauthorized', 'Invalid API key');
    if (!path.startsWith('/v2/publications/pub_1a2b')) return fail(404, 'Not Found', 'Publication not found');
    const route = path.slice('/v2/publications/pub_1a2b'.length);
    if (route === '') return reply(200, { data: { id: 'pub_1a2b', name: 'The Bee' } });
    const hits = posts.filter((post) => post['slug'] === query.get('slugs[]'));
    if (method === 'GET' && route === '/posts') return reply(200, { data: hits });
    const post = find(posts, route);
    if (!post && method !== 'POST') return fail(404, 'Not Found', 'Post not found');
    if (method === 'GET') return reply(200, { data: post });
    if (json['title'] === '') return fail(400, 'Bad Request', "title can't be blank");
    if (json['status'] === 'confirmed' && post?.['status'] !== 'draft') return fail(400, 'Bad Request', 'not a draft');
    const { slug } = (json['web_settings'] ?? {}) as Json;
    const fresh = { id: `post_${posts.length}`, slug, status: 'confirmed', web_url: 'https://bee.test/p' };
    const stored: Json = post ?? fresh;
    if (!post) posts.push(stored);
    Object.assign(stored, json);
    if (json['status'] !== 'draft' && (!post || json['status'])) sent.push(String(stored['title']));
    return post ? reply(200, { data: stored }) : reply(201, { data: { id: stored['id'] } });
  });
  return { ...server, posts, sent };
}

const webhookKey = Buffer.from('0123456789abcdef0123456789abcdef');
/** The signing secret of the fake receiver. */
export const webhookSecret = `whsec_${webhookKey.toString('base64')}`;

/** A receiver after the specification of Standard Webhooks: checks signature and time, drops repeated ids. */
export async function startReceiver(): Promise<FakePlatform> {
  const posts: Json[] = [];
  const ids = new Set<string>();
  const server = await startServer(({ headers, text, json }) => {
    const { 'webhook-id': id = '', 'webhook-timestamp': time = '' } = headers as Record<string, string>;
    const [version, given = ''] = String(headers['webhook-signature']).split(',');
    const expected = createHmac('sha256', webhookKey).update(`${id}.${time}.${text}`).digest();
    const isFresh = Math.abs(Date.now() / 1000 - Number(time)) < 300 && version === 'v1';
    if (!isFresh || !expected.equals(Buffer.from(given, 'base64'))) return reply(401, { message: 'bad signature' });
    if (!ids.has(id) && json['type'] !== 'integration.test') posts.push(json);
    ids.add(id);
    return reply(200, { url: 'https://receiver.test/a' });
  });
  return { ...server, posts };
}
