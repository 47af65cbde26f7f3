/** WordPress over its REST API with an application password. Core has no canonical address, so that is not sent. */
import { z } from 'zod';
import { FetchError, type GuardedFetch } from '../../http/guarded-fetch.ts';
import { checkAddressField, checkFields, createApi, credential, siteBase, type Api, type Problem } from './api.ts';
import { requireOwnPost } from './article.ts';
import {
  PlatformError,
  type Article,
  type CredentialField,
  type Credentials,
  type External,
  type Platform,
  type PlatformErrorCode,
} from './platform.ts';

const NAME = 'WordPress';
const FIELDS = '_fields=id,link,status,title';

const post = z.object({
  id: z.number(),
  link: z.string().nullish(),
  status: z.string(),
  title: z.object({ raw: z.string().optional(), rendered: z.string().optional() }).optional(),
});
const user = z.object({ name: z.string(), capabilities: z.record(z.string(), z.unknown()).optional() });
const failure = z.object({
  code: z.string(),
  message: z.string(),
  data: z
    .object({
      params: z.record(z.string(), z.unknown()).optional().catch(undefined),
      // PHP writes an empty object as [].
      details: z
        .record(z.string(), z.object({ code: z.string() }))
        .optional()
        .catch(undefined),
      term_id: z.number().optional(),
    })
    .nullish(),
});

const credentialFields: CredentialField[] = [
  {
    name: 'siteUrl',
    isSecret: false,
    isRequired: true,
    description:
      'Address of the site, as https://blog.example.com; with the permalinks "Plain" as https://blog.example.com/?rest_route=/',
  },
  { name: 'username', isSecret: false, isRequired: true, description: 'Login name of the author' },
  {
    name: 'applicationPassword',
    isSecret: true,
    isRequired: true,
    description: 'Application password of that user (Users → Profile → Application Passwords)',
  },
];

/** Where the REST API is; without permalinks WordPress takes the way to it as a parameter. */
function apiBase(siteUrl: string): string {
  const site = siteBase(siteUrl);
  if (!URL.parse(siteUrl)?.searchParams.has('rest_route')) return `${site}/wp-json/wp/v2`;
  return `${site}${site.endsWith('.php') ? '' : '/'}?rest_route=/wp/v2`;
}

/** Whether the site itself leads elsewhere, as WordPress does with addresses it does not know. */
function isMovedWithin(error: unknown, base: string): boolean {
  const cause = error instanceof PlatformError ? error.cause : null;
  return cause instanceof FetchError && cause.redirectsTo === new URL(base).origin;
}

function noApi(code: PlatformErrorCode, siteUrl: string, base: string): PlatformError {
  const advice = base.includes('?')
    ? 'Check the address, and that no plugin switches the REST API off.'
    : `If the permalinks of the site are "Plain", choose others under Settings → Permalinks, or give siteUrl as ${siteBase(siteUrl)}/?rest_route=/ here. Otherwise check the address, and that no plugin switches the REST API off.`;
  return new PlatformError(code, `There is no REST API of WordPress at ${base}. ${advice}`, {
    fields: ['siteUrl'],
  });
}

