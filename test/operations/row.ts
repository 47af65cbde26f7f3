import type { FakePlatform } from '../helpers/platform-servers.ts';
import type { OpenIdIssuer } from '../helpers/openid-issuer.ts';
import type { Answer, TestGateway } from '../helpers/gateway.ts';

/** The data of an answer, compared as it comes. */
export type Data = Answer['data'];

/** Who calls: an OWNER of the demo seller or buyer, nobody, or the session that OP-072 begins. */
export type Caller = 'seller' | 'buyer' | 'anonymous' | 'session';

/** Ids and secrets that rows leave for later ones. */
export type Kept = Record<string, string>;

export interface World {
  t: TestGateway;
  kept: Kept;
  /** A receiver of webhooks, for what is published elsewhere. */
  receiver: FakePlatform;
  issuer: OpenIdIssuer;
  /** The API keys that callers have. */
  keys: Record<'seller' | 'buyer', string>;
  /** Sends a document and answers its data; fails on any error, user errors too. */
  ask(document: string, variables?: Record<string, unknown>, as?: Caller): Promise<Data>;
  /** Sends a document that has to be refused: `CODE path.of.it` for each user error of each root field. */
  refused(document: string, variables?: Record<string, unknown>, as?: Caller): Promise<string[]>;
  /** What the database itself says. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

/** An operation of the REST API and what does the same here. */
export interface Row {
  id: `OP-${string}`;
  rest: `${'GET' | 'POST' | 'PATCH' | 'DELETE'} /${string}`;
  /** What it does, in one sentence. */
  what: string;
  /** The field that does it, from the root. */
  field: string;
  document: string;
  variables?: (kept: Kept) => Record<string, unknown>;
  /** The demo seller unless said. */
  as?: Caller;
  /** What has to be there before. */
  prepare?: (w: World) => Promise<unknown>;
  /** Compares the answer, and what has changed. */
  check: (data: Data, w: World) => void | Promise<void>;
}

/** A group of operations; the rows stand in the order in which they run. */
export interface Group {
  name: string;
  rows: Row[];
}

/** The user errors that every mutation is asked for. */
export const userErrors = 'userErrors { code message path }';
