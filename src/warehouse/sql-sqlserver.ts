import type { Refusal } from './sql-cloud.ts';
import type { Token } from './sql-lexer.ts';
import { names } from './sql-names.ts';

/** Functions that reach files, servers, secrets or models, or tell of the server's machine and of other people's work. */
export const SQLSERVER_FUNCTIONS =
  names(`xp_* sp_* dm_* fn_xe_* fn_trace_* fn_get_audit_file* fn_get_sql fn_dblog* fn_dump_dblog*
  fn_full_dblog* fn_virtual* fn_servershareddrives loginproperty pwdcompare pwdencrypt serverproperty connectionproperty
  decryptby* encryptby* signby* certprivatekey certencoded filetablerootpath getfilenamespacepath
  get_filestream_transaction_context ai_*`);

/** Views of logins, other servers and sessions that are found without their schema. */
export const SQLSERVER_RELATIONS =
  names(`xp_* sysprocesses syslogins sysservers sysremotelogins sysoledbusers sysxlogins
  syscacheobjects sysaltfiles sysconfigures syscurconfigs syslockinfo sysperfinfo sql_logins`);

/** The same and more behind the schema `sys`. */
const SYSTEM =
  names(`dm_* fn_* sql_logins server_* servers linked_logins remote_logins credentials database_scoped_credentials
  master_* database_files *_keys certificates configurations backup_devices endpoints *_endpoints traces trace_*
  external_data_sources`);
const SYSTEM_DATABASES = new Set(['master', 'msdb', 'model', 'tempdb']);

// A statement needs no semicolon before the next: these words begin one, or belong to one, wherever they stand. Nearly
// all are reserved, so that no column bears their name without brackets.
const STATEMENTS = new Set(
  `add alter backup begin break bulk checkpoint close commit continue conversation create dbcc deallocate declare delete deny
  disk drop dump exec execute goto grant if insert kill lineno load merge open opendatasource openquery openrowset openxml print proc
  procedure raiserror readtext receive reconfigure restore return revert revoke rollback save securityaudit set setuser
  shutdown tran transaction trigger truncate update updatetext use waitfor while writetext`.split(/\s+/),
);
const LOCKS = new Set('holdlock paglock repeatableread rowlock serializable tablock tablockx updlock xlock'.split(' '));
/** Words that a value follows: behind any other, `name:` would be a label. */
const BEFORE_VALUE = new Set(
  'all and between by case distinct else escape fetch first from having in like next not of offset on or select then to top when where zone'.split(
    ' ',
  ),
);
const COMBINES = new Set(['union', 'except', 'intersect']);

function isOp(token: Token | undefined, text: string): boolean {
  return token?.kind === 'op' && token.text === text;
}

function isName(token: Token | undefined): token is Token {
  return token?.kind === 'word' || token?.kind === 'quoted';
}

/** The dots of a name that begins at a token: `server.database.schema.table` has three, `server...table` too. */
function dots(tokens: readonly Token[], i: number): number {
  let count = 0;
  for (let at = i + 1; isOp(tokens[at], '.'); count++) at += isName(tokens[at + 1]) ? 2 : 1;
  return count;
}

/** What T-SQL refuses beyond words and functions, at one token. */
export function sqlserverRefusal(tokens: readonly Token[], i: number): Refusal | null {
  const [before, token, next] = [tokens[i - 1], tokens[i], tokens[i + 1]];
  if (!token) return null;
  if (isOp(token, '{')) return ['NOT_A_QUERY', 'Escapes in braces are not allowed.'];
  const isLabel = isOp(token, ':') || isOp(token, ':=');
  const isBehindName = isName(before) && (before.end === token.start || !BEFORE_VALUE.has(before.text));
  if (isLabel || (token.kind === 'param' && isBehindName)) return ['NOT_A_QUERY', 'Labels are not allowed.'];
  if (!isName(token)) return null;
  const name = token.text.toLowerCase();
  if (!isOp(before, '.')) {
    const count = dots(tokens, i);
    if (count >= 3) return ['LINKED_SERVER', 'Names have at most three parts: other servers must not be read.'];
    if (count >= 2 && SYSTEM_DATABASES.has(name)) return ['DENIED_RELATION', `The database ${name} must not be read.`];
  }
  if (name === 'sys' && isOp(next, '.') && SYSTEM.test(tokens[i + 2]?.text.toLowerCase() ?? ''))
    return ['DENIED_RELATION', "Views of the server, its logins and other people's work must not be read."];
  return token.kind === 'word' ? keyword(name, before, next) : null;
}

function keyword(word: string, before: Token | undefined, next: Token | undefined): Refusal | null {
  if (STATEMENTS.has(word)) return ['NOT_A_QUERY', `${word.toUpperCase()} is not allowed: queries only read.`];
  if (word === 'go') return ['NOT_A_QUERY', 'GO belongs to other tools: give one statement.'];
  if (word === 'fetch' && before?.text !== 'rows' && before?.text !== 'row')
    return ['NOT_A_QUERY', 'Cursors are not allowed.'];
  if (word === 'send' && next?.text === 'on') return ['NOT_A_QUERY', 'SEND is not allowed: queries only read.'];
  if (word === 'next' && next?.text === 'value') return ['WRITES', 'Sequences must not be advanced.'];
  if (word === 'querytraceon') return ['SETTINGS', 'Settings must not be changed.'];
  return LOCKS.has(word) ? ['LOCKS', 'Rows must not be locked.'] : null;
}

/**
 * The token that begins a second query, or chooses a form of answer that comes in pieces of text; null where none does.
 * A query begins a statement or bracket, or stands behind UNION, EXCEPT, INTERSECT or the tables that WITH makes.
 */
export function sqlserverStatements(tokens: readonly Token[]): Token | null {
  const isWord = (at: number, text: string): boolean => tokens[at]?.kind === 'word' && tokens[at].text === text;
  const levels = [{ start: 0, awaits: isWord(0, 'with') }];
  for (const [i, token] of tokens.entries()) {
    if (isOp(token, '(')) levels.push({ start: i + 1, awaits: false });
    else if (isOp(token, ')')) levels.pop();
    const level = levels.at(-1);
    if (token.kind !== 'word' || !level) continue;
    const next = tokens[i + 1]?.text ?? '';
    if (token.text === 'for' && (next === 'browse' || (levels.length === 1 && /^(?:xml|json)$/.test(next))))
      return token;
    if (token.text !== 'select' || i === level.start) continue;
    const before = tokens[i - 1];
    const isCombined =
      before?.kind === 'word' && (COMBINES.has(before.text) || (before.text === 'all' && isWord(i - 2, 'union')));
    if (!isCombined && !(level.awaits && isOp(before, ')'))) return token;
    if (!isCombined) level.awaits = false;
  }
  return null;
}
