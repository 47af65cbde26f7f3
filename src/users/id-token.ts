import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';

/** What an ID token says of who signs in. */
export interface Identity {
  subject: string;
  /** Verified by the issuer, in lower case. */
  email: string;
  name: string;
}

const path = ['input', 'idToken'];
const MAX_NAME = 200;
const MAX_EMAIL = 254;
/** Errors that the token is to blame for; all others are the issuer's or the network's. */
const ofToken = [
  'JWTClaimValidationFailed',
  'JWTExpired',
  'JWTInvalid',
  'JWSInvalid',
  'JWSSignatureVerificationFailed',
  'JOSEAlgNotAllowed',
  'JOSENotSupported',
  'JWKSNoMatchingKey',
  'JWKSMultipleMatchingKeys',
] as const;

/** The issuer's keys by their address: fetched when first needed and kept for a while. */
const keySets = new Map<string, JWTVerifyGetKey>();

/** One answer to every token that is not right: which of its parts is wrong helps nobody who came honestly. */
const refusal = (cause?: unknown): DomainError =>
  new DomainError('VALIDATION', 'This is no valid ID token for this gateway: sign in with Google again.', {
    path,
    cause,
  });

async function payloadOf(ctx: Context, idToken: string, audience: string): Promise<JWTPayload> {
  const { GOOGLE_ISSUER: issuer, GOOGLE_JWKS_URL: url } = ctx.app.config;
  const { createRemoteJWKSet, errors, jwtVerify } = await import('jose');
  try {
    let keys = keySets.get(url);
    if (!keys) keySets.set(url, (keys = createRemoteJWKSet(new URL(url))));
    // Google writes its issuer with or without the scheme.
    const options = {
      issuer: [issuer, issuer.replace('https://', '')],
      audience,
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'exp', 'iat', 'email', 'nonce'],
    };
    return (await jwtVerify(idToken, keys, options)).payload;
  } catch (error) {
    if (ofToken.some((name) => error instanceof errors[name])) throw refusal(error);
    ctx.log.warn({ err: error }, 'the keys of the identity provider could not be fetched');
    throw new DomainError('PLATFORM_FAILED', 'Google cannot be asked for its keys now: try again in a minute.', {
      details: { failure: 'UNAVAILABLE' },
      cause: error,
    });
  }
}

/**
 * Who an ID token of Google's speaks of: its signature, issuer, audience, age and nonce are right, and Google has
 * verified the e-mail address (OpenID Connect Core 1.0 §3.1.3.7).
 * @throws DomainError UNSUPPORTED where no client id is set, VALIDATION on `idToken`, PLATFORM_FAILED where Google
 * does not answer.
 */
export async function verifyIdToken(ctx: Context, idToken: string, nonce: string): Promise<Identity> {
  const audience = ctx.app.config.GOOGLE_CLIENT_ID;
  if (!audience) {
    throw new DomainError(
      'UNSUPPORTED',
      'Google sign-in is not set up here: start the gateway with GOOGLE_CLIENT_ID set to the OAuth client id of your application.',
    );
  }
  const payload = await payloadOf(ctx, idToken, audience);
  const { sub, email, name } = payload;
  const isRight =
    typeof sub === 'string' &&
    sub !== '' &&
    typeof email === 'string' &&
    email.length <= MAX_EMAIL &&
    email.includes('@');
  if (!isRight || payload['email_verified'] !== true || payload['nonce'] !== nonce) throw refusal();
  const address = email.toLowerCase();
  const shown = typeof name === 'string' && name.trim() !== '' ? name.trim() : (address.split('@')[0] as string);
  return { subject: sub, email: address, name: shown.slice(0, MAX_NAME) };
}
