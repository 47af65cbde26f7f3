import { randomBytes } from 'node:crypto';
import { grantCredits, openAccounts } from '../../src/credits/journal.ts';
import type { Database } from '../../src/database/db.ts';
import type { Prisma } from '../../src/generated/prisma/client.ts';
import { newId } from '../../src/ids.ts';
import { roleIds, type RoleName } from '../../src/permissions.ts';
import { hashSecret, newSecret } from '../../src/secrets.ts';
import { slugOf } from '../../src/text/slug.ts';

type Unchecked<T> = Partial<T> & Record<string, unknown>;

/** Makes rows for the demo market and for tests; whatever is not said gets a sensible value. */
export function createWorld(database: Database) {
  const db = database.prisma;
  let count = 0;
  const next = (): number => ++count;

  return {
    /** A company with its accounts; `credits` are granted through the journal. */
    async company(more: Unchecked<Prisma.CompanyUncheckedCreateInput> & { credits?: number } = {}) {
      const { credits = 0, ...fields } = more;
      const n = next();
      const handle = (fields.handle as string | undefined) ?? `company-${n}`;
      const made = await db.company.create({
        data: {
          id: newId(),
          handle,
          domain: `${handle}.example`,
          name: `Company ${n}`,
          acceptedEula: true,
          ...fields,
        } as Prisma.CompanyUncheckedCreateInput,
      });
      await openAccounts(database.query, made.id);
      if (credits > 0) await grantCredits(database.query, made.id, credits, 'Opening balance');
      return { ...made, creditsBalance: credits };
    },

    user(companyId: string, role: RoleName = 'VIEWER', more: Unchecked<Prisma.UserUncheckedCreateInput> = {}) {
      const n = next();
      const data = {
        id: newId(),
        companyId,
        roleId: roleIds[role],
        status: 'ACTIVE',
        name: `User ${n}`,
        email: `user-${n}-${randomBytes(3).toString('hex')}@example.com`,
        ...more,
      };
      return db.user.create({ data: data as Prisma.UserUncheckedCreateInput });
    },

    /** A key and its secret, which is nowhere else. */
    async apiKey(companyId: string, role: RoleName, more: Unchecked<Prisma.ApiKeyUncheckedCreateInput> = {}) {
      const kind = (more.kind as 'ANALYTICS' | 'ENDPOINT' | 'MCP' | undefined) ?? 'ANALYTICS';
      const secret = newSecret(kind);
      const data = {
        companyId,
        roleId: roleIds[role],
        kind,
        name: `Key ${next()}`,
        secretHash: hashSecret(secret),
        lastFour: secret.slice(-4),
        ...more,
      };
      return { secret, key: await db.apiKey.create({ data: data as Prisma.ApiKeyUncheckedCreateInput }) };
    },

    /** A connection, to a DuckDB file unless said otherwise. */
    connection(companyId: string, more: Unchecked<Prisma.ConnectionUncheckedCreateInput> = {}) {
      const data = {
        id: newId(),
        companyId,
        engineId: 57,
        name: `Connection ${next()}`,
        verifiedUsageAbility: true,
        ...more,
      };
      return db.connection.create({ data: data as Prisma.ConnectionUncheckedCreateInput });
    },

    asset(companyId: string, more: Unchecked<Prisma.AssetUncheckedCreateInput> = {}) {
      const n = next();
      const name = (more.name as string | undefined) ?? `Asset ${n}`;
      const data = {
        id: newId(),
        companyId,
        name,
        slug: slugOf(name),
        source: 'MANUAL',
        assetType: 'CALCULATION',
        sqlLogic: 'select 42 as answer_value',
        shortCode: randomBytes(5).toString('hex').slice(0, 8),
        acceptTerms: true,
        ...more,
      };
      return db.asset.create({ data: data as Prisma.AssetUncheckedCreateInput });
    },

    endpoint(companyId: string, connectionId: string, more: Unchecked<Prisma.EndpointUncheckedCreateInput> = {}) {
      const name = (more.name as string | undefined) ?? `Endpoint ${next()}`;
      const data = { id: newId(), companyId, connectionId, name, slug: slugOf(name), ...more };
      return db.endpoint.create({ data: data as Prisma.EndpointUncheckedCreateInput });
    },

    /** A price row of an asset or endpoint, active unless it has an end. */
    price(
      companyId: string,
      product: { assetId: string } | { endpointId: string },
      amountUsd: string,
      more: Unchecked<Prisma.PriceUncheckedCreateInput> = {},
    ) {
      return db.price.create({
        data: { id: newId(), companyId, ...product, amountUsd, ...more } as Prisma.PriceUncheckedCreateInput,
      });
    },

    post(companyId: string, userId: string, more: Unchecked<Prisma.PostUncheckedCreateInput> = {}) {
      const data = { id: newId(), companyId, userId, title: `Post ${next()}`, contentHtml: '<p>Text.</p>', ...more };
      return db.post.create({ data: data as Prisma.PostUncheckedCreateInput });
    },
  };
}

export type World = ReturnType<typeof createWorld>;
