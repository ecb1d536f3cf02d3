import type { ConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';

/** What may stand there, and what it is, in a few words. */
export interface Candidate {
  value: string;
  describe?: string;
  /** More of the same word follows. */
  goesOn?: true;
}

/** What a source of candidates may look at. */
export interface Surroundings {
  connection: ConnectionFlags;
  /** Values of the other flags that were given, by name. */
  flags: ReadonlyMap<string, readonly string[]>;
  /** The words before. */
  positionals: readonly string[];
  prefix: string;
  io: Io;
  /** Ends when there has been time enough. */
  signal: AbortSignal;
}

export type Source = (around: Surroundings) => Candidate[] | Promise<Candidate[]>;
