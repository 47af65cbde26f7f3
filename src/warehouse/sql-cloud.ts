import type { Dialect } from './engine.ts';
import type { Token } from './sql-lexer.ts';
import { names } from './sql-names.ts';

/** Dialects of services that are reached over HTTP. */
export type CloudDialect = Exclude<Dialect, 'postgres' | 'mysql' | 'duckdb' | 'sqlite' | 'sqlserver'>;

/** Functions that write, wait, reach files, servers, secrets or paid models, or run SQL out of a string. */
export const CLOUD_FUNCTIONS: Record<CloudDialect, RegExp> = {
  bigquery:
    names(`external_query external_object_transform get_signed_url generate_text generate_table generate_embedding
    generate_bool generate_double generate_int generate_text_embedding process_document transcribe understand_text annotate_image`),
  snowflake: names(`system$* result_scan identifier infer_schema validate directory get_presigned_url get_stage_location
    get_absolute_path build_scoped_file_url build_stage_file_url to_query query_history* login_history* copy_history*
    task_history* rest_event_history getnextval search_preview to_file ai_* explain_json get_ddl getvariable cortex_* try_complete extract_answer`),
  clickhouse: names(`url urlcluster file filecluster remote remotesecure cluster clusterallreplicas mysql postgresql
    mongodb redis sqlite s3* gcs* oss* cosn hdfs* azureblobstorage* iceberg* deltalake* hudi* paimon* jdbc odbc executable
    input merge mergetreeindex mergetreeprojection dictionary ytsaurus ydb arrowflight* prometheusquery* timeseries* loop
    fuzzquery fuzzjson sleep sleepeachrow getsetting getserversetting getserverport getmacro hostname fqdn
    showcertificate filesystem* addresstoline* addresstosymbol catboostevaluate modelevaluate trap generateserialid
    serveruuid getosgkernelversion getoskernelversion buildid ai* embedtext llm* currentprofiles enabledprofiles defaultprofiles`),
  databricks: names(`java_method reflect try_reflect read_files remote_query secret try_secret list_secrets ai_*
    http_request read_kafka read_kinesis read_pubsub read_pulsar read_state* read_statestore cloud_files_state event_log
    identifier vector_search query_history copy_file_access_token sleep`),
  trino: names(`query raw_query execute execute_sql ai_* invoke_lambda`),
};

/** Tables that tell of other people's queries, of users or of the server's machine. */
export const CLOUD_RELATIONS: Record<CloudDialect, RegExp> = {
  bigquery: names('__tables__ __tables_summary__'),
  snowflake: names('query_history login_history access_history sessions_history'),
  clickhouse: names('query_log query_thread_log processlist'),
  databricks: names('query_history'),
  trino: names('node_runtime_information'),
};

/** The first words of the dialects' queries. */
export const CLOUD_FIRST: Record<CloudDialect, Set<string>> = {
  bigquery: new Set(['select', 'with']),
  snowflake: new Set(['select', 'with', 'values']),
  clickhouse: new Set(['select', 'with']),
  databricks: new Set(['select', 'with', 'values']),
  trino: new Set(['select', 'with', 'values']),
};

/** Why a token is refused: a rule and what to say. */
export type Refusal = [rule: string, message: string];

const BIGQUERY_VIEWS =
  /information_schema\.(?:jobs|sessions|streaming|write_api|reservation|assignment|capacity|bi_capacit|object_privileges|recommendation|insights|shared_dataset|effective_project)/;
const SYSTEM_TABLES = new Set(['one', 'numbers', 'numbers_mt', 'zeros', 'zeros_mt']);
/** Words that a column, or a table, may follow. */
const BEFORE_COLUMN =
  /^(?:select|distinct|from|join|by|and|or|not|on|using|where|prewhere|having|as|when|then|else|case|in|like|between|with|limit|offset)$/;
const FILE_FORMATS = new Set(
  'delta parquet csv json text orc avro xml binaryfile iceberg hudi image libsvm'.split(' '),
);

