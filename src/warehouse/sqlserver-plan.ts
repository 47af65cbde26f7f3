import { EngineError } from './engine.ts';
import type { ParameterValue, Statement } from './engine.ts';
import { unexplained } from './estimate.ts';
import { SqlserverRows } from './sqlserver-rows.ts';
import { kindOf } from './sqlserver-session.ts';
import type { SqlserverSession } from './sqlserver-session.ts';

const PLAN_BYTES = 8 * 1024 * 1024;

/** What `bind` binds a value as. */
const TYPES = {
  Bit: 'bit',
  Int: 'int',
  BigInt: 'bigint',
  Float: 'float',
  Text: 'nvarchar(4000)',
  LongText: 'nvarchar(max)',
} as const;

/** A call with values is not explained, only that it is one: its values are declared, and stay unknown. */
function declared(values: ParameterValue[]): string {
  const variables = values.map((value, i) => `@p${i + 1} ${TYPES[kindOf(value)]}`);
  return variables.length === 0 ? '' : `DECLARE ${variables.join(', ')};\n`;
}

/** The one text that a batch gives; null where it gives anything else. */
async function textOf(session: SqlserverSession, sql: string): Promise<string | null> {
  const rows = new SqlserverRows(1);
  let tooLarge: EngineError | null = null;
  const onExcess = (): void => {
    tooLarge = new EngineError('RESULT_TOO_LARGE', 'The plan of this query is too large.', { stage: 'QUERY' });
  };
  void session
    .startBatch(sql, { bytes: PLAN_BYTES, onExcess }, (request) => rows.listen(request))
    .then((error) => {
      rows.end(error);
    });
  try {
    await rows.columns();
    const { rows: found } = await rows.take();
    const [row, ...more] = found;
    return row?.length === 1 && more.length === 0 && typeof row[0] === 'string' ? row[0] : null;
  } catch (error) {
    throw tooLarge ?? error;
  }
}

const isPlan = (text: string | null): text is string => /^\s*(?:<\?xml[^>]*>\s*)?<ShowPlanXML\b/.test(text ?? '');

/**
 * The plan of a statement, as XML. The session shows plans from now on and is of no other use: its owner ends it.
 * @throws EngineError where the server shows none
 */
export async function planOf(session: SqlserverSession, { sql, values }: Statement): Promise<string> {
  await session.batch('SET SHOWPLAN_XML ON');
  // Whoever gives a row for this would run what comes next.
  if (!isPlan(await textOf(session, 'SELECT 1'))) throw unexplained('The server does not show plans.');
  const plan = await textOf(session, declared(values) + sql);
  if (!isPlan(plan)) throw unexplained('The server shows no plan of this query.');
  return plan;
}
