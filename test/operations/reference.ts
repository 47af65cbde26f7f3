import { expect } from 'vitest';
import { reference } from './demo.ts';
import type { Row } from './row.ts';

export const cloudProviders: Row[] = [
  {
    id: 'OP-039',
    rest: 'GET /cloud-providers',
    what: 'All cloud providers.',
    field: 'cloudProviders',
    as: 'anonymous',
    document: `query CloudProviders {
      cloudProviders(first: 3, orderBy: { field: ID, direction: ASC }) { totalCount { value } nodes { name parentCompany marketingHomepageUrl } }
    }`,
    async check({ cloudProviders }, w) {
      expect(cloudProviders.totalCount).toEqual({ value: 31 });
      expect(cloudProviders.nodes).toEqual(
        await w.sql('select name, "parentCompany", "marketingHomepageUrl" from "CloudProvider" order by id limit 3'),
      );
      expect(cloudProviders.nodes[0].name).toBe('Google Cloud');
    },
  },
  {
    id: 'OP-040',
    rest: 'GET /cloud-providers/{provider_id}',
    what: 'One cloud provider.',
    field: 'cloudProvider',
    as: 'anonymous',
    document: `query CloudProvider($id: ID!) { cloudProvider(id: $id) { id name } }`,
    variables: () => ({ id: reference.provider }),
    check({ cloudProvider }) {
      expect(cloudProvider).toEqual({ id: reference.provider, name: 'Self-hosted' });
    },
  },
];

export const jobFunctions: Row[] = [
  {
    id: 'OP-066',
    rest: 'GET /job-functions',
    what: 'All job functions.',
    field: 'jobFunctions',
    as: 'anonymous',
    document: `query JobFunctions { jobFunctions(first: 2, search: "engineering") { totalCount { value } nodes { name } } }`,
    async check({ jobFunctions }, w) {
      expect(jobFunctions).toEqual({
        totalCount: { value: 2 },
        nodes: [{ name: 'Data Engineering' }, { name: 'Software Engineering' }],
      });
      const { jobFunctions: all } = await w.ask('{ jobFunctions(first: 0) { totalCount { value } } }');
      expect(all.totalCount.value).toBe(22);
    },
  },
  {
    id: 'OP-067',
    rest: 'GET /job-functions/{function_id}',
    what: 'One job function.',
    field: 'jobFunction',
    as: 'anonymous',
    document: `query JobFunction($id: ID!) { jobFunction(id: $id) { id name } }`,
    variables: () => ({ id: reference.jobFunction }),
    check({ jobFunction }) {
      expect(jobFunction).toEqual({ id: reference.jobFunction, name: 'Data Engineering' });
    },
  },
];

export const storageEngines: Row[] = [
  {
    id: 'OP-068',
    rest: 'GET /cloud-providers/{provider_id}/storage-engines',
    what: 'The storage engines of a provider, and which of them can be connected.',
    field: 'cloudProvider.engines',
    as: 'anonymous',
    document: `query StorageEngines($id: ID!) {
      cloudProvider(id: $id) { engines(first: 50, where: { isAvailable: { eq: true } }, orderBy: { field: NAME, direction: ASC }) { nodes { serviceName engineType credentialTypes } } }
    }`,
    variables: () => ({ id: reference.provider }),
    check({ cloudProvider }) {
      expect(cloudProvider.engines.nodes).toEqual(
        [
          ['ClickHouse Server', 'EDW', ['USERNAME_PASSWORD']],
          ['MariaDB', 'RDBMS', ['USERNAME_PASSWORD']],
          ['MySQL', 'RDBMS', ['USERNAME_PASSWORD']],
          ['Ollama', 'LLM', ['NONE', 'API_KEY']],
          ['PostgreSQL', 'RDBMS', ['USERNAME_PASSWORD']],
          ['TimescaleDB', 'RDBMS', ['USERNAME_PASSWORD']],
          ['Trino', 'EDW', ['USERNAME_PASSWORD', 'OAUTH', 'NONE']],
        ].map(([serviceName, engineType, credentialTypes]) => ({ serviceName, engineType, credentialTypes })),
      );
    },
  },
  {
    id: 'OP-069',
    rest: 'GET /cloud-providers/{provider_id}/storage-engines/{engine_id}',
    what: 'One storage engine.',
    field: 'storageEngine',
    as: 'anonymous',
    document: `query StorageEngine($id: ID!) { storageEngine(id: $id) { id serviceName isAvailable unavailableReason provider { id } } }`,
    variables: () => ({ id: reference.engine }),
    check({ storageEngine }) {
      expect(storageEngine).toEqual({
        id: reference.engine,
        serviceName: 'PostgreSQL',
        isAvailable: true,
        unavailableReason: null,
        provider: { id: reference.provider },
      });
    },
  },
];