/** What a service's dialect refuses beyond words and functions, at one token. */
export function cloudRefusal(tokens: readonly Token[], i: number, dialect: Dialect): Refusal | null {
  const token = tokens[i];
  if (!token) return null;
  switch (dialect) {
    case 'bigquery':
      return bigquery(tokens, i, token);
    case 'snowflake':
      return snowflake(tokens, i, token);
    case 'clickhouse':
      return clickhouse(tokens, i, token);
    case 'databricks':
      return databricks(tokens, i, token);
    case 'trino':
      return trino(tokens, i, token);
    default:
      return null;
  }
}

function isOp(token: Token | undefined, text: string): boolean {
  return token?.kind === 'op' && token.text === text;
}

function isName(token: Token | undefined): token is Token {
  return token?.kind === 'word' || token?.kind === 'quoted' || token?.kind === 'string';
}

/** Parts of a name that are looked at together: no rule needs more, and a name may have thousands. */
const PARTS = 4;

/** A name with what follows it behind dots, in lower case. */
function path(tokens: readonly Token[], i: number): string {
  const parts = [tokens[i]?.text ?? ''];
  for (let at = i + 1; parts.length < PARTS && isOp(tokens[at], '.') && isName(tokens[at + 1]); at += 2)
    parts.push(tokens[at + 1]?.text ?? '');
  return parts.join('.').toLowerCase();
}

/** Whether `|>` begins at a token. */
export function isPipe(tokens: readonly Token[], i: number): boolean {
  const [first, second] = [tokens[i], tokens[i + 1]];
  return isOp(first, '|') && isOp(second, '>') && first?.end === second?.start;
}

const PIPED: Refusal = ['NOT_A_QUERY', 'This is not allowed behind |>.'];

function pipes(tokens: readonly Token[], i: number): Refusal | null {
  return isPipe(tokens, i) && /^(?:call|export|load|assert|set|fork|tee|log|if)$/.test(tokens[i + 2]?.text ?? '')
    ? PIPED
    : null;
}

function bigquery(tokens: readonly Token[], i: number, token: Token): Refusal | null {
  if (isName(token)) {
    const name = path(tokens, i);
    if (BIGQUERY_VIEWS.test(name)) return ['DENIED_RELATION', "Views about other people's work must not be read."];
    const isCall = tokens.slice(i + 2, i + 4).some((next) => isOp(next, '('));
    if (isCall && /^(?:ai\.\w|ml\.translate$)/.test(name)) return ['DENIED_FUNCTION', 'Models must not be called.'];
    if (isCall && name.startsWith('obj.get_')) return ['DENIED_FUNCTION', 'Addresses of objects must not be made.'];
  }
  return pipes(tokens, i);
}

function snowflake(tokens: readonly Token[], i: number, token: Token): Refusal | null {
  const [next, last] = [tokens[i + 1], tokens[i + 2]];
  if (isOp(token, '-') && isOp(next, '>') && isOp(last, '>') && token.end === next?.start && next.end === last?.start) {
    return ['MULTIPLE_STATEMENTS', 'Statements must not be chained.'];
  }
  if (!isName(token) || token.kind === 'string') return null;
  const word = token.text.toLowerCase();
  if (word === 'cortex' && isOp(next, '.')) return ['DENIED_FUNCTION', 'Models must not be called.'];
  if (word === 'nextval' && isOp(tokens[i - 1], '.')) return ['WRITES', 'Sequences must not be advanced.'];
  if (/^(?:account|organization|reader_account)_usage$/.test(word) && isOp(next, '.'))
    return ['DENIED_RELATION', 'The usage of the account must not be read.'];
  if (token.kind === 'quoted') return null;
  if (word === 'procedure') return ['WRITES', 'PROCEDURE is not allowed here.'];
  return word === 'call' && isName(next) ? ['NOT_A_QUERY', 'CALL is not allowed.'] : null;
}

