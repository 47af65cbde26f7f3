/** A `pg` module, whoever's copy. */
interface Pg {
  Client: { prototype: { query(...input: unknown[]): unknown } };
}

let statements = 0;

export const countStatement = (): number => ++statements;

/**
 * Counts the statements that this process sends, before its first connection. All servers count the same way: calls
 * of `query` on a connection, `begin` and `commit` too.
 */
export function countStatements(pg: Pg): void {
  const send = pg.Client.prototype.query;
  pg.Client.prototype.query = function query(this: object, ...input: unknown[]): unknown {
    statements++;
    return send.apply(this, input);
  };
}

/** Tells the benchmark where this server listens, answers how many statements it has sent, and ends with it. */
export function serve(address: { port: number } | string | null): void {
  process.on('message', () => process.send?.({ statements }));
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port: (address as { port: number }).port });
}
