import { realpathSync } from 'node:fs';
import path from 'node:path';
import { viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { CredentialType, StorageEngine } from '../generated/prisma/client.ts';
import { EngineError, type Engine } from '../warehouse/engine.ts';
import { lastFourOf, splitSettings, type SplitSettings } from './credentials.ts';
import { connectionPlace } from './open.ts';

const invalid = (message: string, ...at: string[]): DomainError =>
  new DomainError('VALIDATION', message, { path: ['input', ...at] });

/** The engine of this gateway for a storage engine. @throws DomainError UNSUPPORTED on `engineId` where it has none. */
export function driverOf(ctx: Context, row: StorageEngine): Engine {
  const at = ['input', 'engineId'];
  if (!row.driver || !ctx.app.engines.has(row.driver))
    throw new DomainError('UNSUPPORTED', row.unavailableReason ?? `There is no driver for ${row.serviceName}.`, {
      path: at,
    });
  return ctx.app.engines.get(row.driver);
}

/** How a connection signs in: as asked, or the usual way of its engine. @throws DomainError VALIDATION */
export function credentialTypeOf(row: StorageEngine, asked: CredentialType | null): CredentialType {
  const type = asked ?? row.credentialTypes[0] ?? 'NONE';
  if (!row.credentialTypes.includes(type))
    throw invalid(`${row.serviceName} takes ${row.credentialTypes.join(', ')}.`, 'credentialType');
  return type as CredentialType;
}

const realPath = (file: string): string | null => {
  try {
    return realpathSync(file);
  } catch {
    return null;
  }
};

/** A database file belongs to the company whose connection named it first: its rows are not for another's connection. */
async function checkFile(ctx: Context, settings: Record<string, unknown>): Promise<void> {
  const file = String(settings['path']);
  const others = await ctx.query<{ path: string }>(
    `select distinct settings->>'path' as path from "Connection" where "companyId" <> $1::uuid and settings->>'path' like '%' || $2::text limit 100`,
    [viewerOf(ctx).companyId, path.basename(file).replace(/[\\%_]/g, '\\$&')],
  );
  // A path may be relative to the directory of the warehouses.
  const resolved = (given: string): string => path.resolve(ctx.app.config.DATA_DIR, 'warehouses', given);
  const real = realPath(resolved(file));
  if (others.some((other) => resolved(other.path) === resolved(file) || realPath(resolved(other.path)) === real)) {
    throw invalid('The path is not that of a database file in an allowed directory.', 'credentials', 'path');
  }
}

/**
 * Settings that the driver takes by a credential type, parted into what may be read and what is secret.
 * @throws DomainError VALIDATION, also for a database file that another company connected first.
 */
export async function checkedSettings(
  ctx: Context,
  engine: Engine,
  type: CredentialType,
  settings: Record<string, unknown>,
  credentials: Record<string, unknown>,
): Promise<SplitSettings> {
  const split = splitSettings(engine.name, type, engine.secretSettings, settings, credentials);
  try {
    engine.checkSettings({ ...split.settings, ...split.secrets });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const name = Object.keys({ ...settings, ...credentials }).find((member) => error.message.includes(member));
    throw invalid([error.message, error.hint].filter(Boolean).join(' '), 'credentials', ...(name ? [name] : []));
  }
  if (typeof split.settings['path'] === 'string') await checkFile(ctx, split.settings);
  return split;
}

/** What is stored of secrets: sealed for the connection's own row, and what is shown of them. */
export function sealedSecrets(
  ctx: Context,
  id: string,
  secrets: Record<string, unknown>,
): { sealedCredentials: Buffer<ArrayBuffer> | null; credentialsLastFour: string | null } {
  if (Object.keys(secrets).length === 0) return { sealedCredentials: null, credentialsLastFour: null };
  return {
    sealedCredentials: ctx.app.sealer.seal(secrets, connectionPlace(id)),
    credentialsLastFour: lastFourOf(secrets),
  };
}
