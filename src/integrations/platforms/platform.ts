/**
 * The port to an external publishing platform. Publishing is two steps, so that a repeated attempt never makes a second
 * post: `createDraft` (which first looks for what an earlier attempt left behind), then `publish` on the stored id.
 * `publish` and `update` send the whole article and may be repeated at will.
 */

/** The platforms that posts can be published to. */
export type PlatformName = 'WORDPRESS' | 'GHOST' | 'DEV' | 'WEBHOOK' | 'BEEHIIV';

/** A post as platforms get it; the HTML is sanitised already. */
export interface Article {
  title: string;
  html: string;
  excerpt: string | null;
  tags: string[];
  /** The key of the post: never changes, so that an earlier attempt can be found by it. */
  slug: string;
  canonicalUrl: string | null;
}

/** A post on the platform; the address is null until it is public, or where the platform tells none. */
export interface External {
  id: string;
  url: string | null;
}

/** The values of a platform's credential fields, by name. */
export type Credentials = Readonly<Record<string, string>>;

/** One value that a platform needs to be reached. */
export interface CredentialField {
  name: string;
  /** Kept sealed and never shown again. */
  isSecret: boolean;
  isRequired: boolean;
  description: string;
}

/**
 * AUTH: credentials wrong or not permitted. VALIDATION: the platform or our guard refuses the content or the address;
 * `fields` names members of the article or of the credentials. CONFLICT: someone else's change or post is in the way,
 * or the post is gone there. RATE_LIMIT and UNAVAILABLE: the same attempt may work later.
 */
export type PlatformErrorCode = 'AUTH' | 'VALIDATION' | 'RATE_LIMIT' | 'CONFLICT' | 'UNAVAILABLE';

/** Why a platform did not do it. `message` may be shown to the company; it holds no secret. */
export class PlatformError extends Error {
  readonly code: PlatformErrorCode;
  /** How long the platform asks to wait; null where it does not say. */
  readonly retryAfterMs: number | null;
  readonly fields: string[];
  /** Whether the post is no longer there, so that it could be made anew. */
  readonly isGone: boolean;
  constructor(
    code: PlatformErrorCode,
    message: string,
    more: { retryAfterMs?: number | null; fields?: string[]; isGone?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'PlatformError';
    this.code = code;
    this.retryAfterMs = more.retryAfterMs ?? null;
    this.fields = more.fields ?? [];
    this.isGone = more.isGone ?? false;
  }
}

/** One platform. Everything that talks to it throws {@link PlatformError}, or the reason of `signal`. */
export interface Platform {
  name: PlatformName;
  displayName: string;
  credentialFields: CredentialField[];
  /** Messages for people about what is missing or malformed, without asking the platform; empty is fine. */
  checkCredentials(credentials: Credentials): string[];
  /** Tries the credentials without changing anything; answers whose account or site they open. */
  test(credentials: Credentials, signal: AbortSignal): Promise<{ account: string }>;
  /** What an earlier attempt for this article left behind, or null. */
  findByKey?(credentials: Credentials, article: Article, signal: AbortSignal): Promise<External | null>;
  /** Answers the draft of this article, made now or found; not visible to readers. */
  createDraft(credentials: Credentials, article: Article, signal: AbortSignal): Promise<External>;
  /** Makes it public with the content of `article`; on a public post the same as `update`. */
  publish(credentials: Credentials, external: External, article: Article, signal: AbortSignal): Promise<External>;
  /** Replaces the content; a public post stays public, a draft stays a draft. */
  update(credentials: Credentials, external: External, article: Article, signal: AbortSignal): Promise<External>;
}
