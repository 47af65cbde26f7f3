import type { Dialect } from './engine.ts';
import { CLOUD_FIRST, CLOUD_FUNCTIONS, CLOUD_RELATIONS, cloudRefusal, isPipe } from './sql-cloud.ts';
import type { Rejection, Token } from './sql-lexer.ts';
import { names } from './sql-names.ts';
import { SQLSERVER_FUNCTIONS, SQLSERVER_RELATIONS, sqlserverRefusal, sqlserverStatements } from './sql-sqlserver.ts';

/** Functions that write, wait, lock, reach files, servers or settings, or run SQL out of a string. */
const DENIED_FUNCTIONS: Record<Dialect, RegExp> = {
  ...CLOUD_FUNCTIONS,
  sqlserver: SQLSERVER_FUNCTIONS,
  postgres: names(`pg_sleep* pg_advisory_* pg_try_advisory_* pg_read_* pg_ls_* pg_stat_file pg_stat_reset*
    pg_stat_statements_reset pg_stat_force* pg_stat_clear* pg_clear_* pg_restore_* pg_file_* pg_logdir_ls pg_terminate_backend
    pg_cancel_backend pg_reload_conf pg_rotate_logfile* pg_promote pg_switch_* pg_wal_replay_* pg_create_* pg_drop_*
    pg_replication_* pg_logical_* pg_copy_* pg_sync_replication_slots pg_import_system_collations pg_notify
    pg_export_snapshot pg_log_* pg_backup_* pg_start_backup pg_stop_backup pg_nextoid pg_prewarm autoprewarm_*
    pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_config pg_current_logfile pg_extension_config_dump
    pg_event_trigger_* pg_stop_making_pinned_objects pg_set_* pg_settings_get_flags pg_truncate_visibility_map pg_buffercache_evict*
    binary_upgrade_* lo_* loread lowrite dblink* set_config current_setting setval nextval setseed txid_current
    pg_current_xact_id query_to_xml* table_to_xml* schema_to_xml* database_to_xml* cursor_to_xml* ts_stat ts_rewrite
    crosstab* connectby xpath_table get_raw_page http http_get http_post http_put http_delete http_patch http_head http_set_*
    table_import_from_s3 query_export_to_s3 pg_wait_for_* pg_isolation_* postgres_fdw_disconnect* run_command_on_* plpgsql_call_handler inet_server_addr inet_server_port`),
  mysql: names(`load_file sleep benchmark get_lock release_lock release_all_locks is_free_lock is_used_lock
    master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids
    sys_exec sys_eval sys_get sys_set sys_bineval lib_mysqludf* nextval setval lastval last_insert_id
    group_replication_* asynchronous_connection_* keyring_* audit_log_* audit_api_* mysql_firewall_* read_firewall_*
    set_firewall_mode normalize_statement version_tokens_* service_get_* service_release_* gen_dictionary_*
    mysql_query_attribute_string rewrite_* flush_* load_rewrite_rules http_* spider_* binlog_gtid_pos
    ml_generate* ml_embed_* ml_rag*`),
  duckdb:
    names(`read_* *_scan *_scan_* parquet_* *_query query query_table *_execute *_attach glob sniff_csv sniff_* st_read*
    getenv getvariable current_setting nextval currval setseed pragma_* duckdb_databases duckdb_settings duckdb_secrets*
    duckdb_extensions duckdb_logs* duckdb_log_contexts duckdb_temporary_files duckdb_external_file_cache duckdb_memory duckdb_variables
    duckdb_approx_database_count duckdb_optimizers duckdb_prepared_statements duckdb_which_secret which_secret
    enable_* disable_* truncate_duckdb_logs write_* checkpoint force_checkpoint dbgen dsdgen tpch tpch_* tpcds
    tpcds_* load_* install_* json_execute_serialized_sql json_serialize_* json_deserialize_sql from_substrait* get_substrait*
    sql_auto_complete *_metadata parse_duckdb_log_message add_parquet_key iceberg_* delta_* http_* python_map_function
    shellfs* sleep sleep_ms`),
  sqlite:
    names(`load_extension readfile writefile edit fts3_tokenizer pragma_* dbstat sqlite_dbpage zipfile zip fsdir lsdir
    lsmode eval sqlite_stmt bytecode tables_used getenv system shell exec`),
};

