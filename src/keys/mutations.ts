import { z } from 'zod';
import { typeNamed } from '../graph/builder.ts';
import {
  changeable,
  clearable,
  dateTime,
  defaulted,
  enumOf,
  expectedVersion,
  idOfType,
  inputObject,
  int,
  intIdOfType,
  json,
  listOfInput,
  optional,
  text,
} from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import type { RoleName as Role } from '../permissions.ts';
import { KeyKind, RateLimitPeriod, RoleName } from '../graph/product-enums.ts';
import { rotateKey } from './rotate.ts';
import { createKey, deactivateKey, revokeKey, updateKey, type KeyInput, type KeyRateLimit } from './service.ts';

const rateLimit = inputObject('ApiKeyRateLimitInput', 'How many requests a key has within a period.', {
  number: int('Requests within the period.', 1, 1_000_000),
  period: enumOf<KeyRateLimit['period']>(RateLimitPeriod, 'The period.'),
}).as('How many requests it has.');
const metadata = json(
  'Whatever else should be noted: a JSON object of at most 4000 characters.',
  z
    .record(z.string(), z.unknown(), 'Takes an object.')
    .refine((value) => JSON.stringify(value).length <= 4000, 'Takes at most 4000 characters.'),
);
const role = enumOf<Role>(
  RoleName,
  'What it may at most. A key of the kind ENDPOINT only fetches rows, whatever its role.',
);
const scopes = listOfInput(
  text('A permission, such as assets:write.', 40),
  'The permissions that it has, out of those of its role (`viewer.permissions` has names); null for all of them.',
  20,
);
const name = text('What it is called.', 200);
const id = intIdOfType('ApiKey', 'The API key.');
const needs = 'Keys of the kind ENDPOINT need endpoint-keys:write, others keys:write.';

mutation('apiKeyCreate', {
  description: `Makes an API key, owned by the caller, that never may more than they. ${needs}`,
  access: 'endpoint-keys:write',
  isIdempotent: true,
  input: {
    name,
    kind: defaulted(enumOf<KeyInput['kind']>(KeyKind, 'What it is for.'), 'ANALYTICS'),
    role: defaulted(role, 'VIEWER'),
    scopes: optional(scopes),
    endpointId: optional(
      idOfType(
        'Endpoint',
        'For the kind ENDPOINT, and needed there: an endpoint of the company, or one that another company lists.',
      ),
    ),
    mcpDeploymentId: optional(text('For the kind MCP: the deployment it is for.', 200)),
    expiresAt: optional(dateTime('When it ends; never unless said.')),
    rateLimit: optional(rateLimit),
  },
  payload: {
    apiKey: { type: typeNamed('ApiKey'), description: 'The new key.' },
    secret: { type: 'String', description: 'Its secret, told only here: send it as `x-api-key`.' },
  },
  run: async (ctx, input) => ({ ...(await createKey(ctx, input)) }),
});

mutation('apiKeyUpdate', {
  description: `Changes what is known of an API key and what it may. Its secret and kind never change. ${needs}`,
  access: 'endpoint-keys:write',
  input: {
    id,
    name: changeable(name),
    role: changeable(role),
    scopes: clearable(scopes),
    expiresAt: clearable(dateTime('When it ends.')),
    rateLimit: clearable(rateLimit),
    expectedVersion,
  },
  payload: { apiKey: { type: typeNamed('ApiKey'), description: 'The key as it is now.' } },
  run: async (ctx, input) => ({ apiKey: await updateKey(ctx, input) }),
});

mutation('apiKeyDeactivate', {
  description: `Deletes an API key: it stops working at once and is listed no more. ${needs}`,
  access: 'endpoint-keys:write',
  input: { id, expectedVersion },
  payload: { apiKey: { type: typeNamed('ApiKey'), description: 'The key, deactivated.' } },
  run: async (ctx, input) => ({ apiKey: await deactivateKey(ctx, input) }),
});

mutation('apiKeyRevoke', {
  description: `Ends an API key at once and keeps why; it stays in the list. ${needs}`,
  access: 'endpoint-keys:write',
  input: { id, reason: text('Why.', 500), metadata: optional(metadata), expectedVersion },
  payload: { apiKey: { type: typeNamed('ApiKey'), description: 'The key, revoked.' } },
  run: async (ctx, input) => ({ apiKey: await revokeKey(ctx, input) }),
});

mutation('apiKeyRotate', {
  description: `Puts a new API key in the place of another: all but the secret is the same. ${needs}`,
  access: 'endpoint-keys:write',
  isIdempotent: true,
  input: {
    id,
    overlapHours: defaulted(int('For how many hours the old one still works, at most to its own end.', 0, 168), 24),
    expectedVersion,
  },
  payload: {
    apiKey: { type: typeNamed('ApiKey'), description: 'The new key.' },
    replaced: { type: typeNamed('ApiKey'), description: 'The old key, with its new end.' },
    secret: { type: 'String', description: 'The secret of the new key, told only here.' },
  },
  run: async (ctx, input) => ({ ...(await rotateKey(ctx, input)) }),
});
