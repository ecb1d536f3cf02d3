import type { AgentConfig } from '../core/model/agent-config.ts';
import { stringifyJson } from '../core/model/json.ts';
import type { ResolvedEntry } from './configuration.ts';
import type { EntryWorker } from './entry-worker.ts';

/** Makes the worker of an entry. `isReady` and `changed` tie it to the entries that it waits for. */
export type WorkerFactory = (
  entry: ResolvedEntry,
  commit: string,
  ties: { missingDependencies: () => string[]; onReady: () => void },
) => EntryWorker;

interface Slot {
  /** The entry as it was configured, to see whether it changed. */
  said: string;
  worker: EntryWorker;
  stop: AbortController;
  ended: Promise<void>;
}

/** Runs one worker for each entry of the configuration that is in force. */
export class Supervisor {
  readonly #make: WorkerFactory;
  readonly #signal: AbortSignal;
  readonly #onFailure: (error: unknown) => void;
  readonly #slots = new Map<string, Slot>();

  /** `onFailure` is told of a worker that ended by a mistake of ours. */
  constructor(make: WorkerFactory, signal: AbortSignal, onFailure: (error: unknown) => void) {
    this.#make = make;
    this.#signal = signal;
    this.#onFailure = onFailure;
  }

  get workers(): ReadonlyMap<string, EntryWorker> {
    return new Map([...this.#slots].map(([name, { worker }]) => [name, worker]));
  }

  /**
   * Puts a configuration into force. Workers whose entry says the same go on undisturbed; a changed one begins as
   * soon as its predecessor has ended, and nobody waits for that. Returns the names of the entries that are gone.
   */
  configure(config: Omit<AgentConfig, 'entries'> & { entries: ResolvedEntry[] }, commit: string): string[] {
    const names = new Set(config.entries.map(({ name }) => name));
    const gone = [...this.#slots.keys()].filter((name) => !names.has(name));
    for (const name of gone) {
      this.#slots.get(name)!.stop.abort(new Error('the entry was removed'));
      this.#slots.delete(name);
    }
    for (const entry of config.entries) {
      const said = stringifyJson(entry);
      const old = this.#slots.get(entry.name);
      if (old?.said === said) continue;
      old?.stop.abort(new Error('the entry was changed'));
      this.#start(entry, said, commit, old?.ended ?? Promise.resolve());
    }
    for (const { worker } of this.#slots.values()) worker.dependencyChanged();
    return gone;
  }

  /** Resolves when every worker has ended. */
  async ended(): Promise<void> {
    await Promise.all([...this.#slots.values()].map(({ ended }) => ended));
  }

  #start(entry: ResolvedEntry, said: string, commit: string, predecessor: Promise<void>): void {
    const stop = new AbortController();
    const worker = this.#make(entry, commit, {
      missingDependencies: () => entry.dependsOn.filter((name) => !this.#slots.get(name)?.worker.isReady),
      onReady: () => {
        for (const { worker: other } of this.#slots.values()) other.dependencyChanged();
      },
    });
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const ended = predecessor
      .then(() => worker.run(signal))
      .catch((error: unknown) => this.#onFailure(error));
    this.#slots.set(entry.name, { said, worker, stop, ended });
  }
}
