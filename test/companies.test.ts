import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../src/companies/create.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us', domain: 'us.example', acceptedEula: false, stripeAccountStatus: null });
  them = await t.tenant({ handle: 'them', domain: 'them.example' });
});
afterAll(() => t.close());

const UPDATE = `mutation ($input: CompanyUpdateInput!) { companyUpdate(input: $input) {
  company { name description domain timezone hasAcceptedEula stripeAccountStatus version } userErrors { code path message } } }`;
const READ = '{ company { stripeAccountId stripeAccountStatus hasAcceptedEula } }';

const update = async (key: string, input: Record<string, unknown>) =>
  (await t.run(key, UPDATE, { input })).data.companyUpdate;
const refusals = async (key: string, input: Record<string, unknown>) =>
  (await update(key, input)).userErrors.map(({ code, path }: { code: string; path: string[] | null }) =>
    [code, path?.join('.')].filter(Boolean).join(' '),
  );
/** What a refused attempt must leave as it is. */
const stored = () => t.app.database.query('select * from "Company" order by id', []);

describe('companies work', () => {
  it('change what is given and keep the rest', async () => {
    const { company, userErrors } = await update(us.keys.ADMIN, { description: 'We count.', timezone: 'Asia/Kolkata' });
    expect(userErrors).toEqual([]);
    expect(company).toMatchObject({
      name: us.company.name,
      description: 'We count.',
      domain: 'us.example',
      timezone: 'Asia/Kolkata',
    });
    const cleared = await update(us.keys.ADMIN, { description: null, expectedVersion: company.version });
    expect(cleared.company).toMatchObject({ description: null, version: company.version + 1 });
  });

  it('are told by their owner where payouts go; another account has to be verified anew', async () => {
    const verify = () => t.app.database.query(`update "Company" set "stripeAccountStatus" = 'verified'`, []);
    const read = async () => (await t.run(us.keys.OWNER, READ)).data.company;
    const first = { stripeAccountId: 'acct_1Nv0FGQ9RKHgCVdK' };
    expect((await update(us.keys.OWNER, first)).company.stripeAccountStatus).toBe('pending');
    await verify();
    expect((await update(us.keys.OWNER, { ...first, name: 'Same' })).company.stripeAccountStatus).toBe('verified');
    expect((await update(us.keys.OWNER, { stripeAccountId: 'acct_2Nv0FGQ9RKHgCVdK' })).userErrors).toEqual([]);
    expect(await read()).toMatchObject({
      stripeAccountId: 'acct_2Nv0FGQ9RKHgCVdK',
      stripeAccountStatus: 'pending',
    });
    await verify();
    await update(us.keys.OWNER, { stripeAccountId: null });
    expect(await read()).toMatchObject({ stripeAccountId: null, stripeAccountStatus: null });
  });

  it('begin with the domain of their owner, unless anybody may have an address there', async () => {
    const people = { 'one-person': 'gmail.com', 'other-person': 'gmail.com', 'some-people': 'People.example' };
    for (const [handle, at] of Object.entries(people))
      await createCompany(t.app, { handle, email: `me.${handle}@${at}` });
    const made = await t.app.database.query(
      `select handle, domain from "Company" where handle = any($1) order by handle`,
      [Object.keys(people)],
    );
    expect(made).toEqual([
      { handle: 'one-person', domain: 'one-person' },
      { handle: 'other-person', domain: 'other-person' },
      { handle: 'some-people', domain: 'people.example' },
    ]);
  });

  it('accept the EULA by their owner, for the keys of all at once', async () => {
    const { company } = await update(us.keys.OWNER, { acceptEula: true });
    expect(company.hasAcceptedEula).toBe(true);
    expect((await t.run(us.keys.VIEWER, '{ company { hasAcceptedEula } }')).data.company.hasAcceptedEula).toBe(true);
  });
});

describe('companies refuse', () => {
  it.each([
    ['a domain of another', { domain: 'them.example' }, 'CONFLICT input.domain'],
    ['no domain', { domain: 'Not a domain' }, 'VALIDATION input.domain'],
    ['a domain where anybody has mail', { domain: 'gmail.com' }, 'VALIDATION input.domain'],
    ['a time zone that is none', { timezone: 'Mars/Olympus' }, 'VALIDATION input.timezone'],
    ['a time zone as an offset', { timezone: '+02:00' }, 'VALIDATION input.timezone'],
    ['to take the EULA back', { acceptEula: false }, 'VALIDATION input.acceptEula'],
    ['an account that is none', { stripeAccountId: 'DE89 3704 0044' }, 'VALIDATION input.stripeAccountId'],
    ['a stale version', { name: 'Late', expectedVersion: 999 }, 'VERSION_CONFLICT input.expectedVersion'],
    ['to be without a name', { name: null }, 'VALIDATION input.name'],
  ])('%s', async (_, input, refusal) => {
    const before = await stored();
    expect(await refusals(us.keys.OWNER, input)).toEqual([refusal]);
    expect(await stored()).toEqual(before);
  });

  it('all that is wrong at once', async () => {
    const input = { domain: 'a b c', timezone: 'Mars/Olympus', industryId: gid('Industry', 9999), acceptEula: false };
    expect(await refusals(us.keys.OWNER, input)).toEqual([
      'VALIDATION input.acceptEula',
      'VALIDATION input.timezone',
      'VALIDATION input.domain',
      'NOT_FOUND input.industryId',
    ]);
  });

  it('null for what is never empty, and say how to keep it', async () => {
    const { userErrors } = await update(us.keys.OWNER, { name: null });
    expect(userErrors[0].message).toBe('Takes a value, not null; leave it out to keep it.');
  });

  it.each([
    'creditsBalance: 5',
    'vendorShare: "0.9"',
    'planId: 3',
    'stripeAccountStatus: "verified"',
    'handle: "other"',
  ])('to write %s, which is no field of the input', async (field) => {
    const { errors } = await t.run(us.keys.OWNER, `mutation { companyUpdate(input: {${field}}) { company { id } } }`);
    expect(errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});

describe('companies guard', () => {
  it('their signatures from administrators, and everything from those below', async () => {
    const before = await stored();
    expect(await refusals(us.keys.ADMIN, { acceptEula: true })).toEqual(['FORBIDDEN input.acceptEula']);
    expect(await refusals(us.keys.ADMIN, { stripeAccountId: 'acct_3Nv0FGQ9RKHgCVdK' })).toEqual([
      'FORBIDDEN input.stripeAccountId',
    ]);
    for (const role of ['EDITOR', 'ANALYST', 'VIEWER', 'OPERATOR'] as const)
      expect(await refusals(us.keys[role], { name: 'Taken' })).toEqual(['FORBIDDEN']);
    const { data, errors } = await t.run(us.keys.ADMIN, READ);
    expect([data.company.stripeAccountId, errors?.[0]?.extensions.code]).toEqual([null, 'FORBIDDEN']);
    expect(await stored()).toEqual(before);
  });

  it('change nothing of another company', async () => {
    await update(us.keys.OWNER, { name: 'Only ours' });
    const { data } = await t.run(them.keys.OWNER, '{ company { name } }');
    expect(data.company.name).toBe(them.company.name);
  });
});
