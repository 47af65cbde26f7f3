import { lexicographicSortSchema, specifiedDirectives, type GraphQLSchema } from 'graphql';
import './graph/scalars.ts';
import './reference/schema.ts';
import './usage/schema.ts';
import './companies/schema.ts';
import './users/schema.ts';
import './keys/schema.ts';
import './connections/schema.ts';
import './prices/schema.ts';
import './prices/receipt-schema.ts';
import './assets/schema.ts';
import './endpoints/schema.ts';
import './charts/schema.ts';
import './exports/schema.ts';
import './favorites/schema.ts';
import './alerts/schema.ts';
import './integrations/schema.ts';
import './posts/schema.ts';
import './analytics/schema.ts';
import './marketplace/schema.ts';
import './platform/schema.ts';
import { builder } from './graph/builder.ts';
import { costDirectives } from './limits/cost-rules.ts';

/** The graph: every slice's part of it, and nothing else. */
export const schema: GraphQLSchema = lexicographicSortSchema(
  builder.toSchema({ sortSchema: false, directives: [...specifiedDirectives, ...costDirectives] }),
);