function clickhouse(tokens: readonly Token[], i: number, token: Token): Refusal | null {
  const [next, last] = [tokens[i + 1], tokens[i + 2]];
  if (isOp(token, '{') && next?.kind === 'word') return ['POSITIONAL_PARAMETER', 'Write parameters as :name.'];
  if (!isName(token) || token.kind === 'string') return null;
  const word = token.text.toLowerCase();
  if (word === 'system' && isOp(next, '.') && !SYSTEM_TABLES.has(last?.text.toLowerCase() ?? '')) {
    return ['DENIED_RELATION', 'The schema system must not be read.'];
  }
  if (token.kind === 'quoted') return null;
  if (word === 'settings' && isName(next) && isSetting(tokens[i - 1], last))
    return ['SETTINGS', 'Settings must not be changed.'];
  const isEnd = !last || isOp(last, ';') || isOp(last, ')') || last.text === 'settings';
  if (
    word === 'format' &&
    next?.kind === 'word' &&
    isEnd &&
    !/^(?:from|as|and|or|then|else|end|asc|desc)$/.test(next.text)
  ) {
    return ['NOT_A_QUERY', 'The format of the answer must not be chosen.'];
  }
  const isNested = isOp(tokens[i - 1], '(') && isName(next);
  return isNested && /^(?:show|explain|describe|desc|exists|check|kill|system|call)$/.test(word)
    ? ['NOT_A_QUERY', `${word.toUpperCase()} is not allowed in place of a query.`]
    : null;
}

/** Behind what ends a clause, `SETTINGS name` alone sets the name to true. */
function isSetting(before: Token | undefined, behind: Token | undefined): boolean {
  if (isOp(behind, '=')) return true;
  const isClause = isOp(before, ')') || (before?.kind !== 'op' && !BEFORE_COLUMN.test(before?.text ?? ''));
  return isClause && (!behind || isOp(behind, ',') || isOp(behind, ';') || isOp(behind, ')'));
}

function databricks(tokens: readonly Token[], i: number, token: Token): Refusal | null {
  const next = tokens[i + 1];
  if (token.kind === 'string' && token.text.includes('${'))
    return ['ODD_CHARACTER', 'Variables must not be substituted.'];
  if (token.kind === 'word' && token.text === 'using' && next?.kind === 'string') {
    return ['DENIED_FUNCTION', 'Scripts must not be run.'];
  }
  if (isName(token) && FILE_FORMATS.has(token.text.toLowerCase()) && isOp(next, '.')) {
    const file = tokens[i + 2];
    if (file?.kind !== 'word' && /[/\\:.*]/.test(file?.text ?? ''))
      return ['READS_FILE', 'Files must not be read: name a table.'];
  }
  if (isName(token) && /^system\.(?!information_schema\.)\w+\.\w/.test(path(tokens, i)) && !isOp(tokens[i - 1], '.'))
    return ['DENIED_RELATION', 'The catalog system must not be read.'];
  return pipes(tokens, i);
}

function trino(tokens: readonly Token[], i: number, token: Token): Refusal | null {
  const next = tokens[i + 1];
  if (!isName(token) || token.kind === 'string') return null;
  const word = token.text.toLowerCase();
  if (word === 'with' && token.kind === 'word' && (next?.text === 'session' || next?.text === 'function')) {
    const isTable = tokens[i + 2]?.text === 'as' || isOp(tokens[i + 2], '(');
    if (next.kind === 'word' && !isTable) return ['NOT_A_QUERY', `WITH ${next.text.toUpperCase()} is not allowed.`];
  }
  if (word === 'jmx' && /^jmx\.(?:current|history)\./.test(path(tokens, i)))
    return ['DENIED_RELATION', 'What runs inside the server must not be read.'];
  const isSystem = word === 'system' && /^system\.(?:runtime|metadata|jdbc|information_schema)\b/.test(path(tokens, i));
  return isSystem ? ['DENIED_RELATION', 'The catalog system must not be read.'] : null;
}
