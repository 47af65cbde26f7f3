import { generateKeyPairSync, sign } from 'node:crypto';

/** A private key and the certificate for it, in PEM. */
export interface Certificate {
  key: string;
  cert: string;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function der(tag: number, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const nameOf = (host: string): Buffer => der(0x30, der(0x31, der(0x30, hex('0603550403'), der(0x0c, host))));

/** A certificate for one host name, written out as DER by hand; signed by itself where no authority signs it. */
export function createCertificate(host: string, authority?: Certificate & { name: string }): Certificate {
  return create(host, der(0x30, hex('0603551d11'), der(0x04, der(0x30, der(0x82, host)))), authority);
}

/** An authority that signs certificates. */
export function createAuthority(name: string): Certificate & { name: string } {
  // Basic constraints, critical: it may sign others.
  return { name, ...create(name, der(0x30, hex('0603551d130101ff'), der(0x04, hex('30030101ff')))) };
}

function create(subject: string, extension: Buffer, authority?: Certificate & { name: string }): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(0x30, hex('06082a8648ce3d040302'));
  const validity = der(0x30, der(0x17, '200101000000Z'), der(0x17, '491231235959Z'));
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const extensions = der(0xa3, der(0x30, extension));
  const issuer = nameOf(authority?.name ?? subject);
  const body = der(0x30, hex('a003020102020101'), algorithm, issuer, validity, nameOf(subject), key, extensions);
  const signature = sign('sha256', body, authority?.key ?? privateKey);
  const lines = der(0x30, body, algorithm, der(0x03, hex('00'), signature)).toString('base64');
  const cert = `-----BEGIN CERTIFICATE-----\n${lines.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert };
}
