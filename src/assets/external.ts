import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { InvalidAnswer } from '../warehouse/api-client.ts';
import type {
  AnswerColumn,
  ApiEngine,
  ApiQuestion,
  ConnectionTarget,
  Limits,
  ParameterValue,
} from '../warehouse/engine.ts';
import type { QueryResult } from '../warehouse/query.ts';
import { columnsBytes } from '../warehouse/wire.ts';
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

/** What an API is to answer with, by the type of the asset. */
function answerOf({ assetType, answerColumns }: Pick<Asset, 'assetType' | 'answerColumns'>): ApiQuestion['answer'] {
  const columns = answerColumns as unknown as AnswerColumn[];
  if (assetType === 'CALCULATION') return 'NUMBER';
  return columns.length === 0 ? 'TEXT' : columns;
}

/**
 * Asks the API or the language model behind an asset.
 * @throws DomainError CONNECTION_FAILED for an asset without what it is to ask, VALIDATION for an answer that is not what
 * was asked for; EngineError
 */
export async function askApi(
  engine: ApiEngine,
  target: ConnectionTarget,
  asset: Asset,
  values: Record<string, ParameterValue>,
  { limits, signal }: { limits: Limits; signal: AbortSignal },
): Promise<QueryResult> {
  if (engine.takes === 'PROMPT' && !asset.prompt)
    throw new DomainError('CONNECTION_FAILED', 'This asset has no prompt yet.');
  const { functionId, prompt } = asset;
  const params = paramsOf(asset.parameters as unknown as Parameter[], values);
  const start = performance.now();
  try {
    const question = { params, functionId, prompt, answer: answerOf(asset) };
    const answer = await engine.ask(target, question, limits, signal);
    const totalMs = performance.now() - start;
    return {
      ...answer,
      rowCount: answer.values[0]?.length ?? 0,
      truncated: false,
      bytes: columnsBytes(answer.values),
      timings: { firstRowMs: totalMs, totalMs },
    };
  } catch (error) {
    // The API did answer: what is wrong is the result, as with rows that do not fit the asset.
    if (error instanceof InvalidAnswer)
      throw new DomainError('VALIDATION', [error.message, error.hint].filter(Boolean).join(' '), {
        path: ['result'],
        cause: error,
      });
    throw error;
  }
}
