import { existsSync } from 'node:fs';
import { z } from 'zod';
import { isNetwork } from './http/client-address.ts';

const bool = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');
const int = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
const sealingKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be 32 bytes in base64, as `openssl rand -base64 32` prints');
/** Whether a text is the URL of a Redis, with or without TLS, and the number of a database of it at most. */
function isRedis(text: string): boolean {
  try {
    const { protocol, hostname, pathname, username, password } = new URL(text);
    decodeURIComponent(username + password);
    return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname);
  } catch {
    return false;
  }
}

/** Every setting the gateway reads from the environment. `.env.example` explains each; a test holds the two together. */
const settings = z.object({
  PORT: int(0, 65535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  PUBLIC_URL: z.url().optional(),
  CORS_ORIGINS: list.default([]),
  TRUSTED_PROXIES: list
    .refine((entries) => entries.every(isNetwork), 'takes addresses and networks such as 10.0.0.0/8')
    .default([]),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_POOL: int(2, 200).default(10),
  RATE_LIMITS: z
    .string()
    .refine(
      (value) => value === 'postgresql' || value === 'memory' || isRedis(value),
      'takes postgresql, memory, or the URL of a Redis: redis://… or rediss://…',
    )
    .default('postgresql'),
  DATA_DIR: z.string().min(1).default('.data'),
  EXPORT_DIR: z.string().min(1).optional(),
  S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  S3_BUCKET: z.string().min(1).optional(),
  S3_ACCESS_KEY: z.string().min(1).optional(),
  S3_SECRET_KEY: z.string().min(1).optional(),
  S3_REGION: z.string().min(1).default('us-east-1'),
  DEMO: bool.optional(),
  SECRETS_KEY: sealingKey.optional(),
  SECRETS_KEY_OLD: sealingKey.optional(),
  ALLOW_PRIVATE_CONNECTIONS: list.default([]),
  GOOGLE_CLIENT_ID: z.string().min(1).optional(),
  GOOGLE_ISSUER: z.url().default('https://accounts.google.com'),
  GOOGLE_JWKS_URL: z.url().default('https://www.googleapis.com/oauth2/v3/certs'),
  SESSION_HOURS: int(1, 24 * 90).default(24 * 7),
  MAX_BODY_BYTES: int(1024, 10_485_760).default(262_144),
  MAX_TOKENS: int(100, 100_000).default(4000),
  MAX_DEPTH: int(3, 50).default(16),
  MAX_ALIASES: int(1, 1000).default(60),
  MAX_COST: int(100, 1_000_000).default(20_000),
  COST_BUDGET: int(100, 1_000_000_000).default(200_000),
  COST_RESTORE: int(1, 1_000_000_000).default(20_000),
  COMPILE_AFTER: int(0, 1_000_000_000).default(2),
  RUN_TIMEOUT_MS: int(100, 300_000).default(30_000),
  RUN_MAX_ROWS: int(1, 1_000_000).default(10_000),
  RUN_MAX_BYTES: int(1024, 1_073_741_824).default(67_108_864),
  CACHE_ENTRY_BYTES: int(1024, 268_435_456).default(8_388_608),
  CACHE_COMPANY_BYTES: int(1024, 1_099_511_627_776).default(67_108_864),
  CACHE_TOTAL_BYTES: int(1024, 1_099_511_627_776).default(1_073_741_824),
  SHUTDOWN_GRACE_MS: int(0, 300_000).default(15_000),
  METRICS_TOKEN: z.string().min(16, 'must have 16 characters or more').optional(),
  SLOW_OPERATION_MS: int(0, 600_000).default(1000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

export type Config = z.output<typeof settings>;

/** The names of all settings, in the order of `.env.example`. */
export const SETTING_NAMES = Object.keys(settings.shape);

/** All that is wrong with the environment, a line each, ready to be shown. */
export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(
      `The configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}\nSee .env.example.`,
    );
    this.name = 'ConfigError';
  }
}

/** The environment, with what `.env` says of variables that are not set. */
function environmentWithFile(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/**
 * Reads the settings; an empty variable counts as unset.
 * Without an argument they come from the environment and `.env`.
 * @throws ConfigError naming every setting that is wrong.
 */
export function readConfig(environment: NodeJS.ProcessEnv = environmentWithFile()): Config {
  const given = Object.fromEntries(
    SETTING_NAMES.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  );
  const result = settings.safeParse(given);
  if (result.success) return result.data;
  // The value itself stays out: it may be a secret.
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
}
