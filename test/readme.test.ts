import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueDemoKey, seedDemo } from '../src/demo.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

const root = path.join(import.meta.dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/** Each command with `curl` and the answer that the README shows under it. */
const shown = [
  ...readme.matchAll(
    /```sh\nKEY=\$\(npm run --silent demo:key -- (\w+) (\w+)\)\ncurl [^\n]* -d '([^\n]*)'\n```\n\n```json\n([\s\S]*?)\n```/g,
  ),
].map(([, company = '', role = '', body = '', answer = '']) => ({
  company,
  role,
  body,
  answer,
}));

let t: TestGateway;
beforeAll(async () => {
  t = await testGateway({ DEMO: 'true' });
  await seedDemo(t.app, () => {});
});
afterAll(() => t.close());

describe('the README', () => {
  it('shows two answers', () => expect(shown).toHaveLength(2));

  it.each(shown)(
    'shows what the gateway really answers to the demo $company',
    async ({ company, role, body, answer }) => {
      const key = await issueDemoKey(t.app, company, role);
      const response = await t.gateway.fetch('http://gateway/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key },
        body,
      });
      expect(await response.json()).toEqual(JSON.parse(answer));
    },
  );

  it('shows with its errors what the gateway really answers', async () => {
    const errors = readFileSync(path.join(root, 'docs/errors.md'), 'utf8');
    const [, document = '', answer = ''] = /```graphql\n([^`]+)```\n\n```json\n([^`]+)```/.exec(errors) ?? [];
    const { data } = await t.run(await issueDemoKey(t.app, 'seller', 'OWNER'), document);
    expect(data).toEqual(JSON.parse(answer));
  });

  it('names only scripts and files that there are', () => {
    const texts = ['README.md', 'CONTRIBUTING.md']
      .map((file) => readFileSync(path.join(root, file), 'utf8'))
      .join('\n');
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...texts.matchAll(/npm run (?:--silent )?([a-z:]+)/g)].map(([, script]) => script ?? '');
    expect(named.filter((script) => !scripts[script])).toEqual([]);
    const links = [...texts.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, file]) => file ?? '');
    expect(links.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});
