import { connectionPlace } from '../connections/open.ts';
import type { Database, RunQuery } from '../database/db.ts';
import { rewrap } from '../secrets.ts';

/** The sealing key until now and from now on, 32 bytes each. */
export interface Masters {
  from: Buffer;
  to: Buffer;
}

/** What became of the sealed values of a table. `unreadable` names rows that neither key opens; they stay as they are. */
export interface Rotated {
  table: string;
  rewrapped: number;
  kept: number;
  dropped: number;
  unreadable: string[];
}

/** A column of sealed values: the key of its table, and the place that a value is sealed for. */
interface Sealed {
  table: string;
  column: string;
  key: { name: string; type: string }[];
  place(...key: string[]): string;
}

const ID = [{ name: 'id', type: 'uuid' }];
const columns: Sealed[] = [
  { table: 'Connection', column: 'sealedCredentials', key: ID, place: (id = '') => connectionPlace(id) },
  {
    table: 'Integration',
    column: 'sealedCredentials',
    key: ID,
    place: (id = '') => `Integration/sealedCredentials/${id}`,
  },
  {
    table: 'IdempotencyKey',
    column: 'answer',
    key: [
      { name: 'companyId', type: 'uuid' },
      { name: 'key', type: 'text' },
    ],
    place: (...key) => `IdempotencyKey/answer/${key.join('/')}`,
  },
];

const PAGE = 500;

/** A row's key as SQL, and what it is compared to. */
function keyOf({ key }: Sealed): { names: string; given: string } {
  return {
    names: key.map(({ name }) => `"${name}"`).join(', '),
    given: key.map(({ type }, i) => `$${i + 1}::${type}`).join(', '),
  };
}

async function rotateRow(
  query: RunQuery,
  of: Sealed,
  id: string[],
  masters: Masters,
): Promise<'rewrapped' | 'kept' | 'unreadable' | null> {
  const { names, given } = keyOf(of);
  const [row] = await query<{ sealed: Buffer | null }>(
    `select "${of.column}" as sealed from "${of.table}" where (${names}) = (${given}) for update`,
    id,
  );
  // Gone, or emptied, since the keys were read.
  if (!row?.sealed) return null;
  let fresh: Buffer | null;
  try {
    fresh = rewrap(row.sealed, of.place(...id), masters);
  } catch {
    return 'unreadable';
  }
  if (!fresh) return 'kept';
  await query(`update "${of.table}" set "${of.column}" = $${id.length + 1}::bytea where (${names}) = (${given})`, [
    ...id,
    fresh,
  ]);
  return 'rewrapped';
}

/** All rows, deleted ones too: they are sealed as well. */
async function rotateColumn(
  database: Pick<Database, 'query' | 'atomically'>,
  of: Sealed,
  masters: Masters,
): Promise<Rotated> {
  const done: Rotated = { table: of.table, rewrapped: 0, kept: 0, dropped: 0, unreadable: [] };
  const { names, given } = keyOf(of);
  let last: string[] = [];
  for (;;) {
    const page = await database.query<Record<string, string>>(
      `select ${names} from "${of.table}" where "${of.column}" is not null and ${last.length > 0 ? `(${names}) > (${given})` : 'true'} order by ${names} limit ${PAGE}`,
      last,
    );
    for (const row of page) {
      last = of.key.map(({ name }) => row[name] ?? '');
      const id = last;
      const outcome = await database.atomically((query) => rotateRow(query, of, id, masters));
      if (outcome === 'unreadable') done.unreadable.push(id.join('/'));
      else if (outcome) done[outcome]++;
    }
    if (page.length < PAGE) return done;
  }
}

/**
 * Brings every sealed value of the database under another master key, a row a transaction: what was done stays done
 * when it is interrupted, and a second time keeps what is under the new key already. Answers of idempotency keys are
 * kept within their 24 hours, so that nothing is charged twice for the rotation, and dropped after that. Kept results go.
 */
export async function rotateSecrets(
  database: Pick<Database, 'query' | 'atomically'>,
  masters: Masters,
): Promise<Rotated[]> {
  const dropped = await database.query(
    `delete from "IdempotencyKey" where "createdAt" < now() - interval '24 hours' returning 1`,
    [],
  );
  // They are computed anew: nothing of them stays under the old key.
  await database.query('delete from "CachedResult"', []);
  const all: Rotated[] = [];
  for (const of of columns) all.push(await rotateColumn(database, of, masters));
  return all.map((one) => (one.table === 'IdempotencyKey' ? { ...one, dropped: dropped.length } : one));
}
