import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { formatError, requestError } from '../src/graph/error-format.ts';
import { DomainError, requestErrorCodes, userErrorCodes } from '../src/errors.ts';
import { createLog } from '../src/log.ts';

const text = readFileSync(path.join(import.meta.dirname, '../docs/errors.md'), 'utf8');
const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d*) ?\| (yes|no) \| (.+) \|$/gm)].map(
  ([, code = '', status = '', retry = '', when = '']) => ({ code, status, retry, when }),
);

describe('docs/errors.md', () => {
  it('has every code once, in the order of the code', () => {
    expect(rows.map(({ code }) => code)).toEqual([...requestErrorCodes, ...userErrorCodes]);
    for (const { code, when } of rows) expect(when, code).toMatch(/^[A-Z].*\.$/);
  });

  it.each(rows)('tells the status of $code and whether to try again as they are', ({ code, status, retry }) => {
    const error = requestError(new DomainError(code as 'INTERNAL', 'A message.'));
    const http = error.extensions['http'] as { status: number } | undefined;
    expect(String(http?.status ?? '')).toBe(status);
    const shown = formatError(new GraphQLError('', { originalError: error }), 'an-id', createLog('silent'));
    expect(shown.extensions).toMatchObject({ code, requestId: 'an-id', retryable: retry === 'yes' });
  });

  it('names the failures of runs that the schema names', () => {
    const schema = readFileSync(path.join(import.meta.dirname, '../schema.graphql'), 'utf8');
    const described = /type RunFailure \{\s+"""\s+([^"]+?)\s+"""\s+code:/.exec(schema)?.[1] ?? '';
    const codesOf = (part: string): string[] => (part.match(/[A-Z_]{6,}/g) ?? []).toSorted();
    expect(codesOf(text.slice(text.indexOf('## Codes of `RunFailure`')))).toEqual(codesOf(described));
    expect(codesOf(described).length).toBeGreaterThan(10);
  });
});
