import { viewerOf, type Context, type Viewer } from '../context.ts';
import { DomainError } from '../errors.ts';

/** A caller that is a person: a session, or a key of one. */
export type Person = Viewer & { userId: string };

/** The caller as a person, for what belongs to people. @throws DomainError FORBIDDEN for a key without a user. */
export function personOf(ctx: Context): Person {
  const viewer = viewerOf(ctx);
  if (viewer.userId === null) {
    throw new DomainError(
      'FORBIDDEN',
      'This belongs to people, and your API key belongs to no user: take a key that was made for one, or sign in.',
    );
  }
  return viewer as Person;
}

/** Whether the caller may see the personal things of all users of the company: administrators do. */
export function mayOversee(viewer: Viewer): boolean {
  return viewer.permissions.has('users:write');
}

/** @throws DomainError FORBIDDEN where the caller is neither that user nor an administrator. */
export function demandOwn(ctx: Context, userId: string): void {
  const viewer = viewerOf(ctx);
  if (viewer.userId !== userId && !mayOversee(viewer)) {
    throw new DomainError('FORBIDDEN', 'Only they themselves and administrators see this of a user.');
  }
}
