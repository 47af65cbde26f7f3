/**
 * Any receiver, by Standard Webhooks: signed JSON by POST. There is no draft there, so `createDraft` only names the
 * post. The message id depends on the content alone: a repeated attempt carries the same id, and the receiver drops it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { GuardedFetch } from '../../http/guarded-fetch.ts';
import { signWebhook } from '../../http/standard-webhooks.ts';
import { checkAddressField, checkFields, createApi, credential, type Problem } from './api.ts';
import type { Article, CredentialField, Credentials, External, Platform } from './platform.ts';

const NAME = 'The webhook';
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

const credentialFields: CredentialField[] = [
  { name: 'url', isSecret: false, isRequired: true, description: 'Address that gets the posts' },
  {
    name: 'secret',
    isSecret: true,
    isRequired: true,
    description: 'Signing secret: whsec_ and 24 to 64 random bytes in base64',
  },
];

/** Builds the adapter. */
export function createWebhook(fetch: GuardedFetch): Platform {
  const post = async (credentials: Credentials, type: string, data: object, signal: AbortSignal): Promise<unknown> => {
    const secret = credential(credentials, 'secret');
    const now = new Date();
    const id = messageId(type, data);
    const api = createApi({
      fetch,
      platform: NAME,
      base: credential(credentials, 'url'),
      headers: (body = '') => signWebhook(secret, id, now, body),
      secrets: [secret],
      addressField: 'url',
      signal,
      explain,
    });
    const answer = await api({ method: 'POST', path: '', body: { type, timestamp: now.toISOString(), data } });
    return answer.body;
  };
  const send = async (type: string, c: Credentials, external: External, article: Article, signal: AbortSignal) => {
    const body = await post(c, type, { id: external.id, ...article }, signal);
    const url = z.object({ url: z.url({ protocol: /^https?$/ }) }).safeParse(body).data?.url;
    return { id: external.id, url: url ?? external.url };
  };
  return {
    name: 'WEBHOOK',
    displayName: 'Webhook',
    credentialFields,
    checkCredentials(credentials) {
      const problems = [...checkFields(credentialFields, credentials), ...checkAddressField('url', credentials)];
      const secret = credential(credentials, 'secret');
      if (secret && !isSecretValid(secret)) problems.push('secret must be whsec_ and 24 to 64 bytes in base64.');
      return problems;
    },
    async test(credentials, signal) {
      await post(credentials, 'integration.test', { sentAt: new Date().toISOString() }, signal);
      return { account: URL.parse(credential(credentials, 'url'))?.host ?? '' };
    },
    createDraft: (_credentials, article) => Promise.resolve({ id: article.slug, url: null }),
    publish: (credentials, external, article, signal) => send('post.published', credentials, external, article, signal),
    update: (credentials, external, article, signal) => send('post.updated', credentials, external, article, signal),
  };
}

function messageId(type: string, data: object): string {
  const digest = createHash('sha256')
    .update(`${type}\n${JSON.stringify(data)}`)
    .digest('base64url');
  return `msg_${digest.slice(0, 32)}`;
}

function isSecretValid(secret: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)) return false;
  const { length } = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return length >= MIN_SECRET_BYTES && length <= MAX_SECRET_BYTES;
}

function explain(body: unknown): Problem {
  const said = z.object({ message: z.string().optional(), error: z.string().optional() }).safeParse(body).data;
  return { message: said?.message ?? said?.error ?? null };
}
