import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Connection } from '../generated/prisma/client.ts';
import { columnsOf } from '../lists/selection.ts';
import type { ConnectionTarget, Engine } from '../warehouse/engine.ts';

/** A connection without its stored catalogue, which is large and which no run needs. */
export type ConnectionRow = Omit<Connection, 'informationSchema'>;

/** All that a run on a connection needs. */
export interface OpenConnection {
  engine: Engine;
  target: ConnectionTarget;
  timeoutMs: number;
  connection: ConnectionRow;
}

/** The place that the credentials of a connection are sealed for. */
export const connectionPlace = (id: string): string => `Connection/sealedCredentials/${id}`;

/** The name under which an engine keeps what it pools for a connection and one version of its credentials. */
export const targetKey = (connection: Pick<Connection, 'id' | 'credentialsVersion'>): string =>
  `${connection.id}:${connection.credentialsVersion}`;

const SQL = `select ${columnsOf('Connection', false)}, t."sealedCredentials", e.driver, e."serviceName", e."unavailableReason"
  from "Connection" t join "StorageEngine" e on e.id = t."engineId" where t.id = $1::uuid and t."companyId" = $2::uuid and t.active`;

type Found = ConnectionRow & { driver: string | null; serviceName: string; unavailableReason: string | null };

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
  const [found] = await ctx.query<Found>(SQL, [connectionId, companyId]);
  if (!found)
    throw new DomainError('CONNECTION_FAILED', 'The connection does not exist any more.', {
      details: { stage: 'SETTINGS' },
    });
  const { driver, serviceName, unavailableReason, ...connection } = found;
  if (!driver || !ctx.app.engines.has(driver)) {
    throw new DomainError('CONNECTION_FAILED', unavailableReason ?? `There is no driver for ${serviceName}.`, {
      details: { stage: 'SETTINGS' },
    });
  }
  const settings = { ...(connection.settings as Record<string, unknown>), ...openSecrets(ctx, connection) };
  return {
    engine: ctx.app.engines.get(driver),
    target: { key: targetKey(connection), settings },
    timeoutMs: connection.timeoutMs ?? ctx.app.config.RUN_TIMEOUT_MS,
    connection,
  };
}
