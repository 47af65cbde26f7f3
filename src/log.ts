import pino from 'pino';

export type Log = pino.Logger;

const REDACTED = [
  'password',
  'secret',
  'token',
  'credentials',
  'authorization',
  'cookie',
  'secretHash',
  'sealedCredentials',
  'SECRETS_KEY',
  'DATABASE_URL',
  'RATE_LIMITS',
];

/** JSON lines on standard output; whatever is named like a secret is replaced, three levels deep. */
export function createLog(level: string, destination?: pino.DestinationStream): Log {
  const names = [...REDACTED, '["x-api-key"]'];
  const paths = names.flatMap((name) => {
    const dotted = name.startsWith('[') ? name : `.${name}`;
    return [name, `*${dotted}`, `*.*${dotted}`];
  });
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '[redacted]' } },
    destination,
  );
}