export const useCases: Row[] = [
  {
    id: 'OP-109',
    rest: 'GET /asset_usecases',
    what: 'All use cases of assets.',
    field: 'assetUseCases',
    as: 'anonymous',
    document: `query UseCases { assetUseCases(first: 2, orderBy: { field: NAME, direction: ASC }) { totalCount { value } nodes { name slug } } }`,
    check({ assetUseCases }) {
      expect(assetUseCases).toEqual({
        totalCount: { value: 22 },
        nodes: [
          { name: 'Anomaly Detection', slug: 'anomaly-detection' },
          { name: 'Basket Analysis', slug: 'basket-analysis' },
        ],
      });
    },
  },
  {
    id: 'OP-110',
    rest: 'GET /asset_usecases/{auc_id}',
    what: 'One use case.',
    field: 'assetUseCase',
    as: 'anonymous',
    document: `query UseCase($id: ID!) { assetUseCase(id: $id) { id name slug } }`,
    variables: () => ({ id: reference.useCase }),
    check({ assetUseCase }) {
      expect(assetUseCase).toEqual({
        id: reference.useCase,
        name: 'Odds and Betting Markets',
        slug: 'odds-and-betting-markets',
      });
    },
  },
];

export const industries: Row[] = [
  {
    id: 'OP-111',
    rest: 'GET /industries',
    what: 'All industries.',
    field: 'industries',
    as: 'anonymous',
    document: `query Industries { industries(first: 50) { totalCount { value } nodes { name naicsCode } } }`,
    async check({ industries }, w) {
      expect(industries.totalCount).toEqual({ value: 20 });
      expect(industries.nodes).toEqual(await w.sql('select name, "naicsCode" from "Industry" order by name, id'));
    },
  },
  {
    id: 'OP-112',
    rest: 'GET /industries/active',
    what: 'Only industries with products in the marketplace.',
    field: 'activeIndustries',
    as: 'anonymous',
    document: `query ActiveIndustries { activeIndustries(first: 50) { totalCount { value } nodes { name } } }`,
    async check({ activeIndustries }, w) {
      const rows = await w.sql(
        `select name from "Industry" i where exists (select from "Asset" a where a."industryId" = i.id and a."sellInMarketplace" and a.active)
           or exists (select from "Endpoint" e where e."industryId" = i.id and e."sellInMarketplace" and e.active) order by name, id`,
      );
      expect(activeIndustries).toEqual({ totalCount: { value: 8 }, nodes: rows });
    },
  },
  {
    id: 'OP-113',
    rest: 'GET /industries/{industry_id}',
    what: 'One industry.',
    field: 'industry',
    as: 'anonymous',
    document: `query Industry($id: ID!) { industry(id: $id) { id shortName slug naicsCode } }`,
    variables: () => ({ id: reference.industry }),
    check({ industry }) {
      expect(industry).toEqual({
        id: reference.industry,
        shortName: 'Arts & Recreation',
        slug: 'arts-recreation',
        naicsCode: 71,
      });
    },
  },
];
