import type { renderPicture as Render } from './render.ts';

/** Draws a picture. What draws is loaded with the first one: the start of the gateway does not wait for it. */
export const renderPicture: typeof Render = async (...of) => (await import('./render.ts')).renderPicture(...of);

let last: Promise<unknown> = Promise.resolve();
const breathe = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/**
 * Draws when all that was asked for before is drawn. A large picture is a tenth of a second of the process: many at once
 * would be one long pause for everybody, one after another lets the others in between.
 */
export function inTurn<T>(draw: () => Promise<T>): Promise<T> {
  const mine = last.then(draw);
  last = mine.then(breathe, breathe);
  return mine;
}
