import { EngineError } from './engine.ts';

/** Settings of a database behind a network: where it is, who asks, and whether the way is encrypted. */
export interface NetworkSettings {
  host: string;
  port: number;
  database: string;
  username: string;
  password: string;
  tls: boolean;
  /** Certificates in PEM that the server's must come from; the system's where there is none. */
  sslRootCert: string | null;
}

function wrong(message: string, hint: string): EngineError {
  return new EngineError('CONNECTION_FAILED', message, { stage: 'SETTINGS', hint });
}

function text(settings: Record<string, unknown>, name: string, required: boolean): string {
  const value = settings[name];
  if (value === undefined || value === null || value === '') {
    if (required) throw wrong(`The setting ${name} is missing.`, `Give ${name}.`);
    return '';
  }
  if (typeof value !== 'string' || value.includes('\0'))
    throw wrong(`The setting ${name} must be text.`, `Give ${name} as text.`);
  return value;
}

/** Reads and checks the settings. @throws EngineError CONNECTION_FAILED stage SETTINGS */
export function networkSettings(settings: Record<string, unknown>, defaultPort: number): NetworkSettings {
  const host = text(settings, 'host', true);
  if (!/^[\w.:[\]-]+$/.test(host)) {
    throw wrong('The host is not a name or an address.', 'Give the host alone, without a scheme, a path or a port.');
  }
  const port = settings['port'] ?? defaultPort;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw wrong('The port is not a number from 1 to 65535.', 'Give the port as a number.');
  }
  const tls = settings['tls'] ?? 'REQUIRED';
  if (tls !== 'REQUIRED' && tls !== 'DISABLED')
    throw wrong('The setting tls is REQUIRED or DISABLED.', 'Leave tls out.');
  const sslRootCert = text(settings, 'sslRootCert', false);
  if (sslRootCert !== '' && !sslRootCert.includes('-----BEGIN CERTIFICATE-----')) {
    throw wrong(
      'The setting sslRootCert is not a certificate in PEM.',
      'Paste the certificate, not the name of a file.',
    );
  }
  return {
    host,
    port,
    database: text(settings, 'database', true),
    username: text(settings, 'username', true),
    password: text(settings, 'password', false),
    tls: tls === 'REQUIRED',
    sslRootCert: sslRootCert === '' ? null : sslRootCert,
  };
}

const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|HANDSHAKE_SSL)/;

/** What a server says, in its own way, that answers in plain text. */
const NO_TLS = /^(?:HANDSHAKE_NO_SSL_SUPPORT|EPROTO|ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/;

/** The TLS failure that an error of a driver is, or null. */
export function tlsFailure(error: unknown): EngineError | null {
  if (!(error instanceof Error)) return null;
  const code = 'code' in error ? String(error.code) : '';
  const more = { stage: 'TLS', cause: error } as const;
  if (/does not support (?:SSL|secure)|establishing an SSL/i.test(error.message) || NO_TLS.test(code)) {
    const hint = 'Switch TLS on in the database, or set tls to DISABLED where the network itself is safe.';
    return new EngineError('CONNECTION_FAILED', 'The server does not offer TLS.', { ...more, hint });
  }
  // The MySQL driver puts a code of its own in the place of Node's.
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || error.message.includes("does not match certificate's altnames")) {
    const hint = 'Use the host name that the certificate was made for.';
    return new EngineError('CONNECTION_FAILED', "The server's certificate is for another host.", { ...more, hint });
  }
  if (!TLS_CODE.test(code)) return null;
  const hint = 'Give the certificate of its authority as sslRootCert.';
  return new EngineError('CONNECTION_FAILED', "The server's certificate is not trusted.", { ...more, hint });
}

/** Drivers have words of their own for a server that takes the connection and says nothing; null for any other failure. */
export function silenceFailure(error: unknown, settings: NetworkSettings, hint: string): EngineError | null {
  if (!(error instanceof Error) || !/^timeout expired$|ETIMEDOUT/.test(error.message)) return null;
  const message = 'The server took the connection and said nothing.';
  const stage = settings.tls ? 'TLS' : 'LOGIN';
  return new EngineError('CONNECTION_FAILED', message, { stage, hint, cause: error });
}
