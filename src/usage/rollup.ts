/** Sums of usage events that are kept: each a table, one row for all events that have its keys in common. */
export interface Rollup {
  table: string;
  /** Columns of the primary key, and what else is the same in all those events; in the order that rows are locked in. */
  keys: Record<string, string>;
  values: Record<string, Value>;
  /** What a row is called: SQL over the keys. */
  title: string;
}

/** How a value comes out of events, how a stored one takes in more, and what it is without any. */
interface Value {
  of: string;
  with(stored: string, more: string): string;
  none: string;
}

const sum = (of: string): Value => ({ of, with: (stored, more) => `${stored} + ${more}`, none: '0' });

const seller = { sellerCompanyId: '"sellerCompanyId"' };
const buyer = { buyerCompanyId: '"buyerCompanyId"' };
const product = { productId: 'coalesce("assetId", "endpointId")' };
const counts = { runs: sum('count(*)'), successes: sum('count(*) filter (where "isSuccess")') };

const hours: Rollup = {
  table: 'UsageRollup',
  keys: {
    ...seller,
    hour: `date_trunc('hour', at, 'UTC')`,
    ...product,
    ...buyer,
    isEndpoint: '"endpointId" is not null',
  },
  values: {
    ...counts,
    credits: sum('sum(credits)'),
    earningsCents: sum('sum("earningsCents")'),
    rows: sum('coalesce(sum("rowCount") filter (where "isSuccess"), 0)'),
  },
  title: `format('Usage rollup of seller %s, buyer %s, product %s, %s', "sellerCompanyId", "buyerCompanyId", "productId", to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))`,
};

const buyers: Rollup = {
  table: 'BuyerTotal',
  keys: { ...seller, ...buyer },
  values: {
    ...counts,
    credits: sum('sum(credits)'),
    firstSuccessAt: {
      of: 'min(at) filter (where "isSuccess")',
      with: (stored, more) => `least(${stored}, ${more})`,
      none: 'never',
    },
  },
  title: `format('Total of seller %s, buyer %s', "sellerCompanyId", "buyerCompanyId")`,
};

const months: Rollup = {
  table: 'BuyerMonth',
  keys: { ...buyer, month: `date_trunc('month', at, 'UTC')` },
  values: { successes: counts.successes },
  title: `format('Month %s of buyer %s', to_char(month at time zone 'UTC', 'YYYY-MM'), "buyerCompanyId")`,
};

const products: Rollup = {
  table: 'ProductTotal',
  keys: { ...product, ...buyer },
  values: {
    ...counts,
    lastRunAt: { of: 'max(at)', with: (stored, more) => `greatest(${stored}, ${more})`, none: 'never' },
  },
  title: `format('Total of product %s, buyer %s', "productId", "buyerCompanyId")`,
};

/**
 * By hour of UTC, which days of all time zones are made of but for the parts of an hour; by month, for quotas; and of
 * all time, which does not grow with the years.
 */
export const rollups = [hours, buyers, months, products];

const quoted = (names: string[]): string => names.map((name) => `"${name}"`).join(', ');

/** Adds events, a table or CTE, to a rollup. Rows are taken in the order of their keys, so that writers wait for each other. */
export function addSql({ table, keys, values }: Rollup, events: string): string {
  const names = [...Object.keys(keys), ...Object.keys(values)];
  const groups = Object.keys(keys).map((_, i) => i + 1);
  const more = Object.entries(values).map(
    ([name, value]) => `"${name}" = ${value.with(`r."${name}"`, `excluded."${name}"`)}`,
  );
  return `insert into "${table}" as r (${quoted(names)})
    select ${[...Object.values(keys), ...Object.values(values).map(({ of }) => of)].join(', ')}
    from ${events} group by ${groups.join(', ')} order by ${groups.join(', ')}
    on conflict on constraint "${table}_pkey" do update set ${more.join(', ')}`;
}
