import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const page = readFileSync(path.join(root, 'docs/engines.md'), 'utf8');
const tests = (file: string): string => readFileSync(path.join(root, 'test', file), 'utf8');

/** Cells of the tables whose columns are files of tests: the ability, the file, the titles. */
const cells = page.split('\n\n').flatMap((block) => {
  const rows = block.split('\n').map((line) => line.split('|').slice(1, -1));
  const [head = [], , ...body] = rows;
  return body.flatMap(([ability = '', ...rest]) =>
    rest.flatMap((cell, c) => {
      const file = /`([\w.]+\.test\.ts)`/.exec(head[c + 1] ?? '')?.[1];
      const titles = [...cell.matchAll(/`([^`]+)`/g)].map(([, title]) => title ?? '');
      return file ? [{ ability: ability.trim(), file, titles }] : [];
    }),
  );
});

describe('the page of engines', () => {
  // The twelve, and what a test run samples.
  it('has all abilities, none of them without a test', () => {
    const abilities = [...new Set(cells.map(({ ability }) => ability))];
    expect(abilities).toHaveLength(13);
    expect(cells.filter(({ titles }) => titles.length === 0)).toEqual([]);
  });

  it('names tests that there are', () => {
    const missing = cells.flatMap(({ file, titles }) =>
      titles.filter((title) =>
        title.endsWith('.ts') ? !existsSync(path.join(root, 'test', title)) : !tests(file).includes(`'${title}'`),
      ),
    );
    expect(missing).toEqual([]);
  });

  it('names the engines that run them', () => {
    const described: Record<string, RegExp[]> = {
      'warehouse.contract.test.ts': [
        /describe\('DuckDB'/,
        /describe\('SQLite'/,
        /PostgreSQL \(/,
        /Redshift \(/,
        /MariaDB \(/,
        /SQL Server \(/,
      ],
      'helpers/engine-fixtures.ts': [
        /'bigquery'/,
        /'snowflake'/,
        /'databricks'/,
        /'clickhouse'/,
        /'trino'/,
        /'athena'/,
      ],
      'connections.engines.fixtures.ts': [
        ...page.matchAll(/^\| \| ([\w, ]+): `connections\.engines\.test\.ts`/gm),
      ].flatMap(([, names = '']) => names.split(', ').map((name) => new RegExp(`engine: '${name}'`))),
    };
    expect(described['connections.engines.fixtures.ts']).toHaveLength(12);
    for (const [file, patterns] of Object.entries(described))
      expect(patterns.filter((pattern) => !pattern.test(tests(file)))).toEqual([]);
  });
});
