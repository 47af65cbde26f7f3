import { createHash } from 'node:crypto';
import type { App } from '../../src/context.ts';
import { grantCredits, openAccounts } from '../../src/credits/journal.ts';
import { queryIn, type Transaction } from '../../src/database/db.ts';
import { roleIds, type RoleName } from '../../src/permissions.ts';
import { storageEngines } from '../../src/reference/data.ts';
import { slugOf } from '../../src/text/slug.ts';
import { FILES } from './build-warehouses.ts';
import { demoCompanies, people } from './companies.ts';
import { demoAssets, demoEndpoints, type DemoAsset, type DemoEndpoint, type DemoSeller } from './products.ts';
import { seedUsage } from './usage.ts';

const DAY = 86_400_000;

/** The same UUIDv7 for the same name in every demo market, so that examples can name things. */
function demoId(name: string): string {
  const hex = createHash('sha256').update(`demo ${name}`).digest('hex');
  return `019400${hex.slice(0, 2)}-${hex.slice(2, 6)}-7${hex.slice(6, 9)}-8${hex.slice(9, 12)}-${hex.slice(12, 24)}`;
}

const roles: RoleName[] = ['OWNER', 'ADMIN', 'EDITOR', 'ANALYST', 'VIEWER'];

const duckdb = storageEngines.find((engine) => engine.driver === 'duckdb')?.id ?? 0;
const files = storageEngines.find((engine) => engine.driver === 'duckdb-files')?.id ?? 0;
const until = new Date('2026-11-01T00:00:00Z');

interface Seller {
  companyId: string;
  connectionId: string;
  filesId: string;
  editorId: string;
}

function assetRow(asset: DemoAsset, seller: Seller, at: Date, n: number) {
  const { viz } = asset;
  return {
    id: demoId(`asset ${slugOf(asset.name)}`),
    companyId: seller.companyId,
    userId: seller.editorId,
    connectionId: asset.isOnFiles ? seller.filesId : seller.connectionId,
    name: asset.name,
    slug: slugOf(asset.name),
    description: asset.description,
    detailedDescription: asset.detailedDescription,
    source: 'MANUAL' as const,
    assetType: asset.assetType,
    sqlLogic: asset.sqlLogic,
    parameters: asset.parameters as object[],
    allowParams: asset.parameters.length > 0,
    tags: asset.tags,
    topQuestions: asset.topQuestions,
    industryId: asset.industryId,
    useCaseId: asset.useCaseId,
    sourceTableName: asset.sourceTableName,
    sellInMarketplace: asset.isListed,
    cached: asset.isCached,
    acceptTerms: true,
    dataSourceRefreshFrequency: asset.refresh,
    geographicCoverageType: asset.geographicCoverageType,
    geographicCoverageDetails: asset.geographicCoverageDetails,
    dataTimePeriodStart: new Date('2022-01-01T00:00:00Z'),
    dataTimePeriodEnd: until,
    shortCode: `d${String(n).padStart(5, '0')}`,
    ...(asset.vizSpec ? { vizSpec: asset.vizSpec } : {}),
    ...(viz
      ? {
          vizChartLibrary: 'PLOTLY' as const,
          vizChartType: viz.chartType,
          vizIndepVarColName: viz.x,
          vizDepVarColName: viz.y,
          vizSizeColName: viz.size ?? null,
          vizColorColName: viz.color ?? null,
        }
      : {}),
    lastTestOkAt: at,
    createdAt: new Date(at.getTime() - (400 - n) * DAY),
    updatedAt: new Date(at.getTime() - n * 3_600_000),
  };
}

function endpointRow(endpoint: DemoEndpoint, seller: Seller, at: Date, n: number) {
  return {
    id: demoId(`endpoint ${slugOf(endpoint.name)}`),
    companyId: seller.companyId,
    userId: seller.editorId,
    connectionId: seller.connectionId,
    name: endpoint.name,
    slug: slugOf(endpoint.name),
    description: endpoint.description,
    sourceSchemaName: 'main',
    sourceTableName: endpoint.sourceTableName,
    endpointSchema: { columns: endpoint.columns } as object,
    tags: endpoint.tags,
    topQuestions: endpoint.topQuestions,
    industryId: endpoint.industryId,
    useCaseId: endpoint.useCaseId,
    sellInMarketplace: endpoint.isListed,
    maxRecordsPerRequest: endpoint.maxRecordsPerRequest,
    lastTestOkAt: at,
    dataTimePeriodEnd: until,
    dataSourceRefreshFrequency: 'EVERY_DAY' as const,
    createdAt: new Date(at.getTime() - (300 - n) * DAY),
    updatedAt: new Date(at.getTime() - n * 7_200_000),
  };
}

