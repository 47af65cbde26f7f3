import { expect } from 'vitest';
import { assets, users } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const OF_THE_OWNER = (where: string, fields: string): string =>
  `company { user(id: $id) { favorites(first: 20${where}, orderBy: { field: PRIORITY, direction: ASC }) { ${fields} } } }`;

export const favorites: Row[] = [
  {
    id: 'OP-058',
    rest: 'GET /companies/{company_id}/users/{user_id}/favorites',
    what: 'All favorites of one user.',
    field: 'user.favorites',
    document: `query Favorites($id: ID!) { ${OF_THE_OWNER('', 'totalCount { value } nodes { assetName category priority notes }')} }`,
    variables: () => ({ id: users.owner }),
    check({ company: { user } }) {
      expect(user.favorites).toEqual({
        totalCount: { value: 5 },
        nodes: [
          { assetName: 'Home Advantage Index', category: null, priority: 0, notes: null },
          {
            assetName: 'Closing-Price Favourite Strike Rate',
            category: 'Research',
            priority: 1,
            notes: 'Compare with last season.',
          },
          { assetName: 'Lowest Bookmaker Margin at Close', category: 'Work', priority: 2, notes: null },
          { assetName: 'Return on Backing Away Underdogs', category: null, priority: 3, notes: null },
          { assetName: 'Bookmaker Margins Month by Month', category: 'Work', priority: 4, notes: null },
        ],
      });
    },
  },
  {
    id: 'OP-060',
    rest: 'GET /companies/{company_id}/users/{user_id}/favorites/category/{category}',
    what: 'The favorites of one category.',
    field: 'user.favorites',
    document: `query FavoritesOfACategory($id: ID!) { ${OF_THE_OWNER(', where: { category: { eq: "Work" } }', 'nodes { assetName }')} }`,
    variables: () => ({ id: users.owner }),
    check({ company: { user } }) {
      expect(user.favorites.nodes).toEqual([
        { assetName: 'Lowest Bookmaker Margin at Close' },
        { assetName: 'Bookmaker Margins Month by Month' },
      ]);
    },
  },
  {
    id: 'OP-062',
    rest: 'GET /companies/{company_id}/users/{user_id}/favorites/uncategorized',
    what: 'The favorites without a category.',
    field: 'user.favorites',
    document: `query FavoritesWithoutACategory($id: ID!) { ${OF_THE_OWNER(', where: { category: { isNull: true } }', 'nodes { assetName }')} }`,
    variables: () => ({ id: users.owner }),
    check({ company: { user } }) {
      expect(user.favorites.nodes).toEqual([
        { assetName: 'Home Advantage Index' },
        { assetName: 'Return on Backing Away Underdogs' },
      ]);
    },
  },
  {
    id: 'OP-059',
    rest: 'POST /companies/{company_id}/users/{user_id}/favorites',
    what: 'Keeps an asset as a favorite of the caller; adding it again answers the one there is.',
    field: 'favoriteAdd',
    document: `mutation FavoriteAdd($input: FavoriteAddInput!) {
      favoriteAdd(input: $input) { favorite { id assetName category priority user { id } } isNew ${userErrors} }
    }`,
    variables: () => ({ input: { assetId: assets.grossMargin, category: 'Benchmarks', priority: 7 } }),
    async check({ favoriteAdd }, w) {
      expect(favoriteAdd).toMatchObject({
        favorite: {
          assetName: 'Gross Margin of the Last 30 Days',
          category: 'Benchmarks',
          priority: 7,
          user: { id: users.owner },
        },
        isNew: true,
      });
      w.kept['favoriteId'] = favoriteAdd.favorite.id;
      const again = await w.ask(this.document, { input: { assetId: assets.grossMargin, category: 'Other' } });
      expect(again.favoriteAdd).toEqual({ ...favoriteAdd, isNew: false });
    },
  },
  {
    id: 'OP-061',
    rest: 'GET /companies/{company_id}/users/{user_id}/favorites/check/{asset_id}',
    what: 'Whether an asset is a favorite of the caller: the favorite, or null.',
    field: 'favoriteFor',
    document: `query FavoriteFor($assetId: ID!) { favoriteFor(assetId: $assetId) { id category } }`,
    variables: () => ({ assetId: assets.grossMargin }),
    async check({ favoriteFor }, w) {
      expect(favoriteFor).toEqual({ id: w.kept['favoriteId'], category: 'Benchmarks' });
      expect(await w.ask(this.document, { assetId: assets.goalsPerMatch })).toEqual({ favoriteFor: null });
    },
  },
  {
    id: 'OP-064',
    rest: 'GET /companies/{company_id}/users/{user_id}/favorites/{favorite_id}',
    what: 'One favorite.',
    field: 'node',
    document: `query Favorite($id: ID!) { node(id: $id) { ... on Favorite { assetName category priority version } } }`,
    variables: (kept) => ({ id: kept['favoriteId'] }),
    async check({ node }, w) {
      expect(node).toEqual({
        assetName: 'Gross Margin of the Last 30 Days',
        category: 'Benchmarks',
        priority: 7,
        version: 1,
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ node: null });
    },
  },
  {
    id: 'OP-065',
    rest: 'PATCH /companies/{company_id}/users/{user_id}/favorites/{favorite_id}',
    what: 'Changes notes, category or priority; null clears.',
    field: 'favoriteUpdate',
    document: `mutation FavoriteUpdate($input: FavoriteUpdateInput!) {
      favoriteUpdate(input: $input) { favorite { category notes priority version } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { id: kept['favoriteId'], category: null, notes: 'Ask for weekly figures.', expectedVersion: 1 },
    }),
    async check({ favoriteUpdate: { favorite } }, w) {
      const changed = { category: null, notes: 'Ask for weekly figures.', priority: 7, version: 2 };
      expect(favorite).toEqual(changed);
      const read = await w.ask('query ($id: ID!) { favoriteFor(assetId: $id) { category notes priority version } }', {
        id: assets.grossMargin,
      });
      expect(read.favoriteFor).toEqual(changed);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
    },
  },
  {
    id: 'OP-063',
    rest: 'DELETE /companies/{company_id}/users/{user_id}/favorites/{favorite_id}',
    what: 'Removes a favorite.',
    field: 'favoriteRemove',
    document: `mutation FavoriteRemove($input: FavoriteRemoveInput!) { favoriteRemove(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['favoriteId'] } }),
    async check({ favoriteRemove }, w) {
      expect(favoriteRemove.deletedId).toBe(w.kept['favoriteId']);
      const read = await w.ask('query ($id: ID!) { favoriteFor(assetId: $id) { id } }', { id: assets.grossMargin });
      expect(read).toEqual({ favoriteFor: null });
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['NOT_FOUND input.id']);
    },
  },
];
