import { z } from 'zod';
import { DomainError, throwAll } from '../errors.ts';
import type { CredentialType } from '../generated/prisma/client.ts';
import { storageEngines } from '../reference/data.ts';
import { fileTables } from '../warehouse/file-tables.ts';

/** Settings of a connection as they are stored: what may be read, and what is sealed. */
export interface SplitSettings {
  settings: Record<string, unknown>;
  secrets: Record<string, unknown>;
}

const said = (max: number) =>
  z.string('Takes text.').trim().min(1, 'Takes text.').max(max, `At most ${max} characters.`);

const network = z.strictObject({
  host: said(253),
  port: z
    .int('Takes a number from 1 to 65535.')
    .min(1, 'Takes a number from 1 to 65535.')
    .max(65_535, 'Takes a number from 1 to 65535.')
    .optional(),
  database: said(128),
  username: said(128),
  password: z.string('Takes text.').max(4096, 'At most 4096 characters.').optional(),
  tls: z.enum(['REQUIRED', 'DISABLED'], 'Takes REQUIRED or DISABLED.').optional(),
  sslRootCert: said(100_000).optional(),
});

const file = z.strictObject({
  path: said(1000).refine((path) => path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path), 'Takes an absolute path.'),
});
const secret = z.string('Takes text.').min(1, 'Takes text.').max(20_000, 'At most 20000 characters.');
const endpoint = said(500).optional();
/** A number of bytes; as text too, since many are more than a GraphQL Int holds. */
const maximumBytesScanned = z
  .union([z.int().min(1), said(16).regex(/^[1-9]\d*$/)], 'Takes a whole number of bytes.')
  .optional();
const port = network.shape.port;
const tls = network.shape.tls;
const sslRootCert = network.shape.sslRootCert;

/** The JSON key of a Google service account, as Google gives it, and where queries run. */
const bigquery = z.strictObject({
  type: z.literal('service_account').optional(),
  project_id: said(128),
  private_key_id: said(200).optional(),
  private_key: secret,
  client_email: said(320),
  client_id: said(100).optional(),
  auth_uri: said(500).optional(),
  token_uri: said(500).optional(),
  auth_provider_x509_cert_url: said(500).optional(),
  client_x509_cert_url: said(500).optional(),
  universe_domain: said(253).optional(),
  location: said(64).optional(),
  dataset: said(1024).optional(),
  maximumBytesBilled: maximumBytesScanned,
  endpoint,
});
const snowflake = z.strictObject({
  account: said(253),
  username: said(255).optional(),
  warehouse: said(255).optional(),
  database: said(255).optional(),
  schema: said(255).optional(),
  role: said(255).optional(),
  maximumBytesScanned,
  endpoint,
});
const trino = z.strictObject({
  host: said(253),
  port,
  username: said(255),
  catalog: said(255),
  schema: said(255).optional(),
  tls,
  sslRootCert,
  maximumBytesScanned,
});
const athena = z.strictObject({
  region: said(40),
  accessKeyId: said(200),
  secretAccessKey: secret,
  sessionToken: secret.optional(),
  workgroup: said(128).optional(),
  catalog: said(256).optional(),
  database: said(255).optional(),
  outputLocation: said(1000).optional(),
  maximumBytesScanned,
  endpoint,
});

const llm = z.strictObject({
  baseUrl: said(2000),
  model: said(200),
  temperature: z
    .number('Takes a number from 0 to 2.')
    .min(0, 'Takes a number from 0 to 2.')
    .max(2, 'Takes a number from 0 to 2.')
    .optional(),
  maxTokens: z
    .int('Takes a number from 1 to 32000.')
    .min(1, 'Takes a number from 1 to 32000.')
    .max(32_000, 'Takes a number from 1 to 32000.')
    .optional(),
  maxTokensField: z
    .enum(['max_tokens', 'max_completion_tokens'], 'Takes max_tokens or max_completion_tokens.')
    .optional(),
  answerFormat: z.enum(['JSON_SCHEMA', 'JSON_OBJECT', 'NONE'], 'Takes JSON_SCHEMA, JSON_OBJECT or NONE.').optional(),
});

type Shape = z.ZodType<Record<string, unknown>>;

/** The settings that each driver takes; by credential type where they differ. */
const shapes: Record<string, Shape | Partial<Record<CredentialType, Shape>>> = {
  postgres: network,
  mysql: network,
  sqlserver: network.extend({ trustServerCertificate: z.boolean('Takes true or false.').optional() }),
  duckdb: file,
  'duckdb-files': file.extend({ tables: fileTables }),
  sqlite: file,
  clickhouse: network.extend({
    database: said(128).optional(),
    username: said(128).optional(),
    maximumBytesScanned,
  }),
  trino: {
    USERNAME_PASSWORD: trino.extend({ password: secret }),
    OAUTH: trino.extend({ token: secret }),
    NONE: trino,
  },
  databricks: z.strictObject({
    host: said(253),
    token: secret,
    warehouseId: said(100),
    catalog: said(255).optional(),
    schema: said(255).optional(),
    maximumBytesScanned,
    endpoint,
  }),
  bigquery,
  snowflake: {
    KEY_PAIR: snowflake.extend({
      username: said(255),
      privateKey: secret,
      privateKeyPassphrase: secret.optional(),
    }),
    OAUTH: snowflake.extend({ token: secret, tokenType: z.literal('OAUTH', 'Takes OAUTH.').default('OAUTH') }),
    API_KEY: snowflake.extend({
      token: secret,
      tokenType: z
        .literal('PROGRAMMATIC_ACCESS_TOKEN', 'Takes PROGRAMMATIC_ACCESS_TOKEN.')
        .default('PROGRAMMATIC_ACCESS_TOKEN'),
    }),
  },
  athena,
  llm: { API_KEY: llm.extend({ apiKey: said(4096) }), NONE: llm },
  'external-api': z.strictObject({
    baseUrl: said(2000),
    apiKey: said(4096),
    apiKeyHeader: said(60).optional(),
  }),
};

