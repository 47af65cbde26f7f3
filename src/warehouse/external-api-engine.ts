import { createApiClient, testApi } from './api-client.ts';
import { EngineError } from './engine.ts';
import type { ApiEngine } from './engine.ts';
import { callExternalApi } from './external-api.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { SettingsReader, wrong } from './http/settings.ts';
import { exactCell } from './wire.ts';

const HEADER = /^[A-Za-z0-9-]{1,60}$/;

function settingsOf(settings: Record<string, unknown>): { baseUrl: string; apiKey: string; apiKeyHeader?: string } {
  const read = new SettingsReader(settings);
  const baseUrl = read.text('baseUrl', /^https?:\/\/[^\s?#]+$/, 'Give the full baseUrl as https://host/path.');
  if (baseUrl.length > 2000) throw wrong('The setting baseUrl is too long.', 'Give it in 2000 characters.');
  const apiKey = read.text('apiKey', /^[\x21-\x7e]{1,4096}$/, 'Paste the apiKey without spaces.');
  const apiKeyHeader = read.optional('apiKeyHeader', HEADER, 'Leave apiKeyHeader out for X-API-Key.');
  return { baseUrl, apiKey, ...(apiKeyHeader === null ? {} : { apiKeyHeader }) };
}

/** Makes the engine `external-api`. Each call has a connection of its own, so that nothing is shared between sellers. */
export function createExternalApi({ network }: { network: NetworkPolicy }): ApiEngine {
  const connect = (settings: Record<string, unknown>) => createApiClient(settingsOf(settings).baseUrl, network);

  return {
    name: 'external-api',
    // Nobody writes SQL for it.
    dialect: 'postgres',
    can: { cancel: true, sample: false },
    secretSettings: ['apiKey'],
    checkSettings: (settings) => connect(settings).destroy(),
    takes: 'PARAMETERS',
    noEstimate: 'An API is asked, not queried: it has nothing to explain.',
    async ask(target, { functionId, params }, limits, signal) {
      const api = settingsOf(target.settings);
      const client = connect(target.settings);
      try {
        const { value, timestamp } = await callExternalApi(client, { ...api, functionId }, params, limits, signal);
        const { cell, type } = exactCell(value);
        return {
          columns: [
            { name: 'answer_value', type, engineType: 'number' },
            { name: 'timestamp', type: 'TIMESTAMP', engineType: 'string' },
          ],
          values: [[cell], [timestamp]],
          tokens: null,
        };
      } finally {
        client.destroy();
      }
    },
    run: () => Promise.reject(new EngineError('ENGINE_FAILED', 'An API takes no SQL.', { stage: 'QUERY' })),
    // Further than this it is not called: what it wants for parameters only an asset knows.
    test: ({ settings }, signal) => testApi(() => connect(settings), network, signal),
    tables: async () => [],
    close: async () => {},
  };
}
