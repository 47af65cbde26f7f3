import { builder, type ModelRow } from '../graph/builder.ts';
import { endpointColumns } from '../endpoints/columns.ts';
import { parametersOf } from '../endpoints/values.ts';
import { load } from '../lists/loader.ts';
import { idOf } from '../graph/nodes.ts';
import { AssetType, EndpointStatus } from '../graph/product-enums.ts';
import { AssetParameter } from '../graph/product-types.ts';
import { rowBy } from '../lists/rows.ts';
import { LISTED } from './listed.ts';
import { listingFields } from './listing-fields.ts';

/** Types of their own for what other companies see: a column of the seller's cannot slip in by a forgotten check. */

export const listedAsset = rowBy<ModelRow<'Asset'>>('Asset', { where: LISTED });
export const listedEndpoint = rowBy<ModelRow<'Endpoint'>>('Endpoint', { where: LISTED });

export const AssetListing = builder.prismaObject('Asset', {
  variant: 'AssetListing',
  description: 'An asset as the marketplace shows it. Its SQL and connection stay with the seller.',
  fields: (t) => ({
    ...listingFields(t, 'asset', { unit: 'run', use: 'run' }),
    id: t.id({ description: 'The id of the asset, for assetProcess.', resolve: idOf('Asset') }),
    assetType: t.field({ type: AssetType, description: 'What it answers.', resolve: (row) => row.assetType }),
    parameters: t.field({
      type: [AssetParameter],
      description: 'Values that a run takes, at most 50.',
      resolve: (row) => (row.allowParams ? row.parameters : []) as never,
    }),
    isCached: t.exposeBoolean('cached', { description: 'Whether a run may answer with a kept result.' }),
  }),
});

interface ListedColumn {
  name: string;
  type: string;
  alias?: string | null;
  isHidden?: boolean;
}

const ListingColumn = builder.objectRef<ListedColumn>('ListingColumn').implement({
  description: 'A column of the rows of an endpoint.',
  fields: (t) => ({
    name: t.string({ description: 'Its name in the rows.', resolve: (column) => column.alias ?? column.name }),
    type: t.exposeString('type', { description: 'What its cells are.' }),
  }),
});

export const EndpointListing = builder.prismaObject('Endpoint', {
  variant: 'EndpointListing',
  description: 'An endpoint as the marketplace shows it. Its table and connection stay with the seller.',
  fields: (t) => ({
    ...listingFields(t, 'endpoint', { unit: 'page', use: 'called' }),
    id: t.id({ description: 'The id of the endpoint, for endpointFetch.', resolve: idOf('Endpoint') }),
    status: t.field({ type: EndpointStatus, description: 'Whether it runs.', resolve: (row) => row.status }),
    columns: t.field({
      type: [ListingColumn],
      description: 'The columns of its rows, at most 500.',
      resolve: (row) =>
        ((row.endpointSchema as { columns?: ListedColumn[] }).columns ?? []).filter((column) => !column.isHidden),
    }),
    parameters: t.field({
      type: ['EndpointParameter' as never],
      description: 'Values that a page takes for its filters, at most 200.',
      resolve: async (row, _, ctx) => {
        // A list leaves the schema out where nothing asked for is named like a part of it.
        const full =
          row.endpointSchema === undefined ? await load(ctx, listedEndpoint, { company: null, id: row.id }) : row;
        return parametersOf(endpointColumns(full?.endpointSchema)) as never;
      },
    }),
    maxRecordsPerRequest: t.exposeInt('maxRecordsPerRequest', { description: 'Rows of a page at most.' }),
    sampleResponse: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The last answer a buyer got, as a sample.',
      resolve: (row) => row.sampleResponse,
    }),
  }),
});
