import { Readable } from 'node:stream';
import type { App } from '../context.ts';
import { refuse, type DownloadRequest } from '../exports/download.ts';
import { isUuid, parseGlobalId, toGlobalId } from '../ids.ts';
import { signer } from '../http/signed-address.ts';
import { readMonth } from './range.ts';
import { usageCsvParts, type UsageScope } from './usage.ts';

/** The log of a month as a file: whoever has its signed address reads it, for an hour. */

const LIFETIME_MS = 3_600_000;
const PATH = /^\/usage\/(20\d\d-(?:0[1-9]|1[0-2]))\.csv$/;
const { sign, isSigned } = signer('usage downloads');

/** The signed address of the log of a month, good for an hour. */
export function usageUrlOf(app: App, { companyId, month }: UsageScope, now: Date): string {
  const company = toGlobalId('Company', companyId);
  const exp = String(Math.floor((now.getTime() + LIFETIME_MS) / 1000));
  const query = new URLSearchParams({ for: company, exp, sig: sign(app, [month.name, company, exp]) });
  return `${app.publicUrl.replace(/\/+$/, '')}/usage/${month.name}.csv?${query.toString()}`;
}

/** Answers a request for the log of a month, read from the database as the client takes it. Null for any other address. */
export function answerUsageDownload(app: App, request: DownloadRequest): Response | null {
  if (!request.url.startsWith('/usage/')) return null;
  const { pathname, searchParams } = new URL(request.url, 'http://gateway');
  const name = PATH.exec(pathname)?.[1];
  if (!name) return null;
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(405, 'Files are read with GET.', { allow: 'GET, HEAD' });
  const [company, exp, sig] = ['for', 'exp', 'sig'].map((key) => searchParams.get(key) ?? '') as [
    string,
    string,
    string,
  ];
  const companyId = parseGlobalId(company)?.key ?? '';
  if (!isSigned(app, [name, company, exp], sig) || !isUuid(companyId))
    return refuse(403, 'The signature of this address is wrong: take it from usage.downloadUrl as it is.');
  if (Number(exp) * 1000 <= Date.now())
    return refuse(410, 'This address is good for an hour: take a new one from usage.downloadUrl.');
  const parts = usageCsvParts(app.database.query, { companyId, month: readMonth(name, new Date()) });
  const body = request.method === 'HEAD' ? null : Readable.toWeb(Readable.from(parts, { objectMode: false }));
  return new Response(body as ReadableStream<Uint8Array> | null, {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="usage-${name}.csv"`,
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}
