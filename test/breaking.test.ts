import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BreakingChangeType, buildSchema, findSchemaChanges, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../src/schema.ts';

/** Whoever wrote against the last release reads in the changelog what works no longer. */

const root = path.join(import.meta.dirname, '..');

/** The schema of the last release, by the nearest tag such as v1.2.0; null where there is none, as in an archive. */
function released(): { tag: string; text: string } | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*').trim();
    return { tag, text: git('show', `${tag}:./schema.graphql`) };
  } catch {
    return null;
  }
}

/** What a change is of: `Type`, `Type.member`, `Type.field(argument:)` or `@directive`. */
const subjectOf = (description: string): string =>
  (/@?\w+\.\w+(\(\w+:\))?|@\w+(\(\w+:\))?/.exec(description) ?? /^\w+/.exec(description))?.[0] ?? description;

/** The breaking changes that the changelog does not name, in backticks, under what is not released yet. */
function unnamed(before: GraphQLSchema, after: GraphQLSchema, changelog: string): string[] {
  const news = /^## \[Unreleased\]$([\s\S]*?)(?=^## \[|$(?![\s\S]))/m.exec(changelog)?.[1] ?? '';
  return findSchemaChanges(before, after)
    .filter(({ type }) => type in BreakingChangeType)
    .map(({ description }) => description)
    .filter((description) => !news.includes(`\`${subjectOf(description)}\``));
}

describe('a breaking change of the schema', () => {
  const before = buildSchema(`directive @d on FIELD | QUERY type Query { a(x: Int): Int b: E u: U } enum E { A B }
    input I { a: Int } type T { a: Int } type V { a: I2 } scalar I2 union U = T | V`);
  const after = buildSchema(`directive @d on FIELD type Query { a(x: Int!): Int! u: U more: E } enum E { A C }
    input I { a: Int b: Int! } type V { a: I2 } scalar I2 union U = V`);

  it('is named under what is not released yet', () => {
    const names = ['@d', 'Query.a', 'Query.a(x:)', 'Query.b', 'E.B', 'I.b', 'T'];
    const changelog = (some: string[]): string =>
      `# Changelog\n\n## [Unreleased]\n\n- ${some.map((name) => `\`${name}\``).join(', ')}.\n\n## [1.0.0]\n\n- \`E.B\`\n`;
    expect(unnamed(before, after, changelog(names))).toEqual([]);
    expect(unnamed(before, after, changelog(names.filter((name) => name !== 'E.B')))).toEqual([
      'Enum value E.B was removed.',
    ]);
    expect(unnamed(before, after, changelog(names.filter((name) => name !== 'Query.a(x:)')))).toEqual([
      'Argument Query.a(x:) has changed type from Int to Int!.',
    ]);
    expect(unnamed(before, after, changelog([]))).toHaveLength(names.length);
    expect(unnamed(before, before, '')).toEqual([]);
  });

  it('since the last release is named in the changelog', ({ skip }) => {
    const last = released();
    if (!last) return skip('There is no release to compare with: no tag such as v1.2.0.');
    const changelog = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
    expect(unnamed(buildSchema(last.text), schema, changelog), `since ${last.tag}`).toEqual([]);
  });
});