/** Tables and views that hold passwords' hashes, files' contents or paths of the server's machine. */
const DENIED_RELATIONS: Record<Dialect, RegExp> = {
  ...CLOUD_RELATIONS,
  sqlserver: SQLSERVER_RELATIONS,
  postgres: names(
    'pg_authid pg_shadow pg_hba_file_rules pg_ident_file_mappings pg_file_settings pg_user_mapping pg_user_mappings pg_largeobject pg_config pg_subscription',
  ),
  mysql: names('global_priv authentication_string processlist'),
  duckdb:
    names(`duckdb_databases duckdb_settings duckdb_secrets duckdb_extensions duckdb_logs pragma_database_list pragma_*
    sqlite_temp_master duckdb_variables pg_settings`),
  sqlite: names('pragma_* dbstat sqlite_dbpage sqlite_stmt'),
};

/** Words that write or change something wherever they stand in a statement. */
const WRITING = new Set(`insert update delete merge upsert replace create drop alter truncate grant revoke`.split(' '));
/** Of those, the ones that are functions too. */
const ALSO_FUNCTIONS = new Set(['insert', 'replace', 'truncate']);
/** Dialects where a query may start with its table, to send it through `|>`. */
const PIPES = new Set<Dialect>(['bigquery', 'databricks']);
const FIRST: Record<Dialect, Set<string>> = {
  ...CLOUD_FIRST,
  sqlserver: new Set(['select', 'with']),
  postgres: new Set(['select', 'with', 'values']),
  mysql: new Set(['select', 'with', 'values']),
  duckdb: new Set(['select', 'with', 'values', 'from', 'pivot', 'unpivot']),
  sqlite: new Set(['select', 'with', 'values']),
};
/** Statements of DuckDB that may stand in brackets in place of a query. */
const NESTED = new Set(
  `show describe desc summarize call pragma copy attach detach export import install load set reset use explain execute
  prepare deallocate checkpoint vacuum begin commit analyze`.split(/\s+/),
);
const FILE_NAME =
  /[/\\]|:\/\/|\.(?:csv|tsv|txt|parquet|json|jsonl|ndjson|db|duckdb|sqlite|arrow|avro|xlsx|gz|zst|bz2)$/i;
/** Functions with a FROM among their arguments. */
const FROM_ARGUMENT = new Set([
  'extract',
  'trim',
  'substring',
  'overlay',
  'position',
  'substr',
  'ltrim',
  'rtrim',
  'btrim',
]);
const BEFORE_TABLE = new Set(['from', 'join', 'table', 'pivot', 'unpivot', 'lateral']);
const BEFORE_QUERY = new Set([...BEFORE_TABLE, 'as', 'materialized']);
const ENDS_FROM = new Set(
  'select where group order having limit offset union intersect except window qualify on using values sample fetch'.split(
    ' ',
  ),
);
const MAX_DEPTH = 250;

/** True for a name that a statement of this dialect must not call. */
export function isDeniedFunction(dialect: Dialect, name: string): boolean {
  return DENIED_FUNCTIONS[dialect].test(name.toLowerCase());
}

/** True for a table that a statement of this dialect must not read. */
export function isDeniedRelation(dialect: Dialect, name: string): boolean {
  return DENIED_RELATIONS[dialect].test(name.toLowerCase());
}

class Rules {
  private readonly tokens: Token[];
  private readonly dialect: Dialect;

  constructor(tokens: Token[], dialect: Dialect) {
    this.tokens = tokens;
    this.dialect = dialect;
  }

  check(): Rejection | null {
    const found = this.shape() ?? this.words();
    if (found) return found;
    if (this.dialect === 'duckdb' || this.dialect === 'snowflake') return this.files();
    if (this.dialect !== 'sqlserver') return null;
    const second = sqlserverStatements(this.tokens);
    return second && this.refuse(second, 'MULTIPLE_STATEMENTS', 'Only one statement is allowed.');
  }

  private is(index: number, text: string, kind: Token['kind'] = 'word'): boolean {
    const token = this.tokens[index];
    return token?.kind === kind && token.text === text;
  }

  private refuse(token: Token | undefined, rule: string, message: string): Rejection {
    return { rule, message, position: token?.start ?? 0 };
  }

