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
  /** Workers of entries that are gone, and what becomes of their objects; by name. */
  readonly #leaving = new Map<string, { back: AbortController; ended: Promise<void> }>();

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
   * soon as its predecessor has ended, and nobody waits for that.
   */
  configure(config: Omit<AgentConfig, 'entries'> & { entries: ResolvedEntry[] }, commit: string): void {
    const names = new Set(config.entries.map(({ name }) => name));
    for (const name of this.#slots.keys()) if (!names.has(name)) this.remove(name, async () => undefined);
    for (const entry of config.entries) {
      const said = stringifyJson(entry);
      const old = this.#slots.get(entry.name);
      if (old?.said === said) continue;
      old?.stop.abort(new Error('the entry was changed'));
      const leaving = this.#leaving.get(entry.name);
      leaving?.back.abort(new Error('the entry is back'));
      this.#leaving.delete(entry.name);
      this.#start(entry, said, commit, old?.ended ?? leaving?.ended ?? Promise.resolve());
    }
    for (const { worker } of this.#slots.values()) worker.dependencyChanged();
  }

  /**
   * Ends the worker of an entry and then does with its objects what is to be done, until the entry is back: its next
   * worker begins when that has ended.
   */
  remove(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    const slot = this.#slots.get(name);
    slot?.stop.abort(new Error('the entry was removed'));
    this.#slots.delete(name);
    const before = slot?.ended ?? this.#leaving.get(name)?.ended ?? Promise.resolve();
    const back = new AbortController();
    const signal = AbortSignal.any([this.#signal, back.signal]);
    const ended = before
      .then(() => (signal.aborted ? undefined : work(signal)))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#onFailure(error);
      });
    this.#leaving.set(name, { back, ended });
  }

  /** Resolves when every worker has ended. */
  async ended(): Promise<void> {
    await Promise.all([...this.#slots.values(), ...this.#leaving.values()].map(({ ended }) => ended));
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
