import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { GraphQLError } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatError } from '../src/graph/error-format.ts';
import type { Connection } from '../src/generated/prisma/client.ts';
import { createLog } from '../src/log.ts';
import { failRun, type RunRow } from '../src/usage/runs.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import * as fake from './helpers/platform-servers.ts';

/** What engines, platforms and callers without GraphQL say may hold what PostgreSQL has no text for: NUL, half characters. */

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let source: Connection;

beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 1000 });
  mkdirSync(t.warehouses, { recursive: true });
  const file = path.join(t.warehouses, 'odd.duckdb');
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  await connection.run(`create table odd as select 1::integer as id, 'Os' || chr(0) || 'lo' as city`);
  connection.closeSync();
  instance.closeSync();
  source = await t.world.connection(seller.company.id, { engineId: 57, settings: { path: file } });
});
afterAll(() => t.close());

describe('works', () => {
  it('a page whose rows hold NUL: it is answered as it is, and its preview is kept without', async () => {
    const row = await t.world.endpoint(seller.company.id, source.id, {
      sourceTableName: 'odd',
      endpointSchema: {
        columns: [
          { name: 'id', type: 'INTEGER' },
          { name: 'city', type: 'STRING' },
        ],
      },
      sellInMarketplace: true,
    });
    await t.world.price(seller.company.id, { endpointId: row.id }, '1.00');
    const { data, errors } = await t.run(
      buyer.keys.ANALYST,
      'mutation ($input: EndpointFetchInput!) { endpointFetch(input: $input) { page { rows } userErrors { code } } }',
      { input: { endpointId: gid('Endpoint', row) } },
    );
    expect([data?.endpointFetch, errors]).toEqual([{ page: { rows: [[1, 'Os\0lo']] }, userErrors: [] }, undefined]);
    const kept = await t.app.database.prisma.endpoint.findUniqueOrThrow({ where: { id: row.id } });
    expect(kept.sampleResponse).toMatchObject({ rows: [[1, 'Oslo']] });
  });

  it('a run that fails with such words: it is closed', async () => {
    const asset = await t.world.asset(seller.company.id, { connectionId: source.id });
    const data = {
      id: asset.id,
      kind: 'PROCESS' as const,
      status: 'RUNNING' as const,
      companyId: seller.company.id,
      sellerCompanyId: seller.company.id,
      assetId: asset.id,
    };
    const run = await t.app.database.prisma.run.create({ data });
    const closed = await failRun({ app: t.app }, run as unknown as RunRow, 'FAILED', 'ENGINE_FAILED', 'No\0 \ud800!');
    expect([closed.status, closed.errorMessage]).toEqual(['FAILED', 'No \ufffd!']);
  });

  it('a platform that refuses with such words: they are kept with the attempt', async () => {
    const wordpress = await fake.startWordPress();
    const input = {
      platform: 'WORDPRESS',
      platformName: 'Ours',
      credentials: { siteUrl: wordpress.url, username: 'ada', applicationPassword: 'abcd EFGH 1234 ijkl' },
    };
    const made = await t.run(
      seller.keys.EDITOR,
      'mutation ($input: IntegrationCreateInput!) { integrationCreate(input: $input) { integration { id } } }',
      { input },
    );
    const post = await t.world.post(seller.company.id, seller.users.EDITOR.id);
    wordpress.next.push({ status: 403, json: { code: 'no', message: 'No\0 \ud800!' } });
    const { data, errors } = await t.run(
      seller.keys.EDITOR,
      'mutation ($input: PostPublishExternallyInput!) { postPublishExternally(input: $input) { userErrors { code } } }',
      { input: { postId: gid('Post', post), integrationId: made.data.integrationCreate.integration.id } },
    );
    await wordpress.close();
    expect([data?.postPublishExternally, errors]).toEqual([{ userErrors: [{ code: 'PLATFORM_FAILED' }] }, undefined]);
    const kept = await t.app.database.prisma.publication.findFirstOrThrow({ where: { postId: post.id } });
    expect([kept.status, kept.errorMessage]).toEqual(['FAILED', 'WordPress answered 403: No \ufffd!']);
  });
});

describe('refuses', () => {
  it.each(['\0', '\ud800'])('a parameter with %j over HTTP', async (text) => {
    const asset = await t.world.asset(seller.company.id, {
      connectionId: source.id,
      assetType: 'DATA',
      sqlLogic: 'select :city as city',
      allowParams: true,
      parameters: [{ name: 'city', type: 'STRING', isRequired: true }],
    });
    const response = await t.gateway.fetch(`http://gateway/analyze/seller/assets/${asset.slug}`, {
      method: 'POST',
      headers: { 'x-api-key': seller.keys.ANALYST },
      body: JSON.stringify({ city: text }),
    });
    expect([response.status, await response.json()]).toMatchObject([400, { reason: 'VALIDATION' }]);
  });

  it.each(['40P01', '40001', '53300', 'P2028', 'P2034'])('with another try where the database says %s', (code) => {
    const error = new GraphQLError('x', { originalError: Object.assign(new Error('x'), { code }) });
    expect(formatError(error, 'some-id', createLog('silent')).extensions).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    });
  });
});

describe('guards', () => {
  it('the log from mistakes of clients that an estimate only passes on', async () => {
    const warn = vi.spyOn(t.app.log, 'warn');
    const { errors } = await t.run(
      buyer.keys.ANALYST,
      `{ assetEstimate(assetId: "${gid('Asset', buyer.company.id)}") { __typename } }`,
    );
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    expect(warn.mock.calls).toEqual([]);
  });
});