  /** One statement, of a reading kind, with its brackets in order. */
  private shape(): Rejection | null {
    const { tokens } = this;
    const start = tokens.findIndex((token) => !(token.kind === 'op' && token.text === '('));
    const first = tokens[start];
    if (!first || this.is(0, ';', 'op')) return this.refuse(first, 'EMPTY', 'There is no statement.');
    const isPiped = first.text === 'from' && PIPES.has(this.dialect) && tokens.some((_, i) => isPipe(tokens, i));
    if (first.kind !== 'word' || !(isPiped || FIRST[this.dialect].has(first.text))) {
      return this.refuse(first, 'NOT_A_QUERY', 'Only queries are allowed: start with SELECT, WITH or VALUES.');
    }
    const open: string[] = [];
    let ended = false;
    for (const token of tokens) {
      if (token.kind === 'op' && token.text === ';') ended = true;
      else if (ended) return this.refuse(token, 'MULTIPLE_STATEMENTS', 'Only one statement is allowed.');
      if (token.kind !== 'op') continue;
      if ('([{'.includes(token.text)) open.push(token.text);
      if (open.length > MAX_DEPTH) return this.refuse(token, 'TOO_COMPLEX', 'The statement is nested too deeply.');
      const pair = { ')': '(', ']': '[', '}': '{' }[token.text];
      if (pair && open.pop() !== pair) return this.refuse(token, 'UNBALANCED', 'A bracket closes that was not opened.');
    }
    return open.length > 0 ? this.refuse(tokens.at(-1), 'UNBALANCED', 'A bracket is not closed.') : null;
  }

  private words(): Rejection | null {
    const { tokens, dialect } = this;
    for (const [i, token] of tokens.entries()) {
      if (token.kind === 'positional') {
        return this.refuse(token, 'POSITIONAL_PARAMETER', 'Write parameters as :name.');
      }
      const own = dialect === 'sqlserver' ? sqlserverRefusal(tokens, i) : cloudRefusal(tokens, i, dialect);
      if (own) return this.refuse(token, ...own);
      if (token.kind === 'op') {
        if (token.text === ':=' && dialect === 'mysql') {
          return this.refuse(token, 'VARIABLE_ASSIGNMENT', 'Variables must not be assigned.');
        }
        continue;
      }
      if (token.kind === 'number' || token.kind === 'param') continue;
      const found =
        this.call(token, i) ?? (token.kind === 'word' ? this.keyword(token, i) : null) ?? this.relation(token, i);
      if (found) return found;
    }
    return null;
  }

  private call(token: Token, i: number): Rejection | null {
    if (!this.is(i + 1, '(', 'op') || !isDeniedFunction(this.dialect, token.text)) return null;
    return this.refuse(token, 'DENIED_FUNCTION', `The function ${token.text.slice(0, 60)} is not allowed.`);
  }

  private relation(token: Token, i: number): Rejection | null {
    if (this.dialect === 'mysql' && token.text.toLowerCase() === 'mysql' && this.is(i + 1, '.', 'op')) {
      return this.refuse(token, 'DENIED_RELATION', 'The schema mysql must not be read.');
    }
    if (token.kind === 'string' || !isDeniedRelation(this.dialect, token.text)) return null;
    return this.refuse(token, 'DENIED_RELATION', `${token.text.slice(0, 60)} must not be read.`);
  }

  private keyword(token: Token, i: number): Rejection | null {
    const { dialect } = this;
    const word = token.text;
    // A column behind its table, or a name given by AS.
    if (this.is(i - 1, '.', 'op') || (this.is(i - 1, 'as') && dialect !== 'mysql')) return null;
    // A member of a document: `column:member`.
    if (this.is(i - 1, ':', 'op') && (dialect === 'snowflake' || dialect === 'databricks')) return null;
    const isHarmless =
      (ALSO_FUNCTIONS.has(word) && this.is(i + 1, '(', 'op')) ||
      // LISTAGG(… ON OVERFLOW TRUNCATE)
      (word === 'truncate' && this.is(i - 1, 'overflow') && this.is(i - 2, 'on'));
    if (WRITING.has(word) && !isHarmless) {
      return this.refuse(token, 'WRITES', `${word.toUpperCase()} is not allowed: queries only read.`);
    }
    // UNPIVOT … INTO NAME names columns.
    if (word === 'into' && dialect === 'duckdb' && this.is(0, 'unpivot') && this.is(i + 1, 'name')) return null;
    if (word === 'into') return this.refuse(token, 'INTO', 'INTO is not allowed: queries only read.');
    if (word === 'outfile' || word === 'dumpfile') return this.refuse(token, 'INTO', 'Files must not be written.');
    if (word === 'for' && dialect !== 'duckdb' && this.locks(i + 1)) {
      return this.refuse(token, 'LOCKS', 'Rows must not be locked.');
    }
    if (word === 'lock' && this.is(i + 1, 'in')) return this.refuse(token, 'LOCKS', 'Rows must not be locked.');
    if (
      dialect === 'mysql' &&
      (word === 'procedure' || word === 'handler' || (word === 'next' && this.is(i + 1, 'value')))
    ) {
      return this.refuse(token, 'WRITES', `${word.toUpperCase()} is not allowed here.`);
    }
    if (dialect === 'duckdb' && NESTED.has(word) && this.is(i - 1, '(', 'op')) {
      const next = this.tokens[i + 1];
      const before = this.tokens[i - 2];
      const isWhole = this.is(i + 1, ')', 'op') && before?.kind === 'word' && BEFORE_QUERY.has(before.text);
      if (isWhole || (next && next.kind !== 'op')) {
        return this.refuse(token, 'NOT_A_QUERY', `${word.toUpperCase()} is not allowed in place of a query.`);
      }
    }
    return null;
  }

