import { EngineError } from './engine.ts';

const EVERY_MS = 20;
/** More than any server sends before it lets in. */
export const LOGIN_BYTES = 1024 * 1024;

/** A server that does not stop talking while it should let in. */
export function tooMuch(): EngineError {
  return new EngineError('CONNECTION_FAILED', 'The server sends far more than a login takes.', {
    stage: 'LOGIN',
    hint: 'Check that the host and the port are those of the database.',
  });
}

/**
 * Watches how much a server sends: drivers put a message together in memory however long it gets. Calls `excess` once
 * where more than `limit` bytes came since now. @returns what ends the watch
 */
export function watchFlood(received: () => number, limit: number, excess: () => void): () => void {
  const before = received();
  const timer = setInterval(() => {
    if (received() - before <= limit) return;
    clearInterval(timer);
    excess();
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
