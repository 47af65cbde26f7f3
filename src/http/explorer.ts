import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const EXAMPLES = path.join(import.meta.dirname, '../../examples');

/** The documents of examples/, in the order of their names. */
export function readExamples(): { name: string; query: string }[] {
  return readdirSync(EXAMPLES)
    .filter((name) => name.endsWith('.graphql'))
    .sort()
    .map((name) => ({ name, query: readFileSync(path.join(EXAMPLES, name), 'utf8') }));
}

/**
 * Tabs lie where they are: GraphiQL leaves them an offset of some hundred pixels once it has laid them out, which a tab
 * takes as soon as it is pressed, and the click falls into the gap. The title stays on one line.
 */
const STYLE =
  '<style>.graphiql-tabs .graphiql-tab { transform: none !important } .graphiql-logo { white-space: nowrap }</style>';

/**
 * The page for browsers: GraphiQL with everything inlined, a tab for each example. With a key it is signed in with it:
 * for the demo alone.
 */
export function createExplorer(apiKey: string | null | Promise<string | null>): () => Promise<string> {
  async function render(): Promise<string> {
    const key = await apiKey;
    const headers = key ? JSON.stringify({ 'x-api-key': key }, null, 2) : '{}';
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    return renderGraphiQL({
      title: 'Spartera gateway',
      endpoint: '/graphql',
      headers,
      shouldPersistHeaders: false,
      defaultEditorToolsVisibility: true,
      defaultTabs: readExamples().map(({ query }) => ({ query, headers })),
    } as Parameters<typeof renderGraphiQL>[0]).replace('<head>', `<head>${STYLE}`);
  }
  let page: Promise<string> | undefined;
  // Nine megabytes: loaded and made when the first browser asks, then kept.
  return () => (page ??= render());
}
