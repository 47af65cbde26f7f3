// Makes a company and prints its OWNER key, this once: `npm run --silent company:create -- --handle acme --email me@acme.com`.
import { parseArgs } from 'node:util';
import { createCompany } from '../src/companies/create.ts';
import { withApp } from './with-app.ts';

const options = { handle: { type: 'string' }, email: { type: 'string' }, name: { type: 'string' } } as const;
await withApp(async (app) => {
  const { handle, email, name } = parseArgs({ options }).values;
  if (!handle || !email) {
    throw new Error('Usage: npm run --silent company:create -- --handle acme --email me@acme.com [--name "Acme Ltd"]');
  }
  console.log((await createCompany(app, { handle, email, name })).secret);
});
