/** The graph of the peers that write theirs by hand: plain lists, the same fields. */
export const typeDefs = `
  type Company {
    id: ID! name: String! handle: String!
    users(first: Int!): [User!]!
    assets(first: Int!): [Asset!]!
    endpoints(first: Int!): [Endpoint!]!
    posts(first: Int!): [Post!]!
    assetPage(first: Int!, after: String, assetType: String): AssetPage!
  }
  type User { id: ID! name: String! email: String! }
  type Asset { id: ID! name: String! description: String assetType: String! activePrice: Price owner: User }
  type Price { id: ID! priceUsd: String! }
  type Endpoint { id: ID! name: String! slug: String! }
  type Post { id: ID! title: String! publications(first: Int!): [Publication!]! }
  type Publication { id: ID! platform: String! status: String! externalPostUrl: String }
  type AssetPage { totalCount: Int! nodes: [Asset!]! pageInfo: PageInfo! }
  type PageInfo { endCursor: String hasNextPage: Boolean! }
  type Query { company(id: ID!): Company asset(id: ID!): Asset }
`;
