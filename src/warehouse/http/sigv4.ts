import { createHash, createHmac } from 'node:crypto';

/** Who signs: an access key of AWS. */
export interface AwsKey {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
}

/** What is signed. Its path and query are already encoded as they go out. */
export interface SignedRequest {
  method: string;
  host: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  body: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Path as AWS signs it: every part encoded once more. */
function canonicalPath(path: string): string {
  const parts = path.split('/').map((part) => encodeURIComponent(part).replace(/[!'()*]/g, hex));
  return parts.join('/') || '/';
}

const hex = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;

function canonicalQuery(query: string): string {
  const pairs = [...new URLSearchParams(query)].map((pair) =>
    pair.map((text) => encodeURIComponent(text).replace(/[!'()*]/g, hex)).join('='),
  );
  return pairs.toSorted((a, b) => (a < b ? -1 : 1)).join('&');
}

/** The headers of a request with its signature of version 4, for one service in one region. */
export function signAws(
  request: SignedRequest,
  key: AwsKey,
  scope: { region: string; service: string },
  now: Date,
): Record<string, string> {
  const instant = now.toISOString().replace(/\.\d+|[-:]/g, '');
  const day = instant.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    'x-amz-date': instant,
    ...(key.sessionToken ? { 'x-amz-security-token': key.sessionToken } : {}),
  };
  const names = Object.keys(headers)
    .map((name) => name.toLowerCase())
    .toSorted();
  const values = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const lines = names.map((name) => `${name}:${(values.get(name) ?? '').trim().replace(/\s+/g, ' ')}\n`);
  const signed = names.join(';');
  const canonical = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query),
    lines.join(''),
    signed,
    sha256(request.body),
  ].join('\n');
  const area = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', instant, area, sha256(canonical)].join('\n');
  const steps = [day, scope.region, scope.service, 'aws4_request'];
  const signing = steps.reduce<Buffer | string>((secret, step) => hmac(secret, step), `AWS4${key.secretAccessKey}`);
  const signature = hmac(signing, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${area}, SignedHeaders=${signed}, Signature=${signature}`;
  return { ...headers, authorization };
}
