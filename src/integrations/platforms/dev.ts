/** DEV and other Forem sites with an API key. Forem names the slug itself; HTML goes through its Markdown field. */
import { z } from 'zod';
import type { GuardedFetch } from '../../http/guarded-fetch.ts';
import { checkAddressField, checkFields, createApi, credential, siteBase, type Api, type Problem } from './api.ts';
import { htmlForMarkdown } from './article.ts';
import {
  PlatformError,
  type Article,
  type CredentialField,
  type Credentials,
  type External,
  type Platform,
} from './platform.ts';

const NAME = 'DEV';
const MAX_TAGS = 4;
const PAGE_SIZE = 30;
const MAX_PAGES = 10;
const MAX_BYTES = 16 * 1024 * 1024;

const saved = z.object({ id: z.number(), url: z.string().nullish() });
const own = z.object({
  id: z.number(),
  url: z.string().nullish(),
  published: z.boolean(),
  title: z.string(),
  body_markdown: z.string().nullish(),
  canonical_url: z.string().nullish(),
});

const credentialFields: CredentialField[] = [
  { name: 'apiKey', isSecret: true, isRequired: true, description: 'API key (Settings → Extensions)' },
  {
    name: 'siteUrl',
    isSecret: false,
    isRequired: false,
    description: 'Address of another Forem site; https://dev.to if empty',
  },
];

/** Builds the adapter. */
export function createDev(fetch: GuardedFetch): Platform {
  const api = (credentials: Credentials, signal: AbortSignal): Api =>
    createApi({
      fetch,
      platform: NAME,
      base: `${siteBase(credential(credentials, 'siteUrl') || 'https://dev.to')}/api`,
      headers: () => ({ 'api-key': credential(credentials, 'apiKey'), accept: 'application/vnd.forem.api-v1+json' }),
      secrets: [credential(credentials, 'apiKey')],
      addressField: 'siteUrl',
      signal,
      maxBytes: MAX_BYTES,
      explain,
    });
  const platform: Required<Platform> = {
    name: 'DEV',
    displayName: NAME,
    credentialFields,
    checkCredentials: (credentials) => [
      ...checkFields(credentialFields, credentials),
      ...checkAddressField('siteUrl', credentials),
    ],
    async test(credentials, signal) {
      const answer = await api(credentials, signal)({ method: 'GET', path: '/users/me' });
      return { account: answer.read(z.object({ username: z.string() })).username };
    },
    async findByKey(credentials, article, signal) {
      const call = api(credentials, signal);
      for (let page = 1; page <= MAX_PAGES; page++) {
        const path = `/articles/me/all?per_page=${PAGE_SIZE}&page=${page}`;
        const list = (await call({ method: 'GET', path })).read(z.array(own));
        const found = list.find((candidate) => isSame(candidate, article));
        if (found) return { id: String(found.id), url: found.published ? (found.url ?? null) : null };
        if (list.length < PAGE_SIZE) return null;
      }
      return null;
    },
    async createDraft(credentials, article, signal) {
      const found = await platform.findByKey(credentials, article, signal);
      if (found) return found;
      const body = { article: { ...content(article), published: false } };
      const answer = await api(credentials, signal)({ method: 'POST', path: '/articles', body });
      return { id: String(answer.read(saved).id), url: null };
    },
    async publish(credentials, external, article, signal) {
      const call = api(credentials, signal);
      for (let attempt = 1; attempt <= 2; attempt++) {
        const { id } = await save(call, external, article, { published: true });
        // The answer to a change claims success even where the draft stayed one; only a public article can be got.
        const shown = await call({ method: 'GET', path: `/articles/${encodeURIComponent(id)}`, accept: [404] });
        if (shown.status < 300) return { id, url: shown.read(saved).url ?? null };
      }
      throw new PlatformError('UNAVAILABLE', `${NAME} took the article but keeps it a draft.`);
    },
    async update(credentials, external, article, signal) {
      const { id, url } = await save(api(credentials, signal), external, article, {});
      return { id, url: external.url === null ? null : url };
    },
  };
  return platform;
}

async function save(api: Api, external: External, article: Article, more: { published?: boolean }): Promise<External> {
  const path = `/articles/${encodeURIComponent(external.id)}`;
  const answer = await api({ method: 'PUT', path, body: { article: { ...content(article), ...more } }, isPost: true });
  const found = answer.read(saved);
  return { id: String(found.id), url: found.url ?? null };
}

/** By canonical address; without one only an identical draft is surely ours. */
function isSame(candidate: z.infer<typeof own>, article: Article): boolean {
  if (article.canonicalUrl) return candidate.canonical_url === article.canonicalUrl;
  const isIdentical = candidate.title === article.title && candidate.body_markdown === htmlForMarkdown(article.html);
  return !candidate.published && isIdentical;
}

function content(article: Article): Record<string, unknown> {
  return {
    title: article.title,
    body_markdown: htmlForMarkdown(article.html),
    description: article.excerpt ?? '',
    tags: toTags(article.tags),
    canonical_url: article.canonicalUrl,
  };
}

/** Forem takes four tags of lower-case letters and digits. */
function toTags(tags: string[]): string[] {
  const plain = tags.map((tag) => tag.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')).filter((tag) => tag !== '');
  return [...new Set(plain)].slice(0, MAX_TAGS);
}

const FIELD_PATTERNS: [RegExp, string][] = [
  [/\btitle\b/i, 'title'],
  [/\bbody/i, 'html'],
  [/canonical/i, 'canonicalUrl'],
  [/\btags?\b/i, 'tags'],
  [/\bdescription\b/i, 'excerpt'],
];

/** Forem puts everything into one sentence, such as "Title can't be blank and Canonical url has already been taken". */
function explain(body: unknown): Problem {
  const message = z.object({ error: z.string() }).safeParse(body).data?.error;
  if (message === undefined) return { message: null };
  const fields = FIELD_PATTERNS.filter(([pattern]) => pattern.test(message)).map(([, field]) => field);
  return { message, fields, code: /already been taken/i.test(message) ? 'CONFLICT' : undefined };
}
