// Writes docs/operations.md from the tables of test/operations: for each operation of the REST API, what does it here.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, print } from 'graphql';
import { groups } from '../test/operations/index.ts';
import type { Kept, Row } from '../test/operations/row.ts';

/** What earlier rows leave is named, in place of its value: `<apiKeyId>`. */
const named = new Proxy<Kept>({}, { get: (_, name) => `<${String(name)}>` });

const byId = (rows: Row[]): Row[] => rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));

function example(row: Row): string {
  const variables = row.variables?.(named);
  const callers = { seller: '', buyer: ', as the buyer', anonymous: ', without a credential', session: ', signed in' };
  return [
    `<details id="${row.id.toLowerCase()}">`,
    `<summary>${row.id} <code>${row.field}</code>${callers[row.as ?? 'seller']}</summary>`,
    '',
    '```graphql',
    print(parse(row.document)),
    '```',
    ...(variables ? ['', '```json', JSON.stringify(variables, null, 2), '```'] : []),
    '',
    '</details>',
    '',
  ].join('\n');
}

/** The whole page, as it has to be in docs/operations.md. */
export function printedOperations(): string {
  const count = groups.flatMap((group) => group.rows).length;
  const sections = groups.map(({ name, rows }) =>
    [
      `## ${name}`,
      '',
      '| Operation | REST | Field | Meaning |',
      '|---|---|---|---|',
      ...byId(rows).map(
        (row) => `| [${row.id}](#${row.id.toLowerCase()}) | \`${row.rest}\` | \`${row.field}\` | ${row.what} |`,
      ),
      '',
      ...byId(rows).map(example),
    ].join('\n'),
  );
  return [
    '# From the REST API to the graph',
    '',
    `Each of the ${count} operations of the REST API, the field that does it, and a document to begin with. A field of a type,`,
    'such as `asset.prices`, is reached through what leads there: the document shows the way. The company is always that of',
    'the credential; roles and permissions stand in the descriptions of the fields.',
    '',
    'The documents run on the demo market of `npm start`, as the seller unless said. What stands in angle brackets was made by',
    'an earlier operation of the group, or is yours. `npm run check:operations` runs them all; this page is printed from the',
    'same tables by `node scripts/print-operations.ts`.',
    '',
    ...sections,
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

if (import.meta.main) writeFileSync(path.join(import.meta.dirname, '../docs/operations.md'), printedOperations());
