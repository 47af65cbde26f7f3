import { z } from 'zod';
import { typeNamed } from '../graph/builder.ts';
import { expectedVersion, idOfType, inputObject, int, json, optional, text } from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf } from '../graph/nodes.ts';
import type { AssetLocator } from './access.ts';
import { createFields, updateFields } from './input.ts';
import { refreshAssetSchema } from './inspect.ts';
import { processAsset } from './process.ts';
import { publishAsset, unpublishAsset } from './publish.ts';
import { refreshAsset } from './refresh.ts';
import { createAsset, deleteAsset, updateAsset } from './service.ts';
import { testAsset } from './test-run.ts';

const asset = { asset: { type: typeNamed('Asset'), description: 'The asset as it is now.' } };
const run = {
  run: { type: typeNamed('Run'), description: 'The run, its outcome in it; a failed one has a RunFailure there.' },
};
const id = idOfType('Asset', 'The asset.');
const parameters = optional(json('Values of its parameters by name.', z.record(z.string(), z.unknown())));
const values = (given: unknown): Record<string, unknown> => (given ?? {}) as Record<string, unknown>;

mutation('assetCreate', {
  description: 'Makes an asset. The SQL is checked: one read-only statement, its `:name`s declared as parameters.',
  access: 'assets:write',
  input: createFields,
  payload: asset,
  run: async (ctx, input) => ({ asset: await createAsset(ctx, input) }),
});

mutation('assetUpdate', {
  description: 'Changes an asset; what is left out stays. A new definition needs a new test before another listing.',
  access: 'assets:write',
  input: updateFields,
  payload: asset,
  run: async (ctx, input) => ({ asset: await updateAsset(ctx, input) }),
});

mutation('assetDelete', {
  description: 'Deletes an asset and takes it off the marketplace. Its runs and prices stay in the books.',
  access: 'assets:write',
  input: { id, expectedVersion },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await deleteAsset(ctx, input.id, input.expectedVersion);
    return { deletedId: idOf('Asset')(input) };
  },
});

mutation('assetPublish', {
  description: 'Lists an asset in the marketplace, at once. NOT_LISTABLE names all that is missing.',
  access: 'assets:write',
  input: { id },
  payload: asset,
  run: async (ctx, input) => ({ asset: await publishAsset(ctx, input.id) }),
});

mutation('assetUnpublish', {
  description: 'Takes an asset off the marketplace; it stays with its company.',
  access: 'assets:write',
  input: { id },
  payload: asset,
  run: async (ctx, input) => ({ asset: await unpublishAsset(ctx, input.id) }),
});

mutation('assetRefreshSchema', {
  description: 'Reads the schema of the table behind an asset from its engine and stores it.',
  access: 'assets:write',
  cost: 20,
  input: { id },
  payload: asset,
  run: async (ctx, input) => ({ asset: await refreshAssetSchema(ctx, input.id) }),
});

const address = inputObject('AssetAddress', 'An asset by names, as its address has them.', {
  companyHandle: text('The handle of its company.', 63),
  slug: text('Its slug.', 80),
});

mutation('assetProcess', {
  description:
    "Runs an asset on its seller's engine and charges its credits for a result, never for a failure. Own assets are free. Give the id or the address.",
  access: 'products:run',
  cost: 50,
  isIdempotent: true,
  isLong: true,
  input: {
    assetId: optional(idOfType('Asset', 'The asset, own or listed.')),
    address: optional(address.as('The asset by its address, in place of the id.')),
    parameters,
    maxCredits: optional(int('Refuses a run that costs more.', 0, 1_000_000)),
    maxAge: optional(
      int(
        'How old a cached result may be, in seconds; 0 runs anew. As old as the refresh frequency unless said.',
        0,
        31_536_000,
      ),
    ),
  },
  payload: run,
  run: async (ctx, input) => {
    const locator: AssetLocator = input.assetId
      ? { id: input.assetId }
      : (input.address ?? { id: '00000000-0000-0000-0000-000000000000' });
    return {
      run: await processAsset(ctx, {
        asset: locator,
        parameters: values(input.parameters),
        maxCredits: input.maxCredits,
        maxAge: input.maxAge,
      }),
    };
  },
});

mutation('assetRefresh', {
  description:
    'Computes an own asset anew, for free, in place of the result that it keeps for these parameters: buyers get the new one from the cache. For assets with `cached`.',
  access: 'products:run',
  cost: 50,
  isIdempotent: true,
  isLong: true,
  input: { id, parameters },
  payload: run,
  run: async (ctx, input) => ({ run: await refreshAsset(ctx, input.id, values(input.parameters)) }),
});

mutation('assetTest', {
  description:
    'Runs an own asset for free: at most 1,000 rows and 10 seconds, on DuckDB, SQLite and PostgreSQL on a tenth of its largest table (`Run.sample`). Answers columns, timings and warnings.',
  access: 'products:run',
  cost: 20,
  input: { id, parameters },
  payload: run,
  run: async (ctx, input) => ({ run: await testAsset(ctx, input.id, values(input.parameters)) }),
});