/** Builds the adapter. */
export function createWordPress(fetch: GuardedFetch): Platform {
  const api = (credentials: Credentials, signal: AbortSignal): Api => {
    const login = `${credential(credentials, 'username')}:${credential(credentials, 'applicationPassword')}`;
    const siteUrl = credential(credentials, 'siteUrl');
    const base = apiBase(siteUrl);
    const call = createApi({
      fetch,
      platform: NAME,
      base,
      headers: () => ({ authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
      secrets: [credential(credentials, 'applicationPassword')],
      addressField: 'siteUrl',
      signal,
      explain,
    });
    return async (asked) => {
      const path = base.includes('?') ? asked.path.replace('?', '&') : asked.path;
      const accept = asked.accept ?? [];
      const answer = await call({ ...asked, path, accept: [...accept, 404] }).catch((error: unknown) => {
        throw isMovedWithin(error, base) ? noApi('VALIDATION', siteUrl, base) : error;
      });
      // WordPress says what it does not find in JSON too: this is a page of the site, or one that is in its way for now.
      if (answer.body === undefined && answer.status === 404) throw noApi('VALIDATION', siteUrl, base);
      if (answer.body === undefined && answer.status < 300) throw noApi('UNAVAILABLE', siteUrl, base);
      if (answer.status === 404 && !accept.includes(404)) throw answer.failure();
      return answer;
    };
  };
  const platform: Required<Platform> = {
    name: 'WORDPRESS',
    displayName: NAME,
    credentialFields,
    checkCredentials(credentials) {
      const problems = [...checkFields(credentialFields, credentials), ...checkAddressField('siteUrl', credentials)];
      if (credential(credentials, 'username').includes(':')) problems.push('username must not hold a colon.');
      return problems;
    },
    async test(credentials, signal) {
      const answer = await api(credentials, signal)({ method: 'GET', path: '/users/me?context=edit' });
      const found = answer.read(user);
      if (found.capabilities && !found.capabilities['publish_posts']) {
        throw new PlatformError('AUTH', `${found.name} may not publish posts there.`, { fields: ['username'] });
      }
      return { account: found.name };
    },
    async findByKey(credentials, article, signal) {
      const query = `slug=${encodeURIComponent(article.slug)}&status=draft,publish,future,pending,private&context=edit`;
      const answer = await api(credentials, signal)({ method: 'GET', path: `/posts?${query}&per_page=1&${FIELDS}` });
      const [found] = answer.read(z.array(post));
      if (!found) return null;
      const title = asText(article.title);
      requireOwnPost(NAME, found.title?.raw ?? found.title?.rendered ?? '', { ...article, title });
      return toExternal(found);
    },
    async createDraft(credentials, article, signal) {
      const found = await platform.findByKey(credentials, article, signal);
      if (found) return found;
      const body = { ...content(article), slug: article.slug, status: 'draft' };
      const answer = await api(credentials, signal)({ method: 'POST', path: `/posts?${FIELDS}`, body });
      return toExternal(answer.read(post));
    },
    publish: (credentials, external, article, signal) =>
      save(api(credentials, signal), external, article, { status: 'publish' }),
    update: (credentials, external, article, signal) => save(api(credentials, signal), external, article, {}),
  };
  return platform;
}

async function save(api: Api, external: External, article: Article, more: { status?: string }): Promise<External> {
  const body = { ...content(article), tags: await tagIds(api, article.tags), ...more };
  const path = `/posts/${encodeURIComponent(external.id)}?${FIELDS}`;
  const saved = (await api({ method: 'POST', path, body, isPost: true })).read(post);
  // WordPress edits what lies in the trash without a word; publishing takes it out again.
  if (saved.status === 'trash')
    throw new PlatformError('CONFLICT', `The post is in the trash on ${NAME}.`, { isGone: true });
  return toExternal(saved);
}

function content(article: Article): Record<string, string> {
  return { title: asText(article.title), content: unbroken(article.html), excerpt: asText(article.excerpt ?? '') };
}

/** Plain text for a field that WordPress takes for HTML, of which it lets some users write any. */
function asText(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** HTML without line breaks but in `<pre>`: WordPress shows each one in a text as `<br />`. */
function unbroken(html: string): string {
  return html
    .split(/(<pre\b[\s\S]*?<\/pre>)/i)
    .map((part) => (/^<pre\b/i.test(part) ? part : part.replace(/\s*\n\s*/g, ' ')))
    .join('')
    .trim();
}

/** Ids of the tags, made where new; where the user may not make tags, the new ones are left out. */
async function tagIds(api: Api, tags: string[]): Promise<number[]> {
  const ids = new Set<number>();
  for (const name of tags) {
    const answer = await api({ method: 'POST', path: '/tags?_fields=id', body: { name }, accept: [400, 403] });
    if (answer.status < 300) ids.add(answer.read(z.object({ id: z.number() })).id);
    if (answer.status !== 400) continue;
    const existing = failure.safeParse(answer.body).data?.data?.term_id;
    if (existing === undefined) throw answer.failure();
    ids.add(existing);
  }
  return [...ids];
}

function toExternal(found: z.infer<typeof post>): External {
  return { id: String(found.id), url: found.status === 'publish' ? (found.link ?? null) : null };
}

function explain(body: unknown): Problem {
  const { data } = failure.safeParse(body);
  if (!data) return { message: null };
  // To whom it does not know, WordPress calls the states of unpublished posts an invalid parameter.
  if (data.data?.details?.['status']?.code === 'rest_forbidden_status')
    return { code: 'AUTH', message: 'The login is not accepted, or may not see drafts.' };
  if (data.code === 'empty_term_name') return { code: 'VALIDATION', message: data.message, fields: ['tags'] };
  const params = Object.keys(data.data?.params ?? {}).map((name) => (name === 'content' ? 'html' : name));
  return { message: data.message, fields: data.code === 'empty_content' ? ['title', 'html'] : params };
}
