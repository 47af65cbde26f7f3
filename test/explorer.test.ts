import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, validate } from 'graphql';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthenticator } from '../src/boot.ts';
import type { Authenticator } from '../src/auth.ts';
import { createExplorer, readExamples } from '../src/http/explorer.ts';
import { schema } from '../src/schema.ts';
import { createGateway, type Gateway } from '../src/http/server.ts';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
// CI installs it: there a missing browser is a failure.
const canBrowse = existsSync(CHROMIUM) || process.env['CI'] === 'true';

let t: TestGateway;
let us: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
});
afterAll(() => t.close());

describe('the explorer works', () => {
  it('has a tab for each example, in the order of their names', () => {
    const examples = readExamples();
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.map(({ name }) => name)).toEqual(examples.map(({ name }) => name).toSorted());
    for (const { name, query } of examples) expect([name, validate(schema, parse(query))]).toEqual([name, []]);
  });

  it('is one page that brings all with it, and carries a key only where it was given one', async () => {
    const page = await createExplorer(null)();
    expect(page).toMatch(/^\s*<!doctype html>/i);
    expect(page).not.toMatch(/<(script|link)[^>]+(src|href)=["'](https?:)?\/\//i);
    expect(page).not.toContain(us.keys.VIEWER);
    const signedIn = createExplorer(us.keys.VIEWER);
    expect(await signedIn()).toContain(us.keys.VIEWER);
    expect(await signedIn()).toBe(await signedIn());
  });
});

describe.runIf(canBrowse)(`the explorer in a browser (skipped where ${CHROMIUM} is missing, unless CI=true)`, () => {
  const profile = mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
  let auth: Authenticator;
  let gateway: Gateway;
  let base: string;
  let browser: BrowserContext;
  beforeAll(async () => {
    auth = await openAuthenticator(t.app);
    gateway = createGateway(t.app, schema, auth, createExplorer(us.keys.OWNER));
    base = `http://127.0.0.1:${(await gateway.listen(0, '127.0.0.1')).port}`;
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      viewport: { width: 1400, height: 900 },
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
      ],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.drain(0);
    await auth?.close();
    rmSync(profile, { recursive: true, force: true });
  });

  /** The page with what went wrong on it; nothing but the gateway is there. */
  async function open(): Promise<{ page: Page; troubles: string[] }> {
    const page = await browser.newPage();
    const troubles: string[] = [];
    page.on('pageerror', (error) => void troubles.push(`error: ${error.message}`));
    page.on('console', (message) => void (message.type() === 'error' && troubles.push(`console: ${message.text()}`)));
    page.on('requestfailed', (request) => void troubles.push(`failed: ${request.url()}`));
    page.on(
      'response',
      (response) => void (response.status() >= 400 && troubles.push(`${response.status()}: ${response.url()}`)),
    );
    await page.route('**/*', (route) => {
      const url = route.request().url();
      return url.startsWith(base) || /^(data|blob):/.test(url) ? route.continue() : route.abort();
    });
    await page.goto(`${base}/graphql`);
    return { page, troubles };
  }

  it('opens without any other host, loads the schema, and runs the first tab', async () => {
    const { page, troubles } = await open();
    const run = page.locator('.graphiql-execute-button');
    await run.waitFor({ timeout: 60_000 });
    const answered = page.waitForResponse(
      (response) =>
        response.request().method() === 'POST' && !(response.request().postData() ?? '').includes('__schema'),
    );
    await run.click();
    const response = await answered;
    expect(response.status()).toBe(200);
    const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: unknown };
    expect(answer.errors).toBeUndefined();
    expect(Object.values(answer.data ?? {}).some((value) => value !== null)).toBe(true);
    const shown = page.locator('.result-window');
    await expect.poll(() => shown.innerText(), { timeout: 60_000 }).toContain('"data"');
    expect(troubles).toEqual([]);
    await page.close();
  });

  it('changes to a tab that is clicked', async () => {
    const { page, troubles } = await open();
    await page.locator('.graphiql-execute-button').waitFor({ timeout: 60_000 });
    const active = page.locator('.graphiql-tab-active');
    for (const n of [2, 4, 1]) {
      const tab = page.locator('.graphiql-tab-button').nth(n);
      const name = await tab.innerText();
      // As a hand does it: down and up at a place, not an event to an element.
      const box = await tab.boundingBox();
      if (!box) throw new Error(`There is no tab ${n}.`);
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2, { delay: 100 });
      await expect.poll(() => active.innerText(), { timeout: 60_000 }).toContain(name);
      await expect.poll(() => page.locator('.graphiql-editor').first().innerText()).toContain(name);
    }
    expect(troubles).toEqual([]);
    await page.close();
  });

  it('shows a tab for each example and the docs of the schema', async () => {
    const { page, troubles } = await open();
    await page.locator('.graphiql-execute-button').waitFor({ timeout: 60_000 });
    await expect
      .poll(() => page.locator('[role="tab"], .graphiql-tab').count())
      .toBeGreaterThanOrEqual(readExamples().length);
    await page
      .getByRole('button', { name: /documentation explorer/i })
      .first()
      .click();
    await expect
      .poll(() => page.locator('.graphiql-doc-explorer, .graphiql-plugin').first().innerText(), { timeout: 60_000 })
      .toMatch(/Query|Mutation/);
    expect(troubles).toEqual([]);
    await page.close();
  });
});
