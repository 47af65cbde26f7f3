import type { ExecutionArgs, GraphQLError, GraphQLSchema } from 'graphql';
import type { Config } from '../config.ts';
import type { Context } from '../context.ts';
import { checkCost } from './cost-limit.ts';
import { costOf, spent, type Found } from './cost.ts';
import { requestError } from '../graph/error-format.ts';
import { DomainError } from '../errors.ts';
import { costUse, createThrottle, type ThrottleStatus } from './throttle.ts';

/** What an answer tells of its cost. */
interface CostExtension {
  requestedQueryCost: number;
  actualQueryCost: number;
  /** Of one request. */
  maximum: number;
  /** Null for an anonymous caller, who has no budget. */
  throttleStatus: ThrottleStatus | null;
}

/** What a request may cost, or why it may not run. */
type Charged = { found: Found; refused: null } | { found: null; refused: { error: GraphQLError; cost: CostExtension } };

/** What requests cost: before they run, off their caller's budget, and when they are answered. */
export function createCostAccount(schema: GraphQLSchema, config: Config) {
  const throttle = createThrottle(config.COST_BUDGET, config.COST_RESTORE);
  const maximum = Math.min(config.MAX_COST, config.COST_BUDGET);

  function extension({ viewer, rates }: Context, requested: number, actual: number): CostExtension {
    const throttleStatus = viewer && throttle.status(viewer);
    if (throttleStatus) rates.push(costUse(throttleStatus));
    return { requestedQueryCost: requested, actualQueryCost: actual, maximum, throttleStatus };
  }

  return {
    /** Takes what a request may cost off its caller's budget; `refused` where it may not run. */
    charge(args: ExecutionArgs): Charged {
      const ctx = args.contextValue as Context;
      const { document, operationName, variableValues } = args;
      let cost = 0;
      try {
        const found = costOf(schema, document, operationName ?? null, variableValues ?? {});
        cost = found.cost;
        checkCost(found, maximum);
        const retryAfterMs = ctx.viewer && throttle.take(ctx.viewer, cost);
        if (retryAfterMs !== null)
          throw new DomainError(
            'RATE_LIMITED',
            `The key or its company has used up what requests may cost: try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
            { details: { retryAfterMs } },
          );
        return { found, refused: null };
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        return { found: null, refused: { error: requestError(error), cost: extension(ctx, cost, 0) } };
      }
    },

    /** Gives back what the answer shows not to have been needed, and tells of it. */
    settle(ctx: Context, { cost, shape }: Found, data: Record<string, unknown> | null | undefined): CostExtension {
      const actual = spent(shape, data ?? {});
      if (ctx.viewer) throttle.giveBack(ctx.viewer, cost - actual);
      return extension(ctx, cost, actual);
    },
  };
}
