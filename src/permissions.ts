/** Roles and their stable numbers, as `role_id` has them. */
export const roleIds = { OWNER: 1, ADMIN: 2, EDITOR: 3, ANALYST: 4, VIEWER: 5, OPERATOR: 9 } as const;
export type RoleName = keyof typeof roleIds;
export const roleNames = Object.keys(roleIds) as RoleName[];

const viewer = ['company:read'] as const;
const analyst = [...viewer, 'products:run', 'personal:write'] as const;
const editor = [
  ...analyst,
  'connections:write',
  'assets:write',
  'prices:write',
  'endpoints:write',
  'endpoint-keys:write',
  'posts:write',
  'integrations:write',
] as const;
const admin = [...editor, 'users:write', 'keys:write', 'company:write'] as const;
const owner = [...admin, 'admins:write', 'company:sign'] as const;
const operator = ['platform:operate'] as const;

export type Permission = (typeof owner)[number] | (typeof operator)[number];

/** All of them. */
export const permissionNames: readonly Permission[] = [...owner, ...operator];

/** The one table of who may what. A permission not in a role's row is denied. */
export const permissionsOf: Readonly<Record<RoleName, ReadonlySet<Permission>>> = {
  OWNER: new Set<Permission>(owner),
  ADMIN: new Set<Permission>(admin),
  EDITOR: new Set<Permission>(editor),
  ANALYST: new Set<Permission>(analyst),
  VIEWER: new Set<Permission>(viewer),
  OPERATOR: new Set<Permission>(operator),
};

/** The name of a role's number. @throws Error for a number that is none: the database holds no other. */
export function roleName(id: number): RoleName {
  const name = roleNames.find((candidate) => roleIds[candidate] === id);
  if (!name) throw new Error(`No role has the number ${id}.`);
  return name;
}

/** What a key of a role has: the scopes it was given, as far as the role has them; without any, all that the role has. */
export function permissionsWithin(role: RoleName, scopes: readonly string[]): ReadonlySet<Permission> {
  if (scopes.length === 0) return permissionsOf[role];
  return new Set([...permissionsOf[role]].filter((permission) => scopes.includes(permission)));
}

/** What would be handed out that the giver does not have; empty where they may: nobody gives more than they have. */
export function excessOf(own: ReadonlySet<Permission>, given: ReadonlySet<Permission>): Permission[] {
  return [...given].filter((permission) => !own.has(permission));
}

/** Says that a permission is missing, and whether the role lacks it or the key was not given it. */
export function lackOf(
  permission: Permission,
  { role, endpointId }: { role: RoleName; endpointId?: string | null },
): string {
  const why = endpointId
    ? 'a key of an endpoint does not have: it reaches the rows of its endpoint alone'
    : permissionsOf[role].has(permission)
      ? 'this API key was not given'
      : `your role (${role}) does not have`;
  return `This needs the permission ${permission}, which ${why}.`;
}
