import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

// Test code and Pothos would load two copies of graphql: one path for both.
const graphql = createRequire(import.meta.url).resolve('graphql');

export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: graphql }] },
  test: {
    globalSetup: './test/helpers/setup.ts',
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 600_000,
    // What comes at all comes, however busy the machine is.
    expect: { poll: { timeout: 100_000 } },
  },
});
