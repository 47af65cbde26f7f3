import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import type { UsageBuffer, Viewer } from './context.ts';
import type { Database } from './database/db.ts';
import { DomainError } from './errors.ts';
import type { RateLimitPeriod } from './generated/prisma/client.ts';
import type { KeyLimits } from './limits/key-limits.ts';
import type { Log } from './log.ts';
import { permissionsOf, permissionsWithin, roleIds, roleName } from './permissions.ts';
import type { RateUse } from './limits/rate-limits.ts';
import { hashSecret, isWellFormed } from './secrets.ts';

/** Turns the credential of a request into its viewer. */
export interface Authenticator {
  /**
   * The viewer; null without a credential. What the limit of a key says is added to `rates`.
   * @throws DomainError BAD_CREDENTIALS, or BAD_REQUEST for two at once, RATE_LIMITED.
   */
  authenticate(headers: Headers, rates?: RateUse[]): Promise<Viewer | null>;
  /** Forgets what it believes of a company's credentials. */
  forget(companyId: string): void;
  close(): Promise<void>;
}

/** How long a viewer is believed without asking the database; changes are announced by it at once. */
const TTL_MS = 60_000;
/** How long after it was lost, or could not be had, the connection that listens is tried again. */
const RETRY_MS = 1_000;

const KEY_SQL = `select k.id, k."companyId", k."userId", k."roleId", k.kind::text, k."endpointId", k."expiresAt", k."revokedAt", k.active, k.scopes, k."rateLimitNumber", k."rateLimitPeriod"::text,
    c."acceptedEula", u."roleId" as "userRoleId", u.status::text as "userStatus", u.active as "userActive"
  from "ApiKey" k join "Company" c on c.id = k."companyId" left join "User" u on u.id = k."userId" where k."secretHash" = $1`;
/** The last use of a session is known to some five minutes, so that it is seldom written. */
const SESSION_SQL = `select s.id, s."companyId", s."userId", s."expiresAt", s."revokedAt",
    coalesce(s."lastUsedAt" < now() - interval '5 minutes', true) as "isUseNews", u."roleId", u.status::text as "userStatus",
    u.active as "userActive", c."acceptedEula"
  from "Session" s join "User" u on u.id = s."userId" join "Company" c on c.id = s."companyId" where s."tokenHash" = $1`;

interface KeyRow {
  id: number;
  companyId: string;
  userId: string | null;
  roleId: number;
  kind: string;
  endpointId: string | null;
  expiresAt: Date | null;
  revokedAt: Date | null;
  active: boolean;
  scopes: string[];
  rateLimitNumber: number | null;
  rateLimitPeriod: RateLimitPeriod | null;
  acceptedEula: boolean;
  userRoleId: number | null;
  userStatus: string | null;
  userActive: boolean | null;
}
interface SessionRow {
  id: string;
  companyId: string;
  userId: string;
  expiresAt: Date;
  revokedAt: Date | null;
  isUseNews: boolean;
  roleId: number;
  userStatus: string;
  userActive: boolean;
  acceptedEula: boolean;
}

const refuse = (message: string): DomainError => new DomainError('BAD_CREDENTIALS', message);

function keyViewer(row: KeyRow, usage: UsageBuffer): Viewer {
  const problem =
    !row.active || row.revokedAt
      ? 'This API key was revoked.'
      : row.expiresAt && row.expiresAt <= new Date()
        ? 'This API key has expired.'
        : row.userId && (row.userStatus !== 'ACTIVE' || !row.userActive)
          ? 'The owner of this API key is not active.'
          : null;
  if (problem) {
    usage.keyUse(row.id, row.companyId, 'refused', true);
    throw refuse(problem);
  }
  const isEndpointKey = row.kind === 'ENDPOINT';
  // A key never has more than its owner has by now.
  const roleId =
    row.userRoleId && row.userRoleId !== roleIds.OPERATOR ? Math.max(row.roleId, row.userRoleId) : row.roleId;
  const role = roleName(roleId);
  return {
    kind: 'KEY',
    companyId: row.companyId,
    userId: row.userId,
    role,
    permissions: isEndpointKey ? new Set() : permissionsWithin(role, row.scopes),
    apiKeyId: row.id,
    sessionId: null,
    endpointId: row.endpointId,
    acceptedEula: row.acceptedEula,
    rateLimit:
      row.rateLimitNumber && row.rateLimitPeriod ? { number: row.rateLimitNumber, period: row.rateLimitPeriod } : null,
    expiresAt: row.expiresAt,
  };
}

