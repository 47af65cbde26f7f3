import { builder, typeNamed } from '../graph/builder.ts';
import type { CredentialType as CredentialTypeName } from '../generated/prisma/client.ts';
import {
  bool,
  changeable,
  clearable,
  enumOf,
  expectedVersion,
  idOfType,
  int,
  intIdOfType,
  json,
  optional,
  text,
} from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf } from '../graph/nodes.ts';
import { CredentialType } from '../graph/product-enums.ts';
import type { StageResult } from '../warehouse/engine.ts';
import { describeSettings } from './credentials.ts';
import { refreshSchema, testConnection, type ConnectionTest } from './inspect.ts';
import { createConnection, deleteConnection, updateConnection } from './service.ts';

const Stage = builder.enumType('ConnectionStage', {
  description: 'A step on the way to an engine.',
  values: {
    SETTINGS: { description: 'The settings are such as the engine needs.' },
    DNS: { description: 'The host has an address that may be used.' },
    TCP: { description: 'The address answers.' },
    TLS: { description: 'The way is encrypted and the certificate trusted.' },
    LOGIN: { description: 'The credentials are taken.' },
    READ_ONLY: { description: 'The session only reads.' },
    QUERY: { description: 'A statement runs.' },
  },
});
const TestStage = builder.objectRef<StageResult>('ConnectionTestStage').implement({
  description: 'How one step of a connection test went.',
  fields: (t) => ({
    stage: t.field({ type: Stage, description: 'The step.', resolve: (result) => result.stage }),
    isOk: t.exposeBoolean('ok', { description: 'Whether it succeeded.' }),
    elapsedMs: t.exposeFloat('elapsedMs', {
      description:
        'Milliseconds it took; steps that are taken together, such as DNS and TCP, all say the time of both.',
    }),
    message: t.exposeString('message', { nullable: true, description: 'What went wrong, or a warning.' }),
    hint: t.exposeString('hint', { nullable: true, description: 'What may help.' }),
  }),
});
const TestResult = builder.objectRef<ConnectionTest>('ConnectionTest').implement({
  description: 'How a test of a connection went.',
  fields: (t) => ({
    isOk: t.exposeBoolean('isOk', { description: 'Whether every step succeeded.' }),
    stages: t.field({
      type: [TestStage],
      description: 'The steps in order, up to the first that failed: at most 7.',
      resolve: (test) => test.stages,
    }),
    testedAt: t.field({ type: 'DateTime', description: 'When.', resolve: (test) => test.testedAt }),
  }),
});

const name = text('What it is called, for the seller alone; unique in the company.', 200);
const description = text('What it leads to.', 2000);
const providerDomain = text('The domain of who provides the data.', 253);
const timeoutMs = int('How long its runs may take, in milliseconds.', 1000, 300_000);
const credentialType = enumOf<CredentialTypeName>(
  CredentialType,
  'How it signs in; the usual way of its engine unless said.',
);
const accepted = `What each driver takes, \`?\` where it may be left out: ${describeSettings()} What is secret is sealed and never read again; \`StorageEngine.credentialShapes\` says it for one engine.`;
const credentials = json(`A JSON object, or the text of one. ${accepted}`);
const openMembers =
  'Members of the same that are not secret; those in `credentials` count more. `tables` of Parquet and CSV files is a list of at most 50 of `{name, files, format}`: `files` is a name inside the folder `path`, with `*` for any text and one `**` for any folders; `format` is CSV, which also takes `header` (true or false), `delimiter`, `quote` and `nullText`, or PARQUET. At most 1000 files of 64 GiB together.';
const settings = json(openMembers);
const id = idOfType('Connection', 'The connection.');

mutation('connectionCreate', {
  description: 'Makes a connection. It is not tried: `connectionTest` does that.',
  access: 'connections:write',
  input: {
    engineId: intIdOfType('StorageEngine', 'The engine it leads to.'),
    name,
    credentialType: optional(credentialType),
    credentials: optional(credentials),
    settings: optional(settings),
    description: optional(description),
    providerDomain: optional(providerDomain),
    hasVerifiedUsageAbility: bool('true confirms the right to use the data.'),
    timeoutMs: optional(timeoutMs),
  },
  payload: { connection: { type: typeNamed('Connection'), description: 'The new connection.' } },
  run: async (ctx, input) => ({ connection: await createConnection(ctx, input) }),
});

mutation('connectionUpdate', {
  description:
    'Changes a connection. New settings or credentials end its open sessions and forget its last test and its stored schema.',
  access: 'connections:write',
  input: {
    id,
    name: changeable(name),
    credentialType: changeable(credentialType),
    credentials: changeable(
      json(
        `All credentials anew. Needed where settings or the credential type change and there is a secret. ${accepted}`,
      ),
    ),
    settings: changeable(json(`All settings anew; where they are left out as a whole, they stay. ${openMembers}`)),
    description: clearable(description),
    providerDomain: clearable(providerDomain),
    timeoutMs: clearable(timeoutMs),
    expectedVersion,
  },
  payload: { connection: { type: typeNamed('Connection'), description: 'The connection as it is now.' } },
  run: async (ctx, input) => ({ connection: await updateConnection(ctx, input) }),
});

mutation('connectionDelete', {
  description: 'Deletes a connection that no active asset or endpoint uses.',
  access: 'connections:write',
  input: { id, expectedVersion },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await deleteConnection(ctx, input);
    return { deletedId: idOf('Connection')(input) };
  },
});

mutation('connectionTest', {
  description: 'Tries a connection stage by stage. One that does not work is an answer, not an error.',
  access: 'products:run',
  cost: 100,
  input: { id },
  payload: {
    test: { type: TestResult, description: 'How it went.' },
    connection: { type: typeNamed('Connection'), description: 'The connection as it is now.' },
  },
  run: async (ctx, input) => ({ ...(await testConnection(ctx, input.id)) }),
});

mutation('connectionRefreshSchema', {
  description: 'Reads the tables and columns of a connection from its engine and stores them.',
  access: 'connections:write',
  cost: 100,
  input: { id },
  payload: {
    connection: { type: typeNamed('Connection'), description: 'The connection with its `informationSchema`.' },
  },
  run: async (ctx, input) => ({ connection: await refreshSchema(ctx, input.id) }),
});
