/** Ghost over its Admin API with the key of a custom integration. Publishing sends no newsletter. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { GuardedFetch } from '../../http/guarded-fetch.ts';
import { checkAddressField, checkFields, createApi, credential, siteBase, type Api, type Problem } from './api.ts';
import { requireOwnPost, shorten } from './article.ts';
import type { Article, CredentialField, Credentials, External, Platform } from './platform.ts';

const NAME = 'Ghost';
const FIELDS = 'fields=id,title,status,url,updated_at';
const TOKEN_SECONDS = 300;
const MAX_EXCERPT_LENGTH = 300;
const MAX_BYTES = 16 * 1024 * 1024;

const post = z.object({
  id: z.string(),
  title: z.string().nullish(),
  status: z.string(),
  url: z.string().nullish(),
  updated_at: z.string().nullish(),
});
const posts = z.object({ posts: z.tuple([post]).rest(post) });
const failure = z.object({
  errors: z
    .array(
      z.object({
        message: z.string(),
        context: z.string().nullish(),
        code: z.string().nullish(),
        property: z.string().nullish(),
        details: z.unknown().optional(),
      }),
    )
    .nonempty(),
});
const schemaDetails = z.array(z.object({ instancePath: z.string().optional(), dataPath: z.string().optional() }));

const credentialFields: CredentialField[] = [
  {
    name: 'siteUrl',
    isSecret: false,
    isRequired: true,
    description: 'Address of the site, as https://blog.example.com',
  },
  {
    name: 'adminApiKey',
    isSecret: true,
    isRequired: true,
    description: 'Admin API key of a custom integration (Settings → Integrations), as id:secret',
  },
];

/** Builds the adapter. */
export function createGhost(fetch: GuardedFetch): Platform {
  const api = (credentials: Credentials, signal: AbortSignal): Api => {
    const key = credential(credentials, 'adminApiKey');
    return createApi({
      fetch,
      platform: NAME,
      base: `${siteBase(credential(credentials, 'siteUrl'))}/ghost/api/admin`,
      headers: () => ({ authorization: `Ghost ${signToken(key)}` }),
      secrets: [key, ...key.split(':')],
      addressField: 'siteUrl',
      signal,
      maxBytes: MAX_BYTES,
      explain,
    });
  };
  const platform: Required<Platform> = {
    name: 'GHOST',
    displayName: NAME,
    credentialFields,
    checkCredentials(credentials) {
      const problems = [...checkFields(credentialFields, credentials), ...checkAddressField('siteUrl', credentials)];
      const key = credential(credentials, 'adminApiKey');
      if (key && !/^[0-9a-f]{24}:[0-9a-f]{64}$/i.test(key)) {
        problems.push('adminApiKey must be the Admin API key: 24 hex digits, a colon, 64 hex digits.');
      }
      return problems;
    },
    async test(credentials, signal) {
      const call = api(credentials, signal);
      await call({ method: 'GET', path: '/posts/?limit=1&fields=id' }); // the site itself answers without a key
      const answer = await call({ method: 'GET', path: '/site/' });
      return { account: answer.read(z.object({ site: z.object({ title: z.string() }) })).site.title };
    },
    async findByKey(credentials, article, signal) {
      const path = `/posts/slug/${encodeURIComponent(article.slug)}/?${FIELDS}`;
      const answer = await api(credentials, signal)({ method: 'GET', path, accept: [404] });
      if (answer.status === 404) {
        if (failure.safeParse(answer.body).success) return null;
        throw answer.failure();
      }
      const [found] = answer.read(posts).posts;
      requireOwnPost(NAME, found.title ?? '', article);
      return toExternal(found);
    },
    async createDraft(credentials, article, signal) {
      const found = await platform.findByKey(credentials, article, signal);
      if (found) return found;
      const body = { posts: [{ ...content(article), slug: article.slug, status: 'draft' }] };
      const answer = await api(credentials, signal)({ method: 'POST', path: '/posts/?source=html', body });
      return toExternal(answer.read(posts).posts[0]);
    },
    publish: (credentials, external, article, signal) =>
      save(api(credentials, signal), external, article, { status: 'published' }),
    update: (credentials, external, article, signal) => save(api(credentials, signal), external, article, {}),
  };
  return platform;
}

/** Ghost takes a change only with the time of the last one, so that an open editor is not overwritten unseen. */
async function save(api: Api, external: External, article: Article, more: { status?: string }): Promise<External> {
  const path = `/posts/${encodeURIComponent(external.id)}/`;
  const current = (await api({ method: 'GET', path: `${path}?${FIELDS}`, isPost: true })).read(posts).posts[0];
  const body = { posts: [{ ...content(article), ...more, updated_at: current.updated_at }] };
  const answer = await api({ method: 'PUT', path: `${path}?source=html`, body, isPost: true });
  return toExternal(answer.read(posts).posts[0]);
}

function content(article: Article): Record<string, unknown> {
  return {
    title: article.title,
    html: article.html,
    custom_excerpt: article.excerpt === null ? null : shorten(article.excerpt, MAX_EXCERPT_LENGTH),
    tags: article.tags.map((name) => ({ name })),
    canonical_url: article.canonicalUrl,
  };
}

/** The short-lived token of the Admin API: HS256 with the hex half of the key. */
function signToken(key: string): string {
  const [id = '', secret = ''] = key.split(':');
  const now = Math.floor(Date.now() / 1000);
  const header = encode({ alg: 'HS256', typ: 'JWT', kid: id });
  const payload = encode({ iat: now, exp: now + TOKEN_SECONDS, aud: '/admin/' });
  const signature = createHmac('sha256', Buffer.from(secret, 'hex')).update(`${header}.${payload}`).digest('base64url');
  return `${header}.${payload}.${signature}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function toExternal(found: z.infer<typeof post>): External {
  return { id: found.id, url: found.status === 'published' ? (found.url ?? null) : null };
}

const FIELD_NAMES: Record<string, string> = {
  lexical: 'html',
  mobiledoc: 'html',
  custom_excerpt: 'excerpt',
  canonical_url: 'canonicalUrl',
};

function explain(body: unknown): Problem {
  const error = failure.safeParse(body).data?.errors[0];
  if (!error) return { message: null };
  const details = schemaDetails.safeParse(error.details).data ?? [];
  const paths = [error.property, ...details.map((detail) => detail.instancePath ?? detail.dataPath)];
  const names = paths.map((path) => path?.match(/([a-z_]+)(?:[./[]\d.*)?$/)?.[1]).filter((name) => name !== undefined);
  return {
    message: error.context ? `${error.message} ${error.context}` : error.message,
    fields: [...new Set(names.map((name) => FIELD_NAMES[name] ?? name))],
    code: error.code === 'INVALID_JWT' || error.code === 'MISSING_ADMIN_API_KID' ? 'AUTH' : undefined,
  };
}