  private locks(i: number): boolean {
    if (this.is(i, 'share') || this.is(i, 'update')) return true;
    return (this.is(i, 'no') && this.is(i + 1, 'key')) || (this.is(i, 'key') && this.is(i + 1, 'share'));
  }

  /** DuckDB reads a file that stands in place of a table, Snowflake a stage. */
  private files(): Rejection | null {
    const { tokens } = this;
    /** For every open bracket: whether it is a function's, and whether its FROM clause is being read. */
    const levels = [{ call: false, from: false, joined: false }];
    for (const [i, token] of tokens.entries()) {
      const level = levels.at(-1);
      const before = tokens[i - 1];
      if (!level) return this.refuse(token, 'UNBALANCED', 'A bracket closes that was not opened.');
      if (token.kind === 'op') {
        if ('([{'.includes(token.text)) {
          const called = before?.kind === 'word' && FROM_ARGUMENT.has(before.text) && token.text === '(';
          const grouped = level.from && token.text === '(' && !this.isOperand(before);
          levels.push({ call: called, from: grouped, joined: false });
        }
        if (')]}'.includes(token.text)) levels.pop();
        // Behind the condition of a join, a comma starts the next table.
        if (token.text === ',' && level.joined) level.from = true;
        continue;
      }
      if (token.kind === 'word') {
        const distinct = this.is(i - 1, 'distinct') && (this.is(i - 2, 'is') || this.is(i - 2, 'not'));
        if (BEFORE_TABLE.has(token.text) && !(token.text === 'from' && (level.call || distinct))) {
          level.from = true;
          continue;
        }
        if (ENDS_FROM.has(token.text)) {
          level.joined = (level.from || level.joined) && (token.text === 'on' || token.text === 'using');
          level.from = false;
        }
      }
      if (!level.from || !this.startsTable(i)) continue;
      if (this.isFile(token, i)) {
        return this.refuse(token, 'READS_FILE', 'Files must not be read: name a table.');
      }
    }
    return null;
  }

  private isFile(token: Token, i: number): boolean {
    if (this.dialect === 'snowflake') return token.kind === 'string' && /^@|:\/\//.test(token.text);
    return token.kind === 'string' || (token.kind !== 'param' && FILE_NAME.test(this.path(i)));
  }

  private isOperand(token: Token | undefined): boolean {
    if (!token || token.kind === 'op') return token?.text === ')' || token?.text === ']';
    return !(token.kind === 'word' && BEFORE_TABLE.has(token.text));
  }

  private startsTable(i: number): boolean {
    const before = this.tokens[i - 1];
    if (before?.kind === 'word') return BEFORE_TABLE.has(before.text);
    return before?.kind === 'op' && (before.text === ',' || before.text === '(' || before.text === ':');
  }

  /** A name with its dots, as DuckDB looks for a file of that name. */
  private path(i: number): string {
    let name = this.tokens[i]?.text ?? '';
    while (this.is(i + 1, '.', 'op') && this.tokens[i + 2] && this.tokens[i + 2]?.kind !== 'op') {
      name += `.${this.tokens[i + 2]?.text ?? ''}`;
      i += 2;
    }
    return name;
  }
}

/** Applies the rules that need no parser to the tokens of a statement. */
export function checkTokens(tokens: Token[], dialect: Dialect): Rejection | null {
  return new Rules(tokens, dialect).check();
}
