import type { App } from '../context.ts';
import { DomainError } from '../errors.ts';
import { isUuid, parseGlobalId, toGlobalId } from '../ids.ts';
import { signer } from '../http/signed-address.ts';
import type { Size } from './frame.ts';
import type { PictureFormat } from './render.ts';

/** Addresses of pictures: whoever has one sees the picture until it expires, and nothing else. */

/** What an address stands for. */
export interface ChartAddress extends Size {
  assetId: string;
  /** The company that asked for the address, and as which the picture is made. */
  companyId: string;
  format: PictureFormat;
  parameters: Record<string, unknown>;
  expiresAt: Date;
}

export const MIN_SIDE = 100;
export const MAX_SIDE = 2000;
const HOUR = 3_600_000;
const LIFETIME = 24 * HOUR;
const MAX_PARAMETERS = 2000;
const PATH = /^\/charts\/([A-Za-z0-9_-]{1,200})\.(svg|png)$/;

const { sign, isSigned } = signer('addresses of charts');

/** When an address made now expires: in 24 hours, at the end of that hour, so that a page shows the same one for a while. */
export const expiryOf = (now: Date): Date => new Date(Math.ceil((now.getTime() + LIFETIME) / HOUR) * HOUR);

/** Whether a path is that of a picture, whatever the rest of the address is worth. */
export const isChartPath = (path: string): boolean => path.startsWith('/charts/');

/**
 * The signed address of a picture.
 * @throws DomainError VALIDATION where the parameters are longer than an address may be.
 */
export function chartAddress(app: App, chart: ChartAddress): string {
  const hasParameters = Object.keys(chart.parameters).length > 0;
  const parameters = hasParameters ? Buffer.from(JSON.stringify(chart.parameters)).toString('base64url') : '';
  if (parameters.length > MAX_PARAMETERS)
    throw new DomainError('VALIDATION', 'The parameters are too long for an address.', { path: ['parameters'] });
  const file = `${toGlobalId('Asset', chart.assetId)}.${chart.format.toLowerCase()}`;
  const company = toGlobalId('Company', chart.companyId);
  const [w, h] = [String(chart.width), String(chart.height)];
  const exp = String(Math.floor(chart.expiresAt.getTime() / 1000));
  const sig = sign(app, [file, w, h, parameters, company, exp]);
  const query = new URLSearchParams({ w, h, ...(hasParameters ? { p: parameters } : {}), for: company, exp, sig });
  return `${app.publicUrl.replace(/\/+$/, '')}/charts/${file}?${query.toString()}`;
}

const refused = (message: string): DomainError => new DomainError('FORBIDDEN', message);

/** @throws DomainError FORBIDDEN where the address was not signed by this gateway, was changed, or has expired. */
export function readAddress(app: App, url: URL, now: Date): ChartAddress {
  const query = url.searchParams;
  const [, id = '', ending = ''] = PATH.exec(url.pathname) ?? [];
  const [w, h, p, company, exp, sig] = ['w', 'h', 'p', 'for', 'exp', 'sig'].map((name) => query.get(name) ?? '') as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (id === '' || !isSigned(app, [`${id}.${ending}`, w, h, p, company, exp], sig))
    throw refused('The signature of this address does not match. Ask for a new one: chartUrl.');
  const expiresAt = new Date(Number(exp) * 1000);
  if (now >= expiresAt)
    throw refused(`This address expired at ${expiresAt.toISOString()}. Ask for a new one: chartUrl.`);
  const [assetId = '', companyId = ''] = [parseGlobalId(id)?.key, parseGlobalId(company)?.key];
  if (!isUuid(assetId) || !isUuid(companyId)) throw refused('This address is not that of a chart.');
  return {
    assetId,
    companyId,
    format: ending === 'png' ? 'PNG' : 'SVG',
    width: Number(w),
    height: Number(h),
    parameters: p === '' ? {} : (JSON.parse(Buffer.from(p, 'base64url').toString()) as Record<string, unknown>),
    expiresAt,
  };
}
