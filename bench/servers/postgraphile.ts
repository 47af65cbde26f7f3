/** PostGraphile 5 with its Amber preset, on the same tables. */
import { createServer } from 'node:http';
import pg from 'pg';
import { postgraphile } from 'postgraphile';
import { grafserv } from 'postgraphile/grafserv/node';
import { makePgService } from 'postgraphile/adaptors/pg';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { jsonPgSmartTags } from 'postgraphile/utils';
import { countStatements, serve } from '../lib/serve.ts';

countStatements(pg as never);
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const tags = jsonPgSmartTags({
  version: 1,
  config: { class: { Asset: { tags: { foreignKey: '("userId") references "User" (id)' } } } },
} as never);
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [tags],
  // Sorting by (companyId, createdAt, id) is served by an index, which this plugin does not see.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: { explain: false },
} as never);
const server = createServer();
server.on('error', (error) => process.stderr.write(`${String(error)}\n`));
const serv = instance.createServ(grafserv) as { addTo(server: unknown): Promise<void>; ready?(): Promise<void> };
await serv.addTo(server);
await serv.ready?.();
server.listen(0, '127.0.0.1', () => serve(server.address()));
