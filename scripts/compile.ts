// What Node makes of the sources is kept (compile-cache.mjs) when this has loaded them: all that a start needs, and what
// it leaves to the first that needs it.
await Promise.all([
  import('../src/serve.ts'),
  import('../src/demo.ts'),
  import('../src/charts/render.ts'),
  import('../src/endpoints/compile.ts'),
  import('../src/limits/key-counters.ts'),
  import('../src/warehouse/sql-parser-worker.ts'),
  import('../src/warehouse/sql-tree.ts'),
  import('../src/warehouse/postgres-tree.ts'),
]);
