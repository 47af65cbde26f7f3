import { buildWarehouses } from '../prisma/seed/build-warehouses.ts';
import { demoCompanies } from '../prisma/seed/companies.ts';
import { seedMarket } from '../prisma/seed/demo.ts';
import type { App } from './context.ts';
import { warehouseDirectory } from './database/installation.ts';
import { roleIds, roleNames, type RoleName } from './permissions.ts';
import { hashSecret, newSecret } from './secrets.ts';

const DAY = 86_400_000;

/** `seller` and `buyer` stand for the first of each; any other name is a handle. */
function handleOf(name: string): string {
  if (name === 'seller') return demoCompanies.find((company) => company.seller)?.handle ?? name;
  if (name === 'buyer') return demoCompanies.find((company) => !company.seller)?.handle ?? name;
  return name;
}

/**
 * Makes a key for a demo company and role, named so that people know where it is from.
 * @throws Error that says which companies and roles there are.
 */
export async function issueDemoKey(
  app: App,
  company: string,
  role: string,
  more: { name?: string; expiresAt?: Date } = {},
): Promise<string> {
  const handle = handleOf(company);
  const found = await app.database.prisma.company.findUnique({ where: { handle } });
  if (!found)
    throw new Error(
      `There is no company ${handle}. The demo has ${demoCompanies.map((one) => one.handle).join(', ')}; seller and buyer stand for the first of each.`,
    );
  if (!roleNames.includes(role as RoleName) || role === 'OPERATOR')
    throw new Error(`There is no role ${role}: take OWNER, ADMIN, EDITOR, ANALYST or VIEWER.`);
  const roleId = roleIds[role as RoleName];
  const user = await app.database.prisma.user.findFirst({
    where: { companyId: found.id, roleId, active: true, status: 'ACTIVE' },
    orderBy: { createdAt: 'asc' },
  });
  const secret = newSecret('ANALYTICS');
  await app.database.prisma.apiKey.create({
    data: {
      companyId: found.id,
      userId: user?.id ?? null,
      roleId,
      kind: 'ANALYTICS',
      name: more.name ?? `Demo ${role}`,
      secretHash: hashSecret(secret),
      lastFour: secret.slice(-4),
      expiresAt: more.expiresAt ?? null,
      isSystemGenerated: true,
    },
  });
  return secret;
}

/** Begins to make the warehouses that are missing. What opens one waits for them, and so does the end of the app. */
function makeWarehouses(app: App): void {
  const made = buildWarehouses(warehouseDirectory(app.config)).catch((error: unknown) => {
    app.log.error({ err: error }, 'the warehouses of the demo could not be made: their products fail');
  });
  app.onClose(() => made);
}

/** Fills an empty database with the demo market and prints a key for each role, this once. */
export async function seedDemo(app: App, say: (text: string) => void): Promise<void> {
  makeWarehouses(app);
  if ((await app.database.prisma.company.count()) > 0) return;
  say('Making the demo market …');
  await seedMarket(app);
  say('\nKeys of the demo market, shown this once (`npm run --silent demo:key -- seller OWNER` makes more):');
  for (const [company, role] of [
    ['seller', 'OWNER'],
    ['seller', 'ADMIN'],
    ['seller', 'EDITOR'],
    ['seller', 'ANALYST'],
    ['seller', 'VIEWER'],
    ['buyer', 'OWNER'],
  ] as const) {
    say(`  ${company.padEnd(6)} ${role.padEnd(7)} ${await issueDemoKey(app, company, role)}`);
  }
}

/** A key for the explorer at a port, good for a week; those of former starts there end, and of no other process. */
export async function signInExplorer(app: App, port: number): Promise<string> {
  const name = `Explorer of the demo at port ${port}`;
  await app.database.prisma.apiKey.updateMany({
    where: { name, isSystemGenerated: true, revokedAt: null },
    data: { revokedAt: new Date(), revocationReason: 'The gateway was started again.', active: false },
  });
  return issueDemoKey(app, 'seller', 'OWNER', { name, expiresAt: new Date(Date.now() + 7 * DAY) });
}
