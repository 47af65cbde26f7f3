// Writes schema.graphql, which a test compares with the schema that runs.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { printedSchema } from '../src/graph/print-schema.ts';

writeFileSync(path.join(import.meta.dirname, '../schema.graphql'), printedSchema());
