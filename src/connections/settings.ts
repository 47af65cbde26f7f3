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

const isSameOrUnder = (root: string, file: string): boolean =>
  file === root || file.startsWith(root.endsWith(path.sep) ? root : root + path.sep);

/** Files belong to the company whose connection named them first, a folder with all in it: no rows for another's connection. */
async function checkFile(ctx: Context, settings: Record<string, unknown>): Promise<void> {
  const root = path.resolve(ctx.app.config.DATA_DIR, 'warehouses');
  // A path may be relative to the directory of the warehouses.
  const placesOf = (given: string): string[] => {
    const resolved = path.resolve(root, given);
    return [resolved, realPath(resolved) ?? resolved];
  };
  const own = placesOf(String(settings['path']));
  // What overlaps begins with the same name below the directory.
  const roots = [root, realPath(root) ?? root];
  const tops = own.flatMap((place) => roots.map((at) => path.relative(at, place).split(path.sep)[0] ?? ''));
  const others = await ctx.query<{ path: string }>(
    `select distinct settings->>'path' as path from "Connection" where "companyId" <> $1::uuid and settings->>'path' like any ($2::text[]) limit 1000`,
    [viewerOf(ctx).companyId, tops.map((top) => `%${top.replace(/[\\%_]/g, '\\$&')}%`)],
  );
  const overlaps = (a: string, b: string): boolean => isSameOrUnder(a, b) || isSameOrUnder(b, a);
  if (others.some((other) => placesOf(other.path).some((theirs) => own.some((ours) => overlaps(ours, theirs))))) {
    const what = settings['tables'] === undefined ? 'database file' : 'folder';
    throw invalid(`The path is not that of a ${what} in an allowed directory.`, 'credentials', 'path');
  }
}

/**
 * Settings that the driver takes by a credential type, parted into what may be read and what is secret.
 * @throws DomainError VALIDATION, also for files that another company connected first.
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