function shapeOf(driver: string, type: CredentialType): Shape | null {
  const found = shapes[driver];
  return (found instanceof z.ZodType ? found : found?.[type]) ?? null;
}

/** A member of a connection's settings and credentials. */
export interface SettingField {
  name: string;
  kind: 'TEXT' | 'NUMBER' | 'BOOLEAN' | 'LIST';
  isRequired: boolean;
  /** The only values it takes; empty for any. */
  allowedValues: string[];
}

const kinds: Record<string, SettingField['kind']> = {
  integer: 'NUMBER',
  number: 'NUMBER',
  boolean: 'BOOLEAN',
  array: 'LIST',
};

/** What a driver takes with a credential type, of settings and credentials together; empty where it takes none. */
export function settingFields(driver: string, type: CredentialType): SettingField[] {
  const shape = shapeOf(driver, type);
  if (!shape) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(shape, { io: 'input' });
  return Object.entries(properties).map(([name, rule]) => {
    const { type: kind = '', const: only, enum: some = [] } = rule as z.core.JSONSchema.JSONSchema;
    const allowedValues = (only === undefined ? some : [only]).map(String);
    return { name, kind: kinds[String(kind)] ?? 'TEXT', isRequired: required.includes(name), allowedValues };
  });
}

/** Of settings that are stored, those that a driver takes with another credential type as well. */
export function stillTaken(
  driver: string,
  type: CredentialType,
  settings: Record<string, unknown>,
): Record<string, unknown> {
  const fields = new Map(settingFields(driver, type).map((field) => [field.name, field.allowedValues]));
  const isTaken = ([name, value]: [string, unknown]): boolean => {
    const allowed = fields.get(name);
    return allowed !== undefined && (allowed.length === 0 || allowed.includes(String(value)));
  };
  return Object.fromEntries(Object.entries(settings).filter(isTaken));
}

/** All drivers with what they take, in words: `?` marks what may be left out. */
export function describeSettings(): string {
  const drivers = Object.groupBy(storageEngines, ({ driver }) => driver ?? '');
  const lines = Object.keys(shapes).flatMap((driver) => {
    const types = new Set(drivers[driver]?.flatMap((engine) => engine.credentialTypes as CredentialType[]));
    const byFields = new Map<string, CredentialType[]>();
    for (const type of types) {
      const names = settingFields(driver, type).map(({ name, isRequired }) => (isRequired ? name : `${name}?`));
      const fields = `{${names.join(', ')}}`;
      byFields.set(fields, [...(byFields.get(fields) ?? []), type]);
    }
    return [...byFields].map(([fields, of]) => `${driver} by ${of.join(' or ')}: \`${fields}\``);
  });
  return `${lines.join('; ')}.`;
}

/** A JSON object, or the text of one. @throws DomainError VALIDATION with that path. */
export function objectOf(given: unknown, path: string[]): Record<string, unknown> {
  let value = given;
  if (typeof given === 'string') {
    try {
      value = JSON.parse(given) as unknown;
    } catch {
      value = null;
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DomainError('VALIDATION', 'Takes a JSON object, or the text of one.', { path });
  }
  return value as Record<string, unknown>;
}

/**
 * Checks settings and credentials of a driver and credential type together and parts what may be read from what is secret.
 * @throws DomainError VALIDATION for each member that is wrong, missing or unknown, with the path of where it was given.
 */
export function splitSettings(
  driver: string,
  type: CredentialType,
  secretNames: string[],
  settings: Record<string, unknown>,
  credentials: Record<string, unknown>,
): SplitSettings {
  const shape = shapeOf(driver, type);
  if (!shape)
    throw new DomainError('UNSUPPORTED', `The driver ${driver} does not sign in by ${type}.`, {
      path: ['input', 'credentialType'],
    });
  const parsed = shape.safeParse({ ...settings, ...credentials });
  if (!parsed.success) {
    throwAll(
      parsed.error.issues.flatMap((issue) => {
        const at = issue.path.map(String);
        const names = issue.code === 'unrecognized_keys' && at.length === 0 ? issue.keys : [at[0] ?? ''];
        return names.map((name) => {
          const from = name in settings && !(name in credentials) ? 'settings' : 'credentials';
          const isMissing = !(name in settings) && !(name in credentials);
          const message =
            issue.code === 'unrecognized_keys'
              ? `${at.length === 0 ? name : issue.keys.join(', ')} is no setting of this engine by ${type}.`
              : isMissing
                ? `${name} is missing.`
                : issue.message;
          return new DomainError('VALIDATION', message, { path: ['input', from, name, ...at.slice(1)] });
        });
      }),
    );
  }
  const entries = Object.entries(parsed.data ?? {}).filter(([, value]) => value !== undefined);
  return {
    settings: Object.fromEntries(entries.filter(([name]) => !secretNames.includes(name))),
    secrets: Object.fromEntries(entries.filter(([name, value]) => secretNames.includes(name) && value !== '')),
  };
}

/** The last four characters of the secret, to tell one from another; empty where it is so short that they would give it away. */
export function lastFourOf(secrets: Record<string, unknown>): string | null {
  const secret = Object.values(secrets).find((value) => typeof value === 'string');
  if (typeof secret !== 'string') return null;
  return secret.length >= 12 ? secret.slice(-4) : '';
}
