import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Connection } from '../generated/prisma/client.ts';
import type { ConnectionTarget, Engine } from '../warehouse/engine.ts';

/** All that a run on a connection needs. */
export interface OpenConnection {
  engine: Engine;
  target: ConnectionTarget;
  timeoutMs: number;
  connection: Pick<Connection, 'id' | 'credentialsVersion'>;
}

/** The place that the credentials of a connection are sealed for. */
export const connectionPlace = (id: string): string => `Connection/sealedCredentials/${id}`;

/** The name under which an engine keeps what it pools for a connection and one version of its credentials. */
export const targetKey = (connection: Pick<Connection, 'id' | 'credentialsVersion'>): string =>
  `${connection.id}:${connection.credentialsVersion}`;

/** A connection and its engine as they are stored, the credentials sealed, as base64. */
interface Found {
  id: string;
  credentialsVersion: number;
  settings: Record<string, unknown>;
  sealed: string | null;
  timeoutMs: number | null;
  driver: string | null;
  serviceName: string;
  unavailableReason: string | null;
}

const foundBy = (id: string, company: string): string =>
  `(select json_build_object('id', t.id, 'credentialsVersion', t."credentialsVersion", 'settings', t.settings, 'sealed', encode(t."sealedCredentials", 'base64'),
      'timeoutMs', t."timeoutMs", 'driver', e.driver, 'serviceName', e."serviceName", 'unavailableReason', e."unavailableReason")
    from "Connection" t join "StorageEngine" e on e.id = t."engineId" where t.id = ${id} and t."companyId" = ${company} and t.active)`;

/** What `rowBy` reads of a product beside it: its connection, for `keepConnection`. */
export const CONNECTED = `${foundBy('r."connectionId"', 'r."companyId"')} as connected`;
export interface Connected {
  companyId: string;
  connectionId: string | null;
  connected: Found | null;
}

const placeOf = (id: string, companyId: string): string => `connection ${companyId} ${id}`;

/** Keeps the connection that came with a product, for the rest of the request. */
export function keepConnection(ctx: Context, { companyId, connectionId, connected }: Connected): void {
  if (connectionId && connected) ctx.cache.set(placeOf(connectionId, companyId), Promise.resolve(connected));
}

async function find(ctx: Context, id: string, companyId: string): Promise<Found | null> {
  const [row] = await ctx.query<{ found: Found | null }>(`select ${foundBy('$1::uuid', '$2::uuid')} as found`, [
    id,
    companyId,
  ]);
  return row?.found ?? null;
}

/** The secret members of a connection's settings, opened; empty where it has none. */
export function openSecrets(
  ctx: Context,
  connection: Pick<Connection, 'id' | 'sealedCredentials'>,
): Record<string, unknown> {
  if (!connection.sealedCredentials) return {};
  return ctx.app.sealer.open(connection.sealedCredentials, connectionPlace(connection.id)) as Record<string, unknown>;
}

/**
 * Makes a connection of the seller ready for a run: its engine, its settings with the secrets opened, its time limit.
 * Nothing is connected yet. The caller must have checked that the seller's product may be run.
 * @throws DomainError CONNECTION_FAILED where the seller has no such connection or this gateway no driver for it.
 */
export async function openConnection(ctx: Context, connectionId: string, companyId: string): Promise<OpenConnection> {
  const kept = ctx.cache.get(placeOf(connectionId, companyId)) as Promise<Found> | undefined;
  const found = await (kept ?? find(ctx, connectionId, companyId));
  if (!found)
    throw new DomainError('CONNECTION_FAILED', 'The connection does not exist any more.', {
      details: { stage: 'SETTINGS' },
    });
  const { id, credentialsVersion, driver, serviceName, unavailableReason, sealed } = found;
  if (!driver || !ctx.app.engines.has(driver)) {
    throw new DomainError('CONNECTION_FAILED', unavailableReason ?? `There is no driver for ${serviceName}.`, {
      details: { stage: 'SETTINGS' },
    });
  }
  const sealedCredentials = sealed === null ? null : Buffer.from(sealed, 'base64');
  const settings = { ...found.settings, ...openSecrets(ctx, { id, sealedCredentials }) };
  const connection = { id, credentialsVersion };
  return {
    engine: ctx.app.engines.get(driver),
    target: { key: targetKey(connection), settings },
    timeoutMs: found.timeoutMs ?? ctx.app.config.RUN_TIMEOUT_MS,
    connection,
  };
}
