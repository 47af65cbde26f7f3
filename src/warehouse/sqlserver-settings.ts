import { EngineError } from './engine.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { networkSettings } from './network-settings.ts';
import type { NetworkSettings } from './network-settings.ts';

const DEFAULT_PORT = 1433;

/** Settings of a SQL Server. */
export interface SqlserverSettings extends NetworkSettings {
  /** Takes any certificate; only for servers at addresses that the operator allows on purpose. */
  trustServerCertificate: boolean;
}

/** Reads and checks the settings. @throws EngineError CONNECTION_FAILED stage SETTINGS */
export function sqlserverSettings(settings: Record<string, unknown>, network: NetworkPolicy): SqlserverSettings {
  const known = networkSettings(settings, DEFAULT_PORT);
  const trust = settings['trustServerCertificate'] ?? false;
  if (typeof trust !== 'boolean') {
    throw new EngineError('CONNECTION_FAILED', 'The setting trustServerCertificate is true or false.', {
      stage: 'SETTINGS',
      hint: 'Leave trustServerCertificate out.',
    });
  }
  if ((trust || !known.tls) && network.allowPrivate.length === 0) {
    const name = trust ? 'trustServerCertificate' : 'tls';
    throw new EngineError(
      'CONNECTION_FAILED',
      `The setting ${name} must be left out: this gateway reaches public hosts only.`,
      {
        stage: 'SETTINGS',
        hint: 'SQL Server gets the password readable where no certificate is verified.',
      },
    );
  }
  return { ...known, trustServerCertificate: trust };
}
