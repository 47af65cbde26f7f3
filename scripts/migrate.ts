// Applies the migrations and brings reference data up to date, as every start does.
import { withApp } from './with-app.ts';

await withApp(async () => console.log('The database is up to date.'));
