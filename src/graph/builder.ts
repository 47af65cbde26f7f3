import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import PrismaPlugin, { getRefFromModel, type PrismaObjectRef } from '@pothos/plugin-prisma';
import type { GraphQLFieldResolver } from 'graphql';
import type { Context } from '../context.ts';
import type { ListSize } from '../limits/cost-rules.ts';
import { DomainError } from '../errors.ts';
import type PrismaTypes from '../generated/pothos.ts';
import { getDatamodel } from '../generated/pothos.ts';
import { lackOf, type Permission } from '../permissions.ts';

/** Who may ask for a field: everybody, whoever has signed in, or callers with a permission. */
export type Access = 'public' | 'signed-in' | Permission;

export interface GatewaySchema {
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    Date: { Input: string; Output: string };
    Decimal: { Input: string; Output: string };
    BigInt: { Input: bigint; Output: bigint | string };
    JSON: { Input: unknown; Output: unknown };
    URL: { Input: string; Output: string };
    EmailAddress: { Input: string; Output: string };
    HTML: { Input: string; Output: string };
  };
}

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      access: AccessPlugin<Types>;
    }
    interface FieldOptions {
      /** Demanded of every root field and of whatever is more than its parent. */
      access?: Access;
      /** What the field adds to a request's cost; 1 for each object it gives and 0 for a value unless said. */
      cost?: number;
      /** Of a list whose items hold lists themselves: how long it may be. */
      listSize?: ListSize;
    }
  }
}

/** @throws DomainError UNAUTHENTICATED or FORBIDDEN where the caller may not. */
export function demand(ctx: Context, access: Access): void {
  if (access === 'public') return;
  if (!ctx.viewer) {
    throw new DomainError(
      'UNAUTHENTICATED',
      'Send an API key in the header x-api-key, or a session token as a bearer token.',
    );
  }
  if (access !== 'signed-in' && !ctx.viewer.permissions.has(access)) {
    throw new DomainError('FORBIDDEN', lackOf(access, ctx.viewer));
  }
}

class AccessPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const { access, cost, listSize } = config.pothosOptions as { access?: Access; cost?: number; listSize?: ListSize };
    const isRoot =
      config.parentType === 'Query' || config.parentType === 'Mutation' || config.parentType === 'Subscription';
    if (isRoot && !access) throw new Error(`${config.parentType}.${config.name} says no access.`);
    const needs = access && access !== 'public' && access !== 'signed-in' ? ` Needs ${access}.` : '';
    const costs = cost && cost > 1 ? ` Costs ${cost}.` : '';
    return {
      ...config,
      description: config.description ? config.description + needs + costs : null,
      extensions: { ...config.extensions, access: access ?? null, cost: cost ?? null, listSize: listSize ?? null },
    };
  }

  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object, unknown>,
    config: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object, unknown> {
    const access = config.extensions?.['access'] as Access | null;
    // A mutation asks for itself, so that a refusal is one of its user errors.
    if (!access || access === 'public' || config.parentType === 'Mutation') return resolver;
    return (parent, args, ctx, info) => {
      demand(ctx as Context, access);
      return resolver(parent, args, ctx, info);
    };
  }

  /** Before anything is listened to: of a subscription, resolvers only run for what comes. */
  override wrapSubscribe(
    subscribe: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    config: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    const access = config.extensions?.['access'] as Access | null;
    if (!subscribe || !access) return subscribe;
    return (parent, args, ctx, info) => {
      demand(ctx as Context, access);
      return subscribe(parent, args, ctx, info);
    };
  }
}

SchemaBuilder.registerPlugin('access', AccessPlugin);

export const builder = new SchemaBuilder<GatewaySchema>({
  plugins: ['access', PrismaPlugin],
  defaultFieldNullability: false,
  prisma: { client: (ctx) => ctx.db as Context['app']['database']['prisma'], dmmf: getDatamodel() },
});

builder.queryType({ description: 'Reads. The company comes from the credential, never from an argument.' });
builder.mutationType({
  description: 'Writes, object first. Each answers what it made or changed, or its user errors.',
});
builder.subscriptionType({
  description:
    'News as it comes, over server-sent events (`accept: text/event-stream`). A stream ends with its credential; what was missed is in the lists.',
});

/** The schema's types with Pothos's own filled in. */
export type Schema = PothosSchemaTypes.ExtendDefaultTypes<GatewaySchema>;
export type ModelName = keyof PrismaTypes;
export type ModelRow<M extends ModelName> = PrismaTypes[M]['Shape'];

/** The type of a model, wherever it is declared: slices name each other's types and never import them. */
export function typeNamed<M extends ModelName>(model: M): PrismaObjectRef<Schema, PrismaTypes[M]> {
  return getRefFromModel(model, builder as never) as unknown as PrismaObjectRef<Schema, PrismaTypes[M]>;
}
