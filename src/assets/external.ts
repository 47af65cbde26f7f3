import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { EngineError, type ConnectionTarget, type Limits, type ParameterValue } from '../warehouse/engine.ts';
import type { ApiEngine } from '../warehouse/external-api-engine.ts';
import type { ExternalAnswer } from '../warehouse/external-api.ts';
import type { QueryResult } from '../warehouse/query.ts';
import type { Parameter } from './params.ts';

/** Parameters as an API takes them: without those that have no value, and decimals as numbers. */
function paramsOf(declared: Parameter[], values: Record<string, ParameterValue>): Record<string, ParameterValue> {
  const decimals = new Set(declared.filter(({ type }) => type === 'DECIMAL').map(({ name }) => name));
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, decimals.has(name) ? Number(value) : value]),
  );
}

/** An answer as a result of one row, its number exactly as the API wrote it. */
function resultOf({ value, timestamp }: ExternalAnswer, totalMs: number): QueryResult {
  const isPlain = /^-?\d+(\.\d+)?$/.test(value);
  return {
    columns: [
      { name: 'answer_value', type: isPlain ? 'DECIMAL' : 'FLOAT', engineType: 'number' },
      { name: 'timestamp', type: 'TIMESTAMP', engineType: 'string' },
    ],
    values: [[isPlain ? value : Number(value)], [timestamp]],
    rowCount: 1,
    truncated: false,
    bytes: value.length + timestamp.length,
    timings: { firstRowMs: totalMs, totalMs },
  };
}

/**
 * Asks the API behind an asset.
 * @throws DomainError VALIDATION for an answer that is not `{timestamp, answer_value, asset_id}`; EngineError
 */
export async function askApi(
  engine: ApiEngine,
  target: ConnectionTarget,
  asset: Pick<Asset, 'functionId' | 'parameters'>,
  values: Record<string, ParameterValue>,
  { limits, signal }: { limits: Limits; signal: AbortSignal },
): Promise<QueryResult> {
  const params = paramsOf(asset.parameters as unknown as Parameter[], values);
  const start = performance.now();
  try {
    const answer = await engine.ask(target, { functionId: asset.functionId, params }, limits, signal);
    return resultOf(answer, performance.now() - start);
  } catch (error) {
    // The API did answer: what is wrong is the result, as with rows that do not fit the asset.
    if (error instanceof EngineError && error.message.startsWith("The API's answer is not valid"))
      throw new DomainError('VALIDATION', [error.message, error.hint].filter(Boolean).join(' '), {
        path: ['result'],
        cause: error,
      });
    throw error;
  }
}
