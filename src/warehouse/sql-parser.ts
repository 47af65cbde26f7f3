import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Answer, Question } from './sql-parser-worker.ts';

/** A statement that takes longer counts as one that the parser cannot read. */
const PATIENCE_MS = 10_000;
/** Longer statements take seconds: they wait for each other, and nobody else for them. */
const SHORT = 10_000;
const BROKEN: Answer = { value: null, isBroken: true };

/** A thread that reads one statement after the other. */
class Lane {
  private worker: Worker | null = null;
  private turn: Promise<unknown> = Promise.resolve();

  ask(question: Question): Promise<Answer> {
    const answer = this.turn.then(() => this.askNow(question));
    this.turn = answer;
    return answer;
  }

  private start(): Worker {
    const cache = getCompileCacheDir();
    const thread = new Worker(new URL('./sql-parser-worker.ts', import.meta.url), {
      // With what Node has compiled it needs no compiler of TypeScript, of 26 MiB.
      env: cache ? { NODE_COMPILE_CACHE: path.dirname(cache) } : {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: 256 },
      // What the WebAssembly says when it breaks is nothing for the log. Nobody reads it: that would keep the process alive.
      stderr: true,
    });
    thread.unref();
    return thread;
  }

  private askNow(question: Question): Promise<Answer> {
    this.worker ??= this.start();
    const thread = this.worker;
    thread.ref();
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        thread.off('message', settle).off('error', gone).off('exit', gone).unref();
        if (answer.isBroken) {
          this.worker = null;
          thread.on('error', () => undefined);
          void thread.terminate();
        }
        resolve(answer);
      };
      const gone = (): void => settle(BROKEN);
      const timer = setTimeout(gone, PATIENCE_MS);
      thread.on('message', settle).on('error', gone).on('exit', gone);
      thread.postMessage(question);
    });
  }
}

const short = new Lane();
const long = new Lane();

/** Has a statement read off the main thread; never throws. */
export function askParser(question: Question): Promise<Answer> {
  return (question.sql.length > SHORT ? long : short).ask(question);
}
