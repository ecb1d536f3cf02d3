import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ProblemError } from '../../../core/model/problem.ts';
import type { Holder } from './lock.ts';
import type { Order, Report } from './supervisor.ts';

export interface BeginOptions {
  slots: string[];
  purpose: string;
  onWait: (holders: Holder[]) => void;
  signal?: AbortSignal;
}

const LOG_LINES = 15;

/** The parent's side of `supervisor.ts`: starts, signals and watches the components of one control plane. */
export class Supervised {
  /** The throwaway directory. */
  readonly dir: string;
  /** Aborts when a component ends that nobody wanted to end; the reason is an error that names it. */
  readonly died: AbortSignal;
  readonly #process: ChildProcess;
  readonly #pids = new Map<string, number>();
  readonly #wanted = new Map<string, () => void>();
  readonly #ended: Promise<void>;
  #stopping = false;

  private constructor(child: ChildProcess, dir: string) {
    this.#process = child;
    this.dir = dir;
    const died = new AbortController();
    this.died = died.signal;
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => {
        if (!this.#stopping) {
          died.abort(new Error('the supervisor of the control plane was killed'));
          this.#removeLeftovers();
        }
        for (const wanted of this.#wanted.values()) wanted();
        resolve();
      });
    });
    child.on('message', (report: Report) => {
      if (report.event === 'started') this.#pids.set(report.name, report.pid);
      if (report.event !== 'exited') return;
      this.#pids.delete(report.name);
      const wanted = this.#wanted.get(report.name);
      this.#wanted.delete(report.name);
      if (wanted) wanted();
      else if (!this.#stopping) died.abort(this.#deathOf(report.name, report.how));
    });
  }

  /** Starts the supervisor, and waits until it has one of the slots and its directory. */
  static begin(options: BeginOptions): Promise<Supervised> {
    const { promise, resolve, reject } = Promise.withResolvers<Supervised>();
    options.signal?.throwIfAborted();
    // In a session of its own: a Ctrl-C in the terminal reaches the parent, which then ends it in order.
    const child = fork(join(import.meta.dirname, 'supervisor.ts'), [], {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const abort = (): void => {
      child.disconnect();
      reject(options.signal?.reason);
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    const failed = (message: string): void =>
      reject(new Error(`the supervisor of the control plane: ${message}`));
    const listen = (report: Report): void => {
      if (report.event === 'waiting') options.onWait(report.holders);
      if (report.event === 'failed') {
        failed(report.message);
        child.disconnect();
      }
      if (report.event === 'ready') {
        options.signal?.removeEventListener('abort', abort);
        child.off('message', listen);
        resolve(new Supervised(child, report.dir));
      }
    };
    child.on('message', listen);
    child.once('error', (error) => failed(error.message));
    child.once('exit', (code, signal) => failed(`it ended (${signal ?? `exit code ${code}`})`));
    child.send({ do: 'begin', slots: options.slots, purpose: options.purpose } satisfies Order);
    return promise;
  }

  /** Process ids of what runs, the supervisor's among them. */
  get pids(): number[] {
    return [this.#process.pid!, ...this.#pids.values()];
  }

  start(name: string, file: string, args: string[]): void {
    this.#send({ do: 'start', name, file, args });
  }

  isRunning(name: string): boolean {
    return this.#pids.has(name);
  }

  /** Sends a signal; for one that ends processes, waits until the component is gone. */
  async signal(name: string, signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning(name)) return;
    const ends = signal !== 'SIGSTOP' && signal !== 'SIGCONT';
    const gone = Promise.withResolvers<void>();
    if (ends) this.#wanted.set(name, gone.resolve);
    this.#send({ do: 'signal', name, signal });
    if (ends) await gone.promise;
  }

  /** The last lines of a component's log. */
  log(name: string): string {
    try {
      return readFileSync(join(this.dir, `${name}.log`), 'utf8')
        .trimEnd()
        .split('\n')
        .slice(-LOG_LINES)
        .join('\n');
    } catch {
      return '';
    }
  }

  /** Ends everything and removes the directory. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#send({ do: 'stop' });
    }
    await this.#ended;
  }

  #send(order: Order): void {
    // A supervisor that is gone took its components with it, or `#removeLeftovers` did.
    if (this.#process.connected) this.#process.send(order, () => {});
  }

  #deathOf(name: string, how: string): ProblemError {
    return new ProblemError({
      code: 'ComponentDied',
      message: `${name} of the control plane ended by itself (${how}); its log ends:\n${this.log(name)}`,
    });
  }

  /** Only for a supervisor that was killed with SIGKILL: its process group still has the components. */
  #removeLeftovers(): void {
    try {
      process.kill(-this.#process.pid!, 'SIGKILL');
    } catch {
      // Nothing was left in the group.
    }
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
