// Prints a fresh key of the demo market and nothing else: `npm run --silent demo:key -- seller OWNER`.
import { issueDemoKey } from '../src/demo.ts';
import { withApp } from './with-app.ts';

const [company = 'seller', role = 'OWNER'] = process.argv.slice(2);
await withApp(async (app) => console.log(await issueDemoKey(app, company, role.toUpperCase())));
