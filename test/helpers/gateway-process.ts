import { fork, type ChildProcess } from 'node:child_process';
import type { CrashRequest } from './crash-child.ts';
import type { TestGateway } from './gateway.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers are compared as they come
type Answered = any;

/** A gateway in a process of its own, ready for requests. */
export async function gatewayProcess(t: TestGateway): Promise<ChildProcess> {
  const { DATABASE_URL = '', DATA_DIR, SECRETS_KEY = '' } = t.app.config;
  const child = fork(new URL('./crash-child.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL,
      DATA_DIR,
      SECRETS_KEY,
      LOG_LEVEL: 'silent',
      DATABASE_POOL: '2',
    },
  });
  // One for each request that is on its way.
  child.setMaxListeners(100);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code} before it was ready.`)));
  });
  return child;
}

/** Sends the child one piece of work; answers when it is done. */
export function ask(child: ChildProcess, request: CrashRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const hear = (message: { id: number; answered?: Answered; error?: string }): void => {
      if (message.id !== request.id) return;
      child.off('message', hear);
      if (message.error) reject(new Error(message.error));
      else resolve(message.answered);
    };
    child.on('message', hear);
    child.send(request);
  });
}

export async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
