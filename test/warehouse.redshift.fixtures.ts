import pg from 'pg';
import { openRedshiftProxy, REDSHIFT_VIEWS, type RedshiftProxy } from './helpers/redshift-proxy.ts';
import { name, postgres, SECRET, SHOP, type Fixture } from './warehouse.fixtures.ts';

const server = { host: '127.0.0.1', user: 'postgres' };
const admin = new pg.Client({ ...server, database: 'postgres' });
let proxy: RedshiftProxy;
/** The same as Redshift has it: a server that knows no more words than that. */
export const redshift: Fixture = {
  ...postgres,
  target: {
    key: `${name}-redshift`,
    settings: { ...postgres.target.settings, database: `${name}_redshift` },
  },
  setUp: async () => {
    proxy = await openRedshiftProxy();
    redshift.target.settings['port'] = proxy.port;
    await admin.connect();
    await admin.query(`CREATE DATABASE ${name}_redshift`);
    await admin.query(`CREATE ROLE ${name}_reader LOGIN PASSWORD '${SECRET}'`);
    const own = new pg.Client({ ...server, database: `${name}_redshift` });
    await own.connect();
    await own.query(`${REDSHIFT_VIEWS} GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${name}_reader; ${SHOP}`);
    await own.end();
  },
  tearDown: async () => {
    await proxy.close();
    await admin.query(`DROP DATABASE ${name}_redshift WITH (FORCE)`);
    await admin.query(`DROP ROLE ${name}_reader`);
    await admin.end();
  },
  // It has no locks that outlast a transaction.
  leaves: [
    "SELECT set_config('extra_float_digits', '-3', false)",
    "SELECT CASE WHEN current_setting('extra_float_digits') = '-3' THEN 'left' END",
  ],
  runs: async (mark) => {
    const sql = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()`;
    return (await admin.query(sql, [`%${mark}%`])).rowCount !== 0;
  },
};
