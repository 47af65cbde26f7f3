/**
 * Makes bench/generated: the Prisma client of the peers, from the gateway's own models and with the one relation that
 * Prisma's way of reading needs and ours does not (an asset's owner).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');

export function generatePeers(): void {
  const dir = path.join(import.meta.dirname, 'generated');
  const file = path.join(dir, 'schema.prisma');
  const models = globSync('prisma/models/*.prisma', { cwd: root })
    .sort()
    .map((name) => readFileSync(path.join(root, name), 'utf8'))
    .join('\n');
  const related = models
    .replace(/^(model Asset \{\n)/m, '$1  owner User? @relation(fields: [userId], references: [id])\n')
    .replace(/^(model User \{\n)/m, '$1  assets Asset[]\n');
  const schema = `generator client {
  provider = "prisma-client"
  output = "./prisma"
  runtime = "nodejs"
  moduleFormat = "esm"
  generatedFileExtension = "ts"
  importFileExtension = "ts"
}
generator pothos {
  provider = "prisma-pothos-types"
  clientOutput = "./prisma/client.ts"
  output = "./pothos.ts"
  generateDatamodel = true
  documentation = false
}
datasource db {
  provider = "postgresql"
}
${related}`;
  if (existsSync(file) && readFileSync(file, 'utf8') === schema && existsSync(path.join(dir, 'pothos.ts'))) return;
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, schema);
  // As the root's prisma.config.ts has it: the CLI would download its native engine.
  const engine = path.join(root, 'scripts/schema-engine.ts');
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: engine,
    PATH: `${path.join(import.meta.dirname, 'node_modules/.bin')}${path.delimiter}${process.env['PATH']}`,
  };
  try {
    execFileSync(
      process.execPath,
      [path.join(root, 'node_modules/prisma/build/index.js'), 'generate', `--schema=${file}`],
      { cwd: import.meta.dirname, env, stdio: 'pipe' },
    );
  } catch (error) {
    writeFileSync(file, '');
    throw error;
  }
}
