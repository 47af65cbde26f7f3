import { expect } from 'vitest';
import { company } from './demo.ts';
import { userErrors, type Row } from './row.ts';

export const companies: Row[] = [
  {
    id: 'OP-041',
    rest: 'GET /companies/{company_id}',
    what: 'The company of the caller.',
    field: 'company',
    document: `query Company {
      company { id handle name domain timezone industry { shortName } country { code } hasAcceptedEula vendorShare creditsBalance }
    }`,
    async check({ company: found }, w) {
      const [row] = await w.sql(
        `select sum(e.amount)::int as credits from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId"
           join "Company" c on c.id = a."companyId" where c.handle = 'kickoff-metrics' and a.kind = 'BUYER_CREDITS'`,
      );
      expect(found).toEqual({
        id: company,
        handle: 'kickoff-metrics',
        name: 'Kickoff Metrics',
        domain: 'kickoff-metrics.example',
        timezone: 'Europe/London',
        industry: { shortName: 'Arts & Recreation' },
        country: { code: 'GB' },
        hasAcceptedEula: true,
        vendorShare: '0.80',
        creditsBalance: row?.['credits'],
      });
    },
  },
  {
    id: 'OP-042',
    rest: 'PATCH /companies/{company_id}',
    what: 'Changes what is given of the company of the caller.',
    field: 'companyUpdate',
    document: `mutation CompanyUpdate($input: CompanyUpdateInput!) {
      companyUpdate(input: $input) { company { description partnershipType timezone version } ${userErrors} }
    }`,
    variables: () => ({
      input: { description: 'Odds, results and ratings.', partnershipType: 'SELF_MANAGED', expectedVersion: 1 },
    }),
    async check({ companyUpdate: { company: changed } }, w) {
      expect(changed).toEqual({
        description: 'Odds, results and ratings.',
        partnershipType: 'SELF_MANAGED',
        timezone: 'Europe/London',
        version: 2,
      });
      const read = await w.ask('{ company { description partnershipType timezone version } }');
      expect(read.company).toEqual(changed);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
      expect(await w.refused(this.document, { input: { domain: 'basket-insights.example' } })).toEqual([
        'CONFLICT input.domain',
      ]);
    },
  },
  {
    id: 'OP-048',
    rest: 'GET /companies/{company_id}/objects',
    what: 'All connections and assets of the company in one list.',
    field: 'company.objects',
    document: `query Objects { company { objects(first: 50) { totalCount { value } nodes { id kind name updatedAt } } } }`,
    async check({ company: { objects } }, w) {
      const rows = await w.sql(
        `select kind, name from (select 'CONNECTION' as kind, name, "companyId", active from "Connection" union all select 'ASSET', name, "companyId", active from "Asset") o
           where active and "companyId" = (select id from "Company" where handle = 'kickoff-metrics')`,
      );
      const found = objects.nodes.map(({ kind, name }: { kind: string; name: string }) => ({ kind, name }));
      expect(objects.totalCount.value).toBe(14);
      expect(found).toHaveLength(14);
      expect(found).toEqual(expect.arrayContaining(rows));
      expect(found).toContainEqual({ kind: 'CONNECTION', name: 'Sports warehouse' });
    },
  },
  {
    id: 'OP-049',
    rest: 'GET /companies/{company_id}/requests/plan',
    what: 'How many requests a month the plan of the company has.',
    field: 'company.plan',
    document: `query Plan { company { plan { code name monthlyRequests } } }`,
    check({ company: { plan } }) {
      expect(plan).toEqual({ code: 'GROWTH', name: 'Growth', monthlyRequests: 250_000 });
    },
  },
  {
    id: 'OP-050',
    rest: 'GET /companies/{company_id}/requests/usage',
    what: 'What the company has used in a month, by day, product and key, and its log as CSV, as a file too.',
    field: 'company.usage',
    document: `query Usage {
      company { usage { month total successes failures byDay { day total } byProduct { name total } byKey { total } csv downloadUrl quota { monthlyRequests used remaining resetAt } } }
    }`,
    prepare: (w) => w.t.app.usage.flush(),
    async check({ company: { usage } }, w) {
      const [row] = await w.sql(
        `select count(*)::int as total, (count(*) filter (where status = 'SUCCEEDED'))::int as successes from "Run"
           where "companyId" = (select id from "Company" where handle = 'kickoff-metrics') and kind <> 'TEST'
             and "startedAt" >= date_trunc('month', now() at time zone 'UTC') at time zone 'UTC'`,
      );
      const { total, successes } = row as { total: number; successes: number };
      const sum = (list: { total: number }[]): number => list.reduce((value, one) => value + one.total, 0);
      expect(usage).toMatchObject({
        month: new Date().toISOString().slice(0, 7),
        total,
        successes,
        failures: total - successes,
      });
      expect([sum(usage.byDay), sum(usage.byProduct), sum(usage.byKey)]).toEqual([total, total, total]);
      expect(usage.quota).toMatchObject({ monthlyRequests: 250_000, used: successes, remaining: 250_000 - successes });
      const lines = usage.csv.trimEnd().split('\r\n');
      expect(lines[0]).toBe(
        'started_at,run_id,product_kind,product,seller,status,error_code,credits,rows,elapsed_ms,api_key',
      );
      expect(lines).toHaveLength(total + 1);
      const file = await w.t.gateway.fetch(usage.downloadUrl);
      expect(await file.text()).toBe(usage.csv);
      const { company: past } = await w.ask(
        '{ company { usage(month: "2020-02") { total successes byDay { total } } } }',
      );
      expect(past.usage).toEqual({ total: 0, successes: 0, byDay: Array.from({ length: 29 }, () => ({ total: 0 })) });
    },
  },
];
