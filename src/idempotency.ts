import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { viewerOf, type Context, type Intent } from './context.ts';
import { plain, UNSYNCED, type RunQuery } from './database/db.ts';
import { DomainError } from './errors.ts';
import { newId } from './ids.ts';

/** How long an answer is kept, and after how long an unfinished one counts as abandoned. */
const KEPT = '24 hours';
const ABANDONED = '5 minutes';

/** The same input has the same hash, whatever the order of its fields. */
function hashOf(value: unknown): Buffer<ArrayBuffer> {
  const canonical = JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
  return createHash('sha256').update(canonical).digest();
}

/** Prisma's Decimals as text, so that an answer survives being stored. */
function storable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(storable);
  if (value === null || typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(plain(value as Record<string, unknown>)).map(([name, part]) => [name, storable(part)]),
  );
}

/** Answers dropped by one statement: each may be as large as a result. */
const DROPPED_AT_ONCE = 200;

/**
 * Does `work` at most once for a key of the company and answers the same again for 24 hours. What failed is forgotten,
 * so that it can be tried again. `work` gets a context with the intent: what must never happen twice keeps its answer
 * in the transaction that does it, so that no death of a process comes between the two; all else is kept afterwards.
 * @throws DomainError IDEMPOTENCY_MISMATCH for another input, IDEMPOTENCY_IN_PROGRESS while the first is at work.
 */
export async function once<T extends object>(
  ctx: Context,
  operation: string,
  key: string,
  input: unknown,
  work: (ctx: Context & { intent: Intent }) => Promise<T>,
): Promise<T> {
  const { companyId, userId, apiKeyId } = viewerOf(ctx);
  const { query } = ctx.app.database;
  const place = `IdempotencyKey/answer/${companyId}/${key}`;
  // An answer may hold a secret: it is repeated to whoever got it first, and to nobody else.
  const hash = hashOf([operation, input, userId ?? apiKeyId]);
  const claim = newId();
  // What is done on the claim reaches the disk after it, or not at all.
  const claimed = await query(
    `insert into "IdempotencyKey" as i ("companyId", key, operation, "inputHash", claim, "createdAt") values ($1, $2, $3, $4, $5, now())
     on conflict ("companyId", key) do update set operation = excluded.operation, "inputHash" = excluded."inputHash", claim = excluded.claim, answer = null, "createdAt" = now()
     where i."createdAt" < now() - interval '${KEPT}' or (i.answer is null and i."createdAt" < now() - interval '${ABANDONED}' and i."inputHash" = excluded."inputHash")
     returning ${UNSYNCED}`,
    [companyId, key, operation, hash, claim],
  );
  if (claimed.length === 0) {
    const [row] = await query<{ inputHash: Buffer; answer: Buffer | null }>(
      'select "inputHash", answer from "IdempotencyKey" where "companyId" = $1 and key = $2',
      [companyId, key],
    );
    const path = ['input', 'idempotencyKey'];
    if (row && !row.inputHash.equals(hash))
      throw new DomainError(
        'IDEMPOTENCY_MISMATCH',
        'This idempotency key was used with another input: take a new one.',
        { path },
      );
    if (!row?.answer)
      throw new DomainError(
        'IDEMPOTENCY_IN_PROGRESS',
        'The first request with this idempotency key is still at work: ask again in a moment.',
        { path },
      );
    return deserialize(Buffer.from(ctx.app.sealer.open(row.answer, place) as string, 'base64')) as T;
  }
  const intent: Intent = {
    isKept: false,
    async keep(within, answer) {
      const sealed = ctx.app.sealer.seal(serialize(storable(answer)).toString('base64'), place);
      // Whoever was away so long that another took over is stopped here, before anything of theirs counts.
      const kept = await within(
        `update "IdempotencyKey" set answer = $4 where "companyId" = $1::uuid and key = $2 and claim = $3::uuid and answer is null returning 1`,
        [companyId, key, claim, sealed],
      );
      if (kept.length === 0)
        throw new DomainError(
          'CANCELLED',
          'It took so long that another request with this idempotency key took over: ask again for its answer.',
        );
    },
  };
  try {
    const answer = await work({ ...ctx, intent });
    if (!intent.isKept) await intent.keep(query, answer as Record<string, unknown>);
    return answer;
  } catch (error) {
    await query(
      'delete from "IdempotencyKey" where "companyId" = $1 and key = $2 and claim = $3::uuid and answer is null',
      [companyId, key, claim],
    );
    throw error;
  }
}

/** Drops some of the answers that are kept no longer. Answers how many. */
export async function dropOldAnswers(query: RunQuery): Promise<number> {
  const dropped = await query(
    `delete from "IdempotencyKey" where ("companyId", key) in
       (select "companyId", key from "IdempotencyKey" where "createdAt" < now() - interval '${KEPT}' order by "createdAt" limit ${DROPPED_AT_ONCE} for update skip locked) returning 1`,
    [],
  );
  return dropped.length;
}
