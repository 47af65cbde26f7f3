import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../..');

/** A command of package.json as it is run, with what it printed. */
export interface Started {
  child: ChildProcess;
  /** Both outputs, as they came. */
  output(): string;
  /** The exit code, once it has ended. */
  ended: Promise<number | null>;
}

/** Runs a file with settings, and with nothing else of this environment. */
export function run(file: string, settings: Record<string, string>, args: string[] = []): Started {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...settings },
  });
  let output = '';
  const hear = (part: Buffer): void => void (output += String(part));
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return { child, output: () => output, ended: once(child, 'close').then(([code]) => code as number | null) };
}

/** What a script prints and its exit code. */
export async function script(
  file: string,
  settings: Record<string, string>,
  args: string[] = [],
): Promise<{ code: number | null; output: string }> {
  const started = run(file, settings, args);
  const code = await started.ended;
  return { code, output: started.output() };
}

/** A gateway as `npm start` has it, once it says where it is. */
export async function gateway(settings: Record<string, string>): Promise<Started & { url: string }> {
  const started = run('src/main.ts', { PORT: '0', ...settings });
  const port = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = /localhost:(\d+)/.exec(started.output())?.[1];
      if (found) resolve(found);
    };
    started.child.stdout?.on('data', look);
    void started.ended.then((code) => reject(new Error(`It ended with ${code}:\n${started.output()}`)));
  });
  return { ...started, url: `http://127.0.0.1:${port}/graphql` };
}
