import { EngineError } from './engine.ts';
import type { ConnectionTarget, Engine, Limits, ParameterValue } from './engine.ts';
import { callExternalApi, createExternalApiClient } from './external-api.ts';
import type { ExternalAnswer } from './external-api.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { SettingsReader, wrong } from './http/settings.ts';
import { orAbort, runStages } from './lifecycle.ts';
import type { Step } from './lifecycle.ts';

/** What an API is asked: the function behind it where it has several, and the parameters by name. */
export interface ApiQuestion {
  functionId: string | null;
  params: Record<string, ParameterValue>;
}

/** A seller's own API: connected and tested like any engine, but it answers questions and no SQL. */
export interface ApiEngine extends Engine {
  /** @throws EngineError as `callExternalApi` does */
  ask(target: ConnectionTarget, question: ApiQuestion, limits: Limits, signal: AbortSignal): Promise<ExternalAnswer>;
}

/** Whether an engine is an API, which takes no SQL. */
export function isApi(engine: Engine): engine is ApiEngine {
  return 'ask' in engine;
}

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
  function checkSettings(settings: Record<string, unknown>): void {
    createExternalApiClient(settingsOf(settings).baseUrl, network).destroy();
  }

  return {
    name: 'external-api',
    // Nobody writes SQL for it.
    dialect: 'postgres',
    can: { cancel: true, sample: false },
    secretSettings: ['apiKey'],
    checkSettings,
    async ask(target, { functionId, params }, limits, signal) {
      const api = settingsOf(target.settings);
      const client = createExternalApiClient(api.baseUrl, network);
      try {
        return await callExternalApi(client, { ...api, functionId }, params, limits, signal);
      } finally {
        client.destroy();
      }
    },
    run: () => Promise.reject(new EngineError('ENGINE_FAILED', 'An API takes no SQL.', { stage: 'QUERY' })),
    async test({ settings }, signal) {
      const steps: Step[] = [{ stages: ['SETTINGS'], run: () => checkSettings(settings) }];
      let client;
      try {
        client = createExternalApiClient(settingsOf(settings).baseUrl, network);
      } catch {
        return runStages(steps);
      }
      const { address } = client;
      steps.push({
        stages: ['DNS', 'TCP'],
        run: async () => void (await openGuardedSocket(address.host, address.port, network, signal)).destroy(),
      });
      // Further than this it is not called: what it wants for parameters only an asset knows.
      if (address.isSecure) steps.push({ stages: ['TLS'], run: () => orAbort(client.reach(), signal) });
      const results = await runStages(steps);
      client.destroy();
      return results;
    },
    tables: async () => [],
    close: async () => {},
  };
}
