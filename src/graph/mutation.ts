import { builder, demand, type Access } from './builder.ts';
import { transaction, type Context, type Intent } from '../context.ts';
import { DomainError, DomainErrors } from '../errors.ts';
import { once } from '../idempotency.ts';
import { inputObject, mistakesOf, optional, text, type InputFields, type InputValues } from './input.ts';
import { mistakeOf, UserError, type Mistake } from './user-errors.ts';

interface Payload {
  values: Record<string, unknown>;
  userErrors: Mistake[];
}

/** What the mutations that end or change credentials demand. */
const CREDENTIALS: ReadonlySet<Access> = new Set([
  'signed-in',
  'keys:write',
  'endpoint-keys:write',
  'users:write',
  'company:write',
]);

const pascal = (name: string): string => name[0]?.toUpperCase() + name.slice(1);

/** Does the work and keeps its answer in one transaction. */
async function inOne<T extends Record<string, unknown>>(
  ctx: Context & { intent: Intent },
  work: (ctx: Context) => Promise<T>,
): Promise<T> {
  const { intent } = ctx;
  return transaction(ctx, async (tx) => {
    const answer = await work(tx);
    await intent.keep(tx.query, answer);
    tx.whenCommitted?.unshift(async () => void (intent.isKept = true));
    return answer;
  });
}

/**
 * Declares a mutation: its input, its payload and the function that does it. The function gets values that keep their
 * rules and answers the payload's fields; a DomainError it throws becomes a user error, anything else stays an error.
 */
export function mutation<F extends InputFields>(
  name: string,
  options: {
    description: string;
    access: Access;
    cost?: number;
    /** Takes an `idempotencyKey`: for what moves money, runs SQL or issues a secret. */
    isIdempotent?: boolean;
    /** Reaches out of the database, so that it cannot be one transaction: its work keeps the answer by itself. */
    isLong?: boolean;
    input: F;
    payload: Record<string, { type: unknown; description: string; isNullable?: boolean }>;
    run(ctx: Context, input: InputValues<F>): Promise<Record<string, unknown>>;
  },
): void {
  const { access, cost = 10, isIdempotent = false, isLong = false, payload } = options;
  const key = optional(
    text(
      'Any text of yours that is new for each intent: repeating it within 24 hours repeats the answer and does nothing twice.',
      255,
    ),
  );
  const input = inputObject(`${pascal(name)}Input`, `Input of ${name}.`, {
    ...options.input,
    ...(isIdempotent ? { idempotencyKey: key } : {}),
  } as F);
  const Answer = builder.objectRef<Payload>(`${pascal(name)}Payload`).implement({
    description: `Answer of ${name}.`,
    fields: (t) => ({
      ...(Object.fromEntries(
        Object.entries(payload).map(([field, { type, description }]) => [
          field,
          t.field({
            type: type as never,
            nullable: true,
            description: `${description} Null where there are user errors.`,
            resolve: ({ values }) => (values[field] ?? null) as never,
          }),
        ]),
      ) as Record<string, never>),
      userErrors: t.field({
        type: [UserError],
        description: 'What the caller can mend; empty where it was done.',
        resolve: ({ userErrors }) => userErrors,
      }),
    }),
  });

  async function run(ctx: Context, given: unknown): Promise<Record<string, unknown>> {
    demand(ctx, access);
    const parsed = input.rule.safeParse(given, { reportInput: true });
    if (!parsed.success) throw new DomainErrors(mistakesOf(parsed.error, 'input'));
    const { idempotencyKey, ...rest } = parsed.data as Record<string, unknown> & { idempotencyKey?: string | null };
    const work = (within: Context): Promise<Record<string, unknown>> => options.run(within, rest as InputValues<F>);
    const values = await (idempotencyKey
      ? once(ctx, name, idempotencyKey, rest, (within) => (isLong ? work(within) : inOne(within, work)))
      : work(ctx));
    // Whoever is told that a key or session ended may rely on it at once.
    if (CREDENTIALS.has(access) && ctx.viewer) ctx.app.forgetViewers(ctx.viewer.companyId);
    return values;
  }

  builder.mutationField(name, (t) =>
    t.field({
      type: Answer,
      access,
      cost,
      description: options.description,
      args: { input: t.arg({ type: input.ref as never, required: true, description: 'What to do.' }) },
      resolve: async (_, args, ctx): Promise<Payload> => {
        try {
          return { values: await run(ctx, (args as { input: unknown }).input), userErrors: [] };
        } catch (error) {
          const errors = error instanceof DomainErrors ? error.errors : error instanceof DomainError ? [error] : null;
          // Who is not known, or sends nonsense, gets a top-level error.
          if (
            !errors ||
            errors.some((one) => one.code === 'UNAUTHENTICATED' || one.code === 'INTERNAL' || one.code === 'CANCELLED')
          )
            throw error;
          return { values: {}, userErrors: errors.map(mistakeOf) };
        }
      },
    }),
  );
}
