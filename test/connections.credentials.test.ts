import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeSettings, settingFields, splitSettings, type SettingField } from '../src/connections/credentials.ts';
import { DomainError, DomainErrors } from '../src/errors.ts';
import type { CredentialType } from '../src/generated/prisma/client.ts';
import { storageEngines } from '../src/reference/data.ts';
import { mutate } from './assets.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant();
});
afterAll(() => t.close());

const usable = storageEngines.filter((engine) => engine.driver !== null);
const ways = new Map(
  usable.flatMap((engine) =>
    engine.credentialTypes.map((type) => [
      `${engine.driver} by ${type}`,
      { driver: engine.driver as string, type: type as CredentialType },
    ]),
  ),
);
const SNOWFLAKE = 34;
const TRINO = 53;
const FIELDS = 'connection { id credentialType settings maskedCredentials version }';
const create = (engineId: number, input: object) =>
  mutate(
    t,
    us.keys.EDITOR,
    'connectionCreate',
    { engineId: gid('StorageEngine', engineId), hasVerifiedUsageAbility: true, ...input },
    FIELDS,
  );
const paths = (answer: { userErrors: { code: string; path: string[] }[] }): string[] =>
  answer.userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);
/** The messages of what the table refuses. */
function refusals(driver: string, type: CredentialType, credentials: Record<string, unknown>): string[] {
  try {
    splitSettings(driver, type, [], {}, credentials);
    return [];
  } catch (error) {
    if (error instanceof DomainErrors) return error.errors.map(({ message }) => message);
    if (error instanceof DomainError) return [error.message];
    throw error;
  }
}