function sessionViewer(row: SessionRow, usage: UsageBuffer): Viewer {
  if (row.revokedAt || row.expiresAt <= new Date()) throw refuse('This session has ended: sign in again.');
  if (row.userStatus !== 'ACTIVE' || !row.userActive)
    throw refuse('This user is not active: an administrator of the company can activate them.');
  if (row.isUseNews) usage.sessionUse(row.id);
  const role = roleName(row.roleId);
  return {
    kind: 'SESSION',
    companyId: row.companyId,
    userId: row.userId,
    role,
    permissions: permissionsOf[role],
    apiKeyId: null,
    sessionId: row.id,
    endpointId: null,
    acceptedEula: row.acceptedEula,
    rateLimit: null,
    expiresAt: row.expiresAt,
  };
}

/** The part of a `credentials` notice that names what of a viewer changed. */
function touches(viewer: Viewer, kind: string, id: string): boolean {
  if (kind === 'key') return String(viewer.apiKeyId) === id;
  if (kind === 'session') return viewer.sessionId === id;
  if (kind === 'user') return viewer.userId === id;
  return viewer.companyId === id;
}

/** An authenticator with a cache that every process empties the moment a credential changes (LISTEN credentials). */
export async function createAuthenticator(
  database: Database,
  usage: UsageBuffer,
  limits: KeyLimits,
  log: Log,
): Promise<Authenticator> {
  const cache = new LRUCache<string, Viewer>({ max: 10_000, ttl: TTL_MS });
  let listener: pg.Client | null = null;
  /** Counts what was heard: what was read before the last news may be no longer true. */
  let news = 0;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  function forgetWhere(isMeant: (viewer: Viewer) => boolean): void {
    news++;
    for (const [key, viewer] of cache.entries()) if (isMeant(viewer)) cache.delete(key);
  }

  async function listen(): Promise<void> {
    const client = await database.connect();
    const lost = (error?: Error): void => {
      if (closed || listener !== client) return;
      listener = null;
      // Whatever was announced while nobody listened is unknown: forget all.
      forgetWhere(() => true);
      log.warn({ err: error }, 'lost the connection that announces changed credentials');
      retry();
    };
    client.on('error', lost);
    client.on('end', () => lost());
    client.on('notification', ({ payload = '' }) => {
      const [kind = '', id = ''] = payload.split(':');
      forgetWhere((viewer) => touches(viewer, kind, id));
    });
    try {
      await client.query('listen credentials');
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    if (closed) await client.end().catch(() => {});
    else listener = client;
  }
  function retry(): void {
    if (closed) return;
    timer = setTimeout(() => void listen().catch(retry), RETRY_MS);
    timer.unref();
  }
  await listen();

  async function look(secret: string): Promise<Viewer> {
    const isSession = secret.startsWith('st_');
    const hash = hashSecret(secret);
    const cacheKey = hash.toString('base64');
    // Without a listener a change could go unnoticed: then the database is asked each time.
    const known = listener ? cache.get(cacheKey) : undefined;
    if (known && (!known.expiresAt || known.expiresAt > new Date())) return known;
    const [heardBy, heard] = [listener, news];
    const [row] = await database.query(isSession ? SESSION_SQL : KEY_SQL, [hash]);
    if (!row) throw refuse(isSession ? 'No such session.' : 'No such API key.');
    const viewer = isSession
      ? sessionViewer(row as unknown as SessionRow, usage)
      : keyViewer(row as unknown as KeyRow, usage);
    // The news of a change may come before the row that was read just before it.
    if (heardBy && heardBy === listener && heard === news) cache.set(cacheKey, viewer);
    return viewer;
  }

  async function checkLimit({ apiKeyId, companyId, rateLimit }: Viewer, rates: RateUse[] | undefined): Promise<void> {
    if (!rateLimit || !apiKeyId) return;
    const { isAllowed, use } = await limits(apiKeyId, rateLimit);
    rates?.push(use);
    if (isAllowed) return;
    usage.keyUse(apiKeyId, companyId, 'refused', true);
    const { number, period } = rateLimit;
    const message = `This key allows itself ${number} requests a ${period.toLowerCase()}: try again in ${Math.ceil(use.resetMs / 1000)} s.`;
    throw new DomainError('RATE_LIMITED', message, { details: { retryAfterMs: use.resetMs } });
  }

  return {
    async authenticate(headers, rates) {
      const key = headers.get('x-api-key');
      const authorization = headers.get('authorization');
      if (key && authorization)
        throw new DomainError('BAD_REQUEST', 'Send either x-api-key or Authorization, not both.');
      if (key) {
        if (!isWellFormed(key, ['ANALYTICS', 'ENDPOINT', 'MCP']))
          throw refuse('This is no API key: a character is missing or wrong.');
        const viewer = await look(key);
        await checkLimit(viewer, rates);
        return viewer;
      }
      if (!authorization) return null;
      const token = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '';
      if (!isWellFormed(token, ['SESSION']))
        throw refuse('This is no session token: send `Authorization: Bearer st_…`.');
      return look(token);
    },
    forget(companyId) {
      forgetWhere((viewer) => viewer.companyId === companyId);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await listener?.end().catch(() => {});
    },
  };
}
