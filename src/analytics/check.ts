import type { RunQuery } from '../database/db.ts';
import { rollups, type Rollup } from '../usage/rollup.ts';

/** More differences of a rollup than this are not told. */
const MOST = 100;

/** Instants as they are told, numbers as they are. */
const textOf = (value: string, none: string): string =>
  none === '0' ? `${value}::text` : `to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

function checkSql({ table, keys, values, title }: Rollup): string {
  const names = Object.keys(keys).map((name) => `"${name}"`);
  const raw = [
    ...Object.entries(keys).map(([name, of]) => `${of} as "${name}"`),
    ...Object.entries(values).map(([name, { of }]) => `${of} as "${name}"`),
  ];
  const wrong = Object.entries(values).map(([name, { none }]) => {
    const [stored, events] = [`r."${name}"`, `raw."${name}"`].map(
      (value) => `coalesce(${textOf(value, none)}, '${none}')`,
    );
    return `case when ${stored} <> ${events} then '${name} ' || ${stored} || ', events say ' || ${events} end`;
  });
  return `select * from (
    select ${title} as title, concat_ws('; ', ${wrong.join(', ')}) as wrong, ${names.join(', ')}
    from "${table}" r full join (select ${raw.join(', ')} from "UsageEvent" group by ${names.map((_, i) => i + 1).join(', ')}) raw using (${names.join(', ')})) c
  where wrong <> '' order by ${names.join(', ')} limit ${MOST}`;
}

/**
 * Compares the rollups with the raw events, for all companies: for operators, not for requests, since it reads every
 * event. Answers a line for each row that differs, at most 100 of a rollup; none where they agree.
 */
export async function checkRollups(query: RunQuery): Promise<string[]> {
  const lines: string[] = [];
  for (const rollup of rollups) {
    const rows = await query<{ title: string; wrong: string }>(checkSql(rollup), []);
    lines.push(...rows.map(({ title, wrong }) => `${title}: ${wrong}.`));
  }
  return lines;
}