describe('shapes of credentials work', () => {
  it('as the description of `credentials` names them, for every engine and credential type', async () => {
    const { data } = await t.run(
      us.keys.VIEWER,
      '{ create: __type(name: "ConnectionCreateInput") { inputFields { name description } } update: __type(name: "ConnectionUpdateInput") { inputFields { name description } } }',
    );
    for (const type of [data.create, data.update]) {
      const { description } = type.inputFields.find((field: { name: string }) => field.name === 'credentials');
      expect(description).toContain(describeSettings());
      const named = new Map<string, string[]>();
      for (const [, driver, types = '', fields = ''] of description.matchAll(
        /([\w-]+) by ([A-Z_ or]+): `\{([^}]*)\}`/g,
      ))
        for (const one of types.split(' or ')) named.set(`${driver} by ${one}`, fields.split(', '));
      expect([...named.keys()].sort()).toEqual([...ways.keys()].sort());
      for (const [way, names] of named) {
        const { driver, type: of } = ways.get(way) as { driver: string; type: CredentialType };
        const required = names.filter((name) => !name.endsWith('?'));
        expect(refusals(driver, of, {}).sort()).toEqual(required.map((name) => `${name} is missing.`).sort());
        const all = Object.fromEntries(names.map((name) => [name.replace('?', ''), { not: 'it' }]));
        const unknown = refusals(driver, of, { ...all, colour: 'red' }).filter((one) => one.includes('no setting'));
        expect(unknown).toEqual([`colour is no setting of this engine by ${of}.`]);
      }
    }
  });

  it('of an engine, with what is secret', async () => {
    const { data } = await t.run(
      null,
      'query ($id: ID!) { storageEngine(id: $id) { credentialShapes { credentialType fields { name kind isRequired isSecret allowedValues } } } }',
      { id: gid('StorageEngine', TRINO) },
    );
    const { credentialShapes } = data.storageEngine;
    expect(credentialShapes.map((shape: { credentialType: string }) => shape.credentialType)).toEqual([
      'USERNAME_PASSWORD',
      'OAUTH',
      'NONE',
    ]);
    const field = (name: string, more: object = {}) => ({
      name,
      kind: 'TEXT',
      isRequired: true,
      isSecret: false,
      allowedValues: [],
      ...more,
    });
    expect(credentialShapes[1].fields).toEqual([
      field('host'),
      field('port', { kind: 'NUMBER', isRequired: false }),
      field('username'),
      field('catalog'),
      field('schema', { isRequired: false }),
      field('tls', { isRequired: false, allowedValues: ['REQUIRED', 'DISABLED'] }),
      field('sslRootCert', { isRequired: false }),
      field('maximumBytesScanned', { isRequired: false }),
      field('token', { isSecret: true }),
    ]);
  });

  it('hold every secret of every driver, within the bounds that they tell', async () => {
    const { data } = await t.run(
      null,
      '{ storageEngines(first: 100) { nodes { serviceName isAvailable credentialTypes credentialShapes { credentialType fields { name isSecret allowedValues } } } } }',
    );
    for (const engine of data.storageEngines.nodes) {
      const types = engine.credentialShapes.map((shape: { credentialType: string }) => shape.credentialType);
      expect(types).toEqual(engine.isAvailable ? engine.credentialTypes : []);
    }
    for (const name of new Set(usable.map((engine) => engine.driver as string))) {
      if (!t.app.engines.has(name)) continue;
      const of = [...ways.values()].filter(({ driver }) => driver === name);
      const fields = of.flatMap(({ type }): SettingField[] => settingFields(name, type));
      const names = new Set(fields.map((field) => field.name));
      expect(t.app.engines.get(name).secretSettings.filter((secret) => !names.has(secret))).toEqual([]);
      for (const { type } of of) expect(settingFields(name, type).length).toBeLessThanOrEqual(30);
      for (const { allowedValues } of fields) expect(allowedValues.length).toBeLessThanOrEqual(10);
    }
  });

  it('say the kind of a token, and change with the credential type', async () => {
    const account = 'myorg-account1';
    const made = await create(SNOWFLAKE, {
      name: 'Snow',
      credentialType: 'OAUTH',
      credentials: { account, token: 'a-token-of-theirs-1234', warehouse: 'WH' },
    });
    expect(made).toEqual({
      connection: {
        id: expect.any(String),
        credentialType: 'OAUTH',
        settings: { account, warehouse: 'WH', tokenType: 'OAUTH' },
        maskedCredentials: '****1234',
        version: 1,
      },
      userErrors: [],
    });
    const { id } = made.connection;
    const alone = await mutate(t, us.keys.EDITOR, 'connectionUpdate', { id, credentialType: 'API_KEY' }, FIELDS);
    expect(paths(alone)).toEqual(['VALIDATION input.credentials']);
    const input = { id, credentialType: 'API_KEY', credentials: { token: 'another-token-5678' } };
    const changed = await mutate(t, us.keys.EDITOR, 'connectionUpdate', input, FIELDS);
    expect(changed).toMatchObject({
      connection: {
        credentialType: 'API_KEY',
        settings: { account, warehouse: 'WH', tokenType: 'PROGRAMMATIC_ACCESS_TOKEN' },
        maskedCredentials: '****5678',
      },
      userErrors: [],
    });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const pair = { id, credentialType: 'KEY_PAIR', credentials: { username: 'ada', privateKey: pem } };
    expect(await mutate(t, us.keys.EDITOR, 'connectionUpdate', pair, FIELDS)).toMatchObject({
      connection: { credentialType: 'KEY_PAIR', settings: { account, warehouse: 'WH', username: 'ada' } },
      userErrors: [],
    });
  });
});

describe('shapes of credentials refuse', () => {
  it('what belongs to another credential type, by name', async () => {
    const trino = { host: 'trino.example.com', username: 'ada', catalog: 'hive' };
    const oauth = { name: 'T', credentialType: 'OAUTH', credentials: { ...trino, password: 'secret' } };
    expect(paths(await create(TRINO, oauth))).toEqual([
      'VALIDATION input.credentials.token',
      'VALIDATION input.credentials.password',
    ]);
    const plain = { name: 'T', credentials: trino };
    expect(paths(await create(TRINO, plain))).toEqual(['VALIDATION input.credentials.password']);
    const kind = { account: 'myorg-a', token: 'some-token', tokenType: 'OAUTH' };
    expect(paths(await create(SNOWFLAKE, { name: 'S', credentialType: 'API_KEY', credentials: kind }))).toEqual([
      'VALIDATION input.credentials.tokenType',
    ]);
    expect(refusals('postgres', 'USERNAME_PASSWORD', {})).toContain('host is missing.');
    expect(refusals('trino', 'API_KEY', trino)).toEqual(['The driver trino does not sign in by API_KEY.']);
  });
});
