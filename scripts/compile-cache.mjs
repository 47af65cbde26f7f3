// Loaded before the server by `npm start`: what Node makes of the sources is kept for the next start, which then needs
// neither the compiler of TypeScript nor its memory. The first start finds what the install has left (`npm run compile`).
// Where the directory cannot be written, nothing is kept.
import { enableCompileCache, flushCompileCache } from 'node:module';
import path from 'node:path';

enableCompileCache(path.join(import.meta.dirname, '../node_modules/.cache/compiled'));
// Node keeps it when the process ends; one that is killed should leave it, too.
setTimeout(flushCompileCache, 5000).unref();