/** A year of prices: two former ones and the active one. */
function priceRows(product: { assetId: string } | { endpointId: string }, seller: Seller, usd: string, at: Date) {
  const step = (factor: number): string => (Math.round(Number(usd) * factor * 2) / 2).toFixed(2);
  const days = [365, 180, 60].map((ago) => new Date(at.getTime() - ago * DAY));
  return [step(0.5), step(0.8), usd].map((amountUsd, i) => ({
    id: demoId(`price ${Object.values(product).join()} ${i}`),
    companyId: seller.companyId,
    userId: seller.editorId,
    ...product,
    amountUsd,
    startedAt: days[i] ?? at,
    endedAt: days[i + 1] ?? null,
    createdAt: days[i] ?? at,
  }));
}

/**
 * Fills an empty database with the demo market: three sellers on warehouses of their own, two buyers, a year of
 * history; all of it or nothing.
 */
export async function seedMarket(app: App): Promise<void> {
  await app.database.prisma.$transaction((tx) => fill(app, tx, new Date()), { timeout: 120_000 });
}

async function fill(app: App, db: Transaction, at: Date): Promise<void> {
  const query = queryIn(db);
  const companies = demoCompanies.map((company) => ({ ...company, id: demoId(`company ${company.handle}`) }));
  await db.company.createMany({
    data: companies.map(({ seller: _seller, credits: _credits, ...company }) => ({
      ...company,
      domain: `${company.handle}.example`,
      acceptedEula: true,
      stripeAccountId: `acct_demo${company.id.replaceAll('-', '').slice(-12)}`,
      stripeAccountStatus: 'verified',
      createdAt: new Date(at.getTime() - 420 * DAY),
    })),
  });
  const users = companies.flatMap((company) =>
    roles.map((role, i) => {
      const name = people[company.handle][i] ?? role;
      return {
        id: demoId(`user ${company.handle} ${role}`),
        companyId: company.id,
        roleId: roleIds[role],
        functionId: i + 1,
        status: 'ACTIVE' as const,
        name,
        createdAt: new Date(at.getTime() - (410 - i) * DAY),
        email: `${slugOf(name).replaceAll('-', '.')}@${company.handle}.example`,
        timezone: company.timezone,
      };
    }),
  );
  await db.user.createMany({ data: users });
  for (const company of companies) {
    await openAccounts(query, company.id);
    await grantCredits(query, company.id, company.credits, 'Opening balance');
  }

  const sellers = new Map<DemoSeller, Seller>();
  for (const company of companies) {
    if (!company.seller) continue;
    const editorId = users.find((user) => user.companyId === company.id && user.roleId === roleIds.EDITOR)?.id ?? '';
    sellers.set(company.seller, {
      companyId: company.id,
      connectionId: demoId(`connection ${company.seller}`),
      filesId: demoId(`connection ${company.seller} files`),
      editorId,
    });
  }
  await db.connection.createMany({
    data: [...sellers].map(([name, seller]) => ({
      id: seller.connectionId,
      companyId: seller.companyId,
      userId: seller.editorId,
      engineId: duckdb,
      name: `${name[0]?.toUpperCase()}${name.slice(1)} warehouse`,
      description: 'An embedded DuckDB warehouse of demonstration data.',
      settings: { path: `${name}.duckdb` },
      verifiedUsageAbility: true,
      lastTestedAt: at,
      lastTestOk: true,
    })),
  });
  const weather = sellers.get('weather') as Seller;
  await db.connection.create({
    data: {
      id: weather.filesId,
      companyId: weather.companyId,
      userId: weather.editorId,
      engineId: files,
      name: 'Weather files',
      description: 'Parquet and CSV files of demonstration data.',
      settings: {
        path: FILES,
        tables: [
          { name: 'daily_observations', files: 'observations/*.parquet', format: 'PARQUET' },
          { name: 'stations', files: 'stations.csv', format: 'CSV', header: true },
        ],
      },
      verifiedUsageAbility: true,
      lastTestedAt: at,
      lastTestOk: true,
    },
  });
  const sellerOf = (product: { seller: DemoSeller }): Seller => sellers.get(product.seller) as Seller;
  const assets = demoAssets.map((asset, n) => assetRow(asset, sellerOf(asset), at, n));
  const endpoints = demoEndpoints.map((endpoint, n) => endpointRow(endpoint, sellerOf(endpoint), at, n));
  await db.asset.createMany({ data: assets });
  await db.endpoint.createMany({ data: endpoints });
  const prices = [
    ...assets.flatMap((row, n) =>
      priceRows({ assetId: row.id }, sellerOf(demoAssets[n] as DemoAsset), demoAssets[n]?.priceUsd ?? '1.00', at),
    ),
    ...endpoints.flatMap((row, n) =>
      priceRows(
        { endpointId: row.id },
        sellerOf(demoEndpoints[n] as DemoEndpoint),
        demoEndpoints[n]?.priceUsd ?? '1.00',
        at,
      ),
    ),
  ];
  await db.price.createMany({ data: prices });
  // Sales that run from now on and one to come, on the first listed products.
  const active = prices.filter((price) => price.endedAt === null && Number(price.amountUsd) > 1);
  await db.priceDiscount.createMany({
    data: active.slice(0, 4).map((price, n) => ({
      id: demoId(`discount ${price.id}`),
      companyId: price.companyId,
      priceId: price.id,
      percentage: n % 2 ? '12.50' : '20.00',
      saleStartAt: new Date(at.getTime() + (n < 3 ? 0 : 20) * DAY),
      saleEndAt: new Date(at.getTime() + (n < 3 ? 20 : 34) * DAY),
    })),
  });
  await seedPeople(app, db, companies, users, assets, at);
  await seedUsage(
    query,
    companies.map((company) => company.handle),
  );
}

