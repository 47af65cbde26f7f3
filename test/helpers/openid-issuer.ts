import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

/** An OpenID issuer on this machine: its keys over HTTP, and real tokens signed with them. */
export interface OpenIdIssuer {
  /** The settings that make a gateway trust it. */
  settings: Record<'GOOGLE_CLIENT_ID' | 'GOOGLE_ISSUER' | 'GOOGLE_JWKS_URL', string>;
  /** A token as Google would give it for `claims`; what is not said is right. null leaves a claim out. */
  token(
    claims?: Record<string, unknown>,
    how?: { isForged?: boolean; algorithm?: 'RS256' | 'HS256' | 'none' },
  ): Promise<string>;
  /** While true, the keys cannot be fetched. */
  isDown: boolean;
  close(): Promise<void>;
}

const CLIENT_ID = 'gateway-tests.apps.example';
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function openIdIssuer(): Promise<OpenIdIssuer> {
  const own = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256');
  const jwk: JWK = { ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const server = createServer((_, res) => {
    if (issuer.isDown) return void res.writeHead(503).end();
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: OpenIdIssuer = {
    settings: { GOOGLE_CLIENT_ID: CLIENT_ID, GOOGLE_ISSUER: url, GOOGLE_JWKS_URL: `${url}/certs` },
    isDown: false,
    async token(claims = {}, { isForged = false, algorithm = 'RS256' } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const all = {
        iss: url,
        aud: CLIENT_ID,
        iat: now,
        exp: now + 3600,
        email_verified: true,
        nonce: 'n-1',
        name: 'Ada',
        ...claims,
      };
      const payload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)) as JWTPayload;
      if (algorithm === 'none') return `${base64url({ alg: 'none', kid: 'one' })}.${base64url(payload)}.`;
      const signer = new SignJWT(payload).setProtectedHeader({ alg: algorithm, kid: 'one' });
      // The public key as a shared secret: the classic way to fool a verifier that believes the header.
      if (algorithm === 'HS256') return signer.sign(new TextEncoder().encode(JSON.stringify(jwk)));
      return signer.sign(isForged ? stranger.privateKey : own.privateKey);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}
