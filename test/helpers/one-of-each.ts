import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isRequiredInputField,
  type GraphQLInputField,
  type GraphQLInputType,
} from 'graphql';
import { gid, type Tenant, type TestGateway } from './gateway.ts';

/** What tests of every field need: a row of every type that belongs to a company, and arguments made of their ids. */

/** The ids of one row of every type, by type name; what has a name is called `Their …`. */
export async function oneOfEach(t: TestGateway, them: Tenant): Promise<Record<string, string>> {
  const { world } = t;
  const company = them.company.id;
  const owner = them.users.OWNER.id;
  const connection = await world.connection(company, { engineId: 57, settings: { path: 'theirs.duckdb' } });
  const asset = await world.asset(company, { connectionId: connection.id, userId: owner, name: 'Their asset' });
  const endpoint = await world.endpoint(company, connection.id, { name: 'Their endpoint' });
  const price = await world.price(company, { assetId: asset.id }, '2.00');
  const post = await world.post(company, owner);
  const db = t.app.database.prisma;
  const sale = await db.priceDiscount.create({
    data: {
      id: owner,
      companyId: company,
      priceId: price.id,
      percentage: '10',
      saleStartAt: new Date(Date.now() + 1e7),
      saleEndAt: new Date(Date.now() + 2e7),
    },
  });
  const favorite = await db.favorite.create({ data: { companyId: company, userId: owner, assetId: asset.id } });
  const alert = await db.alert.create({ data: { companyId: company, userId: owner, assetId: asset.id } });
  const alertEvent = await db.alertEvent.create({
    data: { id: connection.id, companyId: company, alertId: alert.id, message: 'Their message', details: {} },
  });
  const alertDelivery = await db.alertDelivery.create({
    data: {
      id: connection.id,
      companyId: company,
      alertEventId: alertEvent.id,
      attempt: 1,
      startedAt: new Date(),
      elapsedMs: 1,
      isSuccess: true,
    },
  });
  const integration = await db.integration.create({
    data: {
      id: owner,
      companyId: company,
      userId: owner,
      platform: 'WEBHOOK',
      platformName: 'Theirs',
      sealedCredentials: Buffer.from('x'),
      credentialsLastFour: 'abcd',
    },
  });
  const publication = await db.publication.create({
    data: {
      id: owner,
      companyId: company,
      postId: post.id,
      integrationId: integration.id,
      platform: 'WEBHOOK',
      status: 'PUBLISHED',
    },
  });
  const session = await db.session.create({
    data: {
      id: owner,
      companyId: company,
      userId: owner,
      tokenHash: Buffer.from('y'),
      expiresAt: new Date(Date.now() + 1e7),
    },
  });
  const run = await db.run.create({
    data: {
      id: owner,
      kind: 'PROCESS',
      status: 'SUCCEEDED',
      companyId: company,
      sellerCompanyId: company,
      assetId: asset.id,
      finishedAt: new Date(),
    },
  });
  const ordered = await db.export.create({
    data: {
      id: owner,
      companyId: company,
      endpointId: endpoint.id,
      runId: run.id,
      format: 'CSV',
      fileName: 'theirs.csv',
      maxRows: 10,
      rowsPerBlock: 10,
      creditsPerBlock: 0,
      centsPerBlock: 0,
      sellerShare: '0.8',
      creditsReserved: 0,
      expiresAt: new Date(Date.now() + 1e7),
    },
  });
  const rows = {
    Export: ordered,
    Connection: connection,
    Asset: asset,
    Endpoint: endpoint,
    Price: price,
    PriceDiscount: sale,
    Post: post,
    Favorite: favorite,
    Alert: alert,
    AlertEvent: alertEvent,
    AlertDelivery: alertDelivery,
    Integration: integration,
    Publication: publication,
    Session: session,
    Run: run,
    User: them.users.VIEWER,
    Company: them.company,
  };
  const ids = Object.fromEntries(Object.entries(rows).map(([type, row]) => [type, gid(type, row)]));
  return { ...ids, ApiKey: gid('ApiKey', them.keyIds.VIEWER) };
}

/** Which type an id argument means: by its name, or by the name of the field it belongs to. */
export function typeOfId(name: string, field: string, ids: Record<string, string>): string {
  const wanted = (
    name === 'id' || name === 'ids'
      ? field.replace(
          /(Create|Update|Delete|Test|Publish.*|Unpublish|Revoke|Rotate|Deactivate|Refresh.*|Remove|View|Fetch|Discount|Price.*|Process|Cancel|Export|Review|Redeliver|End)$/,
          '',
        )
      : name.replace(/Ids?$/, '')
  ).toLowerCase();
  const aliases: Record<string, string> = {
    owner: 'User',
    author: 'User',
    price: 'Price',
    industry: 'Industry',
    country: 'Country',
    usecase: 'AssetUseCase',
    engine: 'StorageEngine',
    jobfunction: 'JobFunction',
    node: 'Asset',
    publicpost: 'Post',
    for: 'Asset',
  };
  return Object.keys(ids).find((type) => type.toLowerCase() === wanted) ?? aliases[wanted] ?? 'Asset';
}

const scalars: Record<string, unknown> = {
  String: 'text',
  HTML: '<p>x</p>',
  Int: 1,
  Float: 1,
  Boolean: true,
  DateTime: '2027-01-01T00:00:00Z',
  Date: '2027-01-01',
  Decimal: '1.00',
  JSON: {},
  URL: 'https://example.com/',
  EmailAddress: 'somebody@example.org',
};

export interface Sampling {
  ids: Record<string, string>;
  /** Values by the name of an argument or field, where any of the type would break a rule. */
  samples: Record<string, unknown>;
  /** Fields that an input has beside those it needs. */
  alsoTakes?: (field: GraphQLInputField) => boolean;
}

/** A value for an argument that keeps the rules of the schema. */
export function valueOf(type: GraphQLInputType, name: string, field: string, sampling: Sampling): unknown {
  const { ids, samples, alsoTakes = () => false } = sampling;
  const bare = getNullableType(type);
  if (isListType(bare)) return [valueOf(bare.ofType as GraphQLInputType, name, field, sampling)];
  const named = getNamedType(bare);
  const wanted = typeOfId(name, field, ids);
  if (named.name === 'ID') return ids[wanted] ?? gid(wanted, 1);
  if (samples[name] !== undefined) return samples[name];
  if (isEnumType(named)) return named.getValues()[0]?.name;
  if (isInputObjectType(named)) {
    const inputs = Object.values(named.getFields());
    const chosen = named.isOneOf
      ? inputs.slice(0, 1)
      : inputs.filter((one) => isRequiredInputField(one) || alsoTakes(one));
    return Object.fromEntries(chosen.map((one) => [one.name, valueOf(one.type, one.name, field, sampling)]));
  }
  return scalars[named.name];
}
