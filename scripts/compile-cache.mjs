// Loaded before the server by `npm start`: what Node makes of the sources is kept for the next start, which then needs
// neither the compiler of TypeScript nor its memory. Where the directory cannot be written, nothing is kept.
import { enableCompileCache } from 'node:module';
import path from 'node:path';

enableCompileCache(path.join(import.meta.dirname, '../node_modules/.cache/compiled'));
