/**
 * beehiiv v2, for publications whose plan has the posts API. Confirming a draft publishes it and sends it to the
 * subscribers that the publication's defaults name; a later update changes the web page only.
 */
import { z } from 'zod';
import type { GuardedFetch } from '../../http/guarded-fetch.ts';
import { checkFields, createApi, credential, readRetryAfter, type Api, type Problem } from './api.ts';
import { requireOwnPost } from './article.ts';
import {
  PlatformError,
  type Article,
  type CredentialField,
  type Credentials,
  type External,
  type Platform,
} from './platform.ts';

const NAME = 'beehiiv';
const BASE = 'https://api.beehiiv.com/v2';

const post = z.object({
  id: z.string(),
  title: z.string().nullish(),
  status: z.string().nullish(),
  web_url: z.string().nullish(),
});
const one = z.object({ data: post });
const failure = z.object({
  errors: z.array(z.object({ message: z.string(), code: z.string().nullish() })).nonempty(),
});

const credentialFields: CredentialField[] = [
  { name: 'apiKey', isSecret: true, isRequired: true, description: 'API key (Settings → Integrations → API)' },
  { name: 'publicationId', isSecret: false, isRequired: true, description: 'Id of the publication, as pub_…' },
];

/** Builds the adapter; `base` is for tests. */
export function createBeehiiv(fetch: GuardedFetch, base: string = BASE): Platform {
  const api = (credentials: Credentials, signal: AbortSignal): Api => {
    const call = createApi({
      fetch,
      platform: NAME,
      base: `${base}/publications/${encodeURIComponent(credential(credentials, 'publicationId'))}`,
      headers: () => ({ authorization: `Bearer ${credential(credentials, 'apiKey')}` }),
      secrets: [credential(credentials, 'apiKey')],
      addressField: 'publicationId',
      signal,
      explain,
    });
    return async (request) => {
      const answer = await call(request);
      if (answer.status !== 202) return answer;
      const retryAfterMs = readRetryAfter(answer.headers.get('retry-after'));
      throw new PlatformError('UNAVAILABLE', `${NAME} is still processing the post.`, { retryAfterMs });
    };
  };
  const platform: Required<Platform> = {
    name: 'BEEHIIV',
    displayName: NAME,
    credentialFields,
    checkCredentials(credentials) {
      const problems = checkFields(credentialFields, credentials);
      const id = credential(credentials, 'publicationId');
      if (id && !/^pub_[0-9a-f-]+$/i.test(id)) problems.push('publicationId must begin with pub_.');
      return problems;
    },
    async test(credentials, signal) {
      const answer = await api(credentials, signal)({ method: 'GET', path: '' });
      return { account: answer.read(z.object({ data: z.object({ name: z.string() }) })).data.name };
    },
    async findByKey(credentials, article, signal) {
      const path = `/posts?slugs[]=${encodeURIComponent(article.slug)}&status=all&limit=10`;
      const { data } = (await api(credentials, signal)({ method: 'GET', path })).read(
        z.object({ data: z.array(post) }),
      );
      const found = data.find((candidate) => candidate.status !== 'archived');
      if (!found) return null;
      requireOwnPost(NAME, found.title ?? '', article);
      return toExternal(found);
    },
    async createDraft(credentials, article, signal) {
      const found = await platform.findByKey(credentials, article, signal);
      if (found) return found;
      // Without a status beehiiv publishes at once.
      const body = { ...content(article), status: 'draft', web_settings: { slug: article.slug } };
      const answer = await api(credentials, signal)({ method: 'POST', path: '/posts', body });
      return { id: answer.read(one).data.id, url: null };
    },
    async publish(credentials, external, article, signal) {
      const call = api(credentials, signal);
      const { data } = (await call({ method: 'GET', path: postPath(external), isPost: true })).read(one);
      // Only a draft may be confirmed; on a post that is out already, this must not send it again.
      return save(call, external, article, data.status === 'draft' ? { status: 'confirmed' } : {});
    },
    update: (credentials, external, article, signal) => save(api(credentials, signal), external, article, {}),
  };
  return platform;
}

function postPath(external: External): string {
  return `/posts/${encodeURIComponent(external.id)}`;
}

async function save(api: Api, external: External, article: Article, more: { status?: string }): Promise<External> {
  const body = { ...content(article), ...more };
  return toExternal((await api({ method: 'PATCH', path: postPath(external), body, isPost: true })).read(one).data);
}

function content(article: Article): Record<string, unknown> {
  return {
    title: article.title,
    subtitle: article.excerpt ?? '',
    body_content: article.html,
    content_tags: article.tags,
  };
}

function toExternal(found: z.infer<typeof post>): External {
  return { id: found.id, url: found.status === 'confirmed' ? (found.web_url ?? null) : null };
}

const FIELD_PATTERNS: [RegExp, string][] = [
  [/\bsubtitle\b/i, 'excerpt'],
  [/\btitle\b/i, 'title'],
  [/body_?content|\bblocks\b/i, 'html'],
  [/content_?tags/i, 'tags'],
  [/\bslug\b/i, 'slug'],
];

function explain(body: unknown): Problem {
  const errors = failure.safeParse(body).data?.errors;
  if (!errors) return { message: null };
  const message = errors.map((error) => error.message).join(' ');
  return { message, fields: FIELD_PATTERNS.filter(([pattern]) => pattern.test(message)).map(([, field]) => field) };
}