type Made<T extends { id: string }> = T[];

/** Posts with publications, favorites and alerts. */
async function seedPeople(
  app: App,
  db: Transaction,
  companies: Made<{ id: string; handle: string; seller: string | null }>,
  users: Made<{ id: string; companyId: string; roleId: number }>,
  assets: Made<ReturnType<typeof assetRow>>,
  at: Date,
): Promise<void> {
  for (const company of companies) {
    const own = users.filter((user) => user.companyId === company.id);
    const [editor, analyst] = [
      own.find((user) => user.roleId === roleIds.EDITOR),
      own.find((user) => user.roleId === roleIds.ANALYST),
    ];
    if (!editor || !analyst) continue;
    const listed = assets.filter(
      (asset) => asset.sellInMarketplace && (company.seller ? asset.companyId === company.id : true),
    );
    const integrationId = demoId(`integration ${company.handle}`);
    const credentials = {
      url: 'https://hooks.example.com/spartera',
      secret: 'whsec_ZGVtb25zdHJhdGlvbi1vbmx5LW5vdC1hLXNlY3JldA==',
    };
    await db.integration.create({
      data: {
        id: integrationId,
        companyId: company.id,
        userId: editor.id,
        platform: 'WEBHOOK',
        platformName: 'Newsroom webhook',
        settings: { url: credentials.url },
        sealedCredentials: app.sealer.seal(credentials, `Integration/sealedCredentials/${integrationId}`),
        credentialsLastFour: 'dA==',
        lastUsedAt: at,
      },
    });
    const posts = listed.slice(0, 4).map((asset, n) => ({
      id: demoId(`post ${company.handle} ${n}`),
      companyId: company.id,
      userId: n % 2 ? analyst.id : editor.id,
      title: `What we learn from ${asset.name}`,
      category: ['Business', 'Markets', 'Research', 'Sports'][n] ?? 'Business',
      teaser: asset.description,
      contentHtml: `<h2>${asset.name}</h2><p>${asset.description}</p><p>${asset.topQuestions[0] ?? ''}</p>`,
      // Of which asset; the run comes with the month of runs.
      insightsUsed: [{ assetId: asset.id }],
      serviceCostCredits: 1,
      generationTone: 'PROFESSIONAL' as const,
      isPublished: n < 3,
      publishedAt: n < 3 ? new Date(at.getTime() - n * 5 * DAY) : null,
      viewCount: (3 - n) * 37,
      createdAt: new Date(at.getTime() - n * 6 * DAY - DAY),
    }));
    await db.post.createMany({ data: posts });
    await db.publication.createMany({
      data: posts.slice(0, 2).map((post, n) => ({
        id: demoId(`publication ${post.id}`),
        companyId: company.id,
        postId: post.id,
        integrationId,
        platform: 'WEBHOOK' as const,
        status: n === 0 ? ('PUBLISHED' as const) : ('FAILED' as const),
        externalPostId: n === 0 ? post.id : null,
        externalPostUrl: n === 0 ? 'https://hooks.example.com/spartera' : null,
        errorCode: n === 0 ? null : ('UNAVAILABLE' as const),
        errorMessage: n === 0 ? null : 'The webhook answered 503.',
        publishedAt: n === 0 ? at : null,
      })),
    });
    const market = assets.filter((asset) => asset.sellInMarketplace);
    await db.favorite.createMany({
      data: own.slice(0, 4).flatMap((user, u) =>
        market.slice(u, u + 5).map((asset, n) => ({
          companyId: company.id,
          userId: user.id,
          assetId: asset.id,
          category: n % 3 === 0 ? null : ['Work', 'Research'][n % 2],
          priority: n,
          notes: n === 1 ? 'Compare with last season.' : null,
        })),
      ),
    });
    await db.alert.createMany({
      data: market.slice(0, 3).map((asset, n) => ({
        companyId: company.id,
        userId: analyst.id,
        assetId: asset.id,
        kind: (['ASSET_UPDATED', 'PRICE_CHANGED', 'RESULT_CHANGED'] as const)[n] ?? 'PRICE_CHANGED',
        thresholdPercent: n === 2 ? '5' : null,
        webhookUrl: n === 1 ? 'https://hooks.example.com/alerts' : null,
        lastTriggeredAt: n === 1 ? new Date(at.getTime() - DAY) : null,
      })),
    });
    const watched = await db.alert.findFirstOrThrow({ where: { userId: analyst.id, kind: 'PRICE_CHANGED' } });
    await seedDeliveries(db, watched, company.handle, at);
  }
}

