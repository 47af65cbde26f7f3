import { describe, expect, it } from 'vitest';
import type { Dialect } from '../src/warehouse/engine.ts';
import { bindParameters } from '../src/warehouse/params.ts';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { randomOf, statements } from './helpers/fuzz-statements.ts';
import { openDuckdb, openMariadb, openPostgres, openSqlite } from './helpers/fuzz-subjects.ts';
import type { Subject } from './helpers/fuzz-subjects.ts';
import { hasMariadb } from './helpers/mariadb-server.ts';

// FUZZ_SEED makes other statements than the usual; FUZZ_RUNS makes as many for each engine, however long that takes.
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_124);
const runs = Number(process.env['FUZZ_RUNS'] ?? 0);
/** How many are made beside the seeds: the same ones each time, on a fast machine and on a busy one. */
const RUNS = 1_000;
/** How long one statement may run; what it does until then counts. */
const STATEMENT_MS = 300;
const PATIENT_MS = 60_000;

const engines: [name: string, dialect: Dialect, open: (statementMs: number) => Promise<Subject>][] = [
  ['PostgreSQL', 'postgres', openPostgres],
  ['DuckDB', 'duckdb', openDuckdb],
  ['SQLite', 'sqlite', openSqlite],
  ...(hasMariadb ? [['MariaDB', 'mysql', openMariadb] satisfies [string, Dialect, typeof openMariadb]] : []),
];

describe('what the guard lets through changes nothing and shows no file', () => {
  it.each(engines)(
    'on %s',
    async (name, dialect, open) => {
      const subject = await open(STATEMENT_MS);
      const count = { made: 0, passed: 0, ran: 0 };
      try {
        const { seeds, mark } = subject;
        const whole = seeds.honest.length + seeds.hostile.length + seeds.poison.length;
        const before = await subject.state();
        for (const sql of statements(randomOf(seed), seeds, runs || whole + RUNS)) {
          count.made++;
          if ((await checkSql(sql, dialect)) !== null) continue;
          count.passed++;
          const { ran, shown } = await subject.run(bindParameters(sql, dialect, { n: 1, text: 'x' }));
          if (ran) count.ran++;
          const told = `FUZZ_SEED=${seed}, statement ${count.made}: ${JSON.stringify(sql)}`;
          expect(await subject.state(), told).toBe(before);
          expect(mark.exec(shown)?.[0] ?? '', told).toBe('');
        }
        expect(count.passed).toBeGreaterThanOrEqual(seeds.honest.length);
        expect(count.ran).toBeGreaterThan(0);
      } finally {
        process.stdout.write(`fuzz ${name}: FUZZ_SEED=${seed}, ${JSON.stringify(count)}\n`);
        await subject.close();
      }
    },
    runs ? 86_400_000 : 600_000,
  );
});

describe('what the guard must stop leaves a trace that the fuzz sees', () => {
  it.each(engines)('on %s', { timeout: 600_000 }, async (_, dialect, open) => {
    const subject = await open(PATIENT_MS);
    try {
      const { seeds, mark } = subject;
      const unseen: string[] = [];
      for (const sql of [...seeds.hostile, ...seeds.poison.map((expression) => `SELECT ${expression}`)]) {
        expect(await checkSql(sql, dialect), sql).not.toBeNull();
        const before = await subject.state();
        const { shown } = await subject.run({ sql, values: [] });
        if ((await subject.state()) === before && !mark.test(shown)) unseen.push(`${sql}: ${shown.slice(0, 200)}`);
        await subject.run({ sql: 'ROLLBACK', values: [] });
      }
      expect(unseen).toEqual([]);
    } finally {
      await subject.close();
    }
  });
});