/** Two times that an alert with an address fired: taken at the second try, and refused for good. */
async function seedDeliveries(
  db: Transaction,
  alert: { id: number; companyId: string },
  handle: string,
  at: Date,
): Promise<void> {
  const ago = (ms: number): Date => new Date(at.getTime() - ms);
  const fired = [
    { name: `event ${handle} 0`, createdAt: ago(7 * DAY), deliveryStatus: 'DELIVERED' as const, statuses: [503, 200] },
    { name: `event ${handle} 1`, createdAt: ago(DAY), deliveryStatus: 'FAILED' as const, statuses: [410] },
  ];
  for (const { name, createdAt, deliveryStatus, statuses } of fired) {
    const { companyId } = alert;
    const event = { id: demoId(name), companyId, alertId: alert.id, createdAt, deliveryStatus };
    const said = { message: 'The price changed.', details: {} };
    await db.alertEvent.create({ data: { ...event, ...said, deliveryCount: statuses.length } });
    await db.alertDelivery.createMany({
      data: statuses.map((httpStatus, n) => ({
        id: demoId(`${name} try ${n + 1}`),
        companyId,
        alertEventId: event.id,
        attempt: n + 1,
        startedAt: new Date(createdAt.getTime() + n * 5000),
        elapsedMs: 80 + 15 * n,
        isSuccess: httpStatus < 300,
        httpStatus,
        errorCode: httpStatus < 300 ? null : ('STATUS' as const),
        errorMessage: httpStatus < 300 ? null : `The address answered ${httpStatus}.`,
        nextAttemptAt: n + 1 < statuses.length ? new Date(createdAt.getTime() + (n + 1) * 5000) : null,
      })),
    });
  }
}
