import type { Log } from '../../core/daemon/log.ts';
import { pause } from '../../core/daemon/time.ts';
import type { FollowedRevision, Seen } from '../../core/follow/followed-revision.ts';
import { Patience } from '../../core/follow/patience.ts';
import type { RevisionReader } from '../../core/model/source.ts';
import { kasFailure } from './kas-failure.ts';
import { Reconnecting } from './reconnecting.ts';

export interface PushedRevisionOptions {
  /**
   * One stream: tells of each commit once all of it is here. Resolves when the server ends it, rejects when it is cut,
   * or the signal ends.
   */
  stream: (tell: (seen: { commit: string; ref?: string }) => void, signal: AbortSignal) => Promise<void>;
  /** Asks the server now; what is new is told by `stream`'s means. */
  look: (tell: (seen: { commit: string; ref?: string }) => void) => Promise<void>;
  reader: RevisionReader;
  /** Of the agent server, for sentences. */
  address: string;
  signal: AbortSignal;
  random: () => number;
  log: Log;
  /** Told how each stream ended: `ok`, or the code of the failure. */
  onEnd: (result: string) => void;
}

/** A revision that an agent server pushes: as long as somebody follows it there is a stream, again and again. */
export class PushedRevision implements FollowedRevision {
  readonly reader: RevisionReader;
  readonly #options: PushedRevisionOptions;
  readonly #followers = new Set<(seen: Seen) => void>();
  readonly #patience = new Patience();
  #last: Seen | undefined;
  #said = '';
  #following: AbortController | undefined;

  constructor(options: PushedRevisionOptions) {
    this.#options = options;
    this.reader = options.reader;
  }

  follow(tell: (seen: Seen) => void): () => void {
    this.#followers.add(tell);
    if (this.#last) tell(this.#last);
    if (!this.#following) {
      this.#following = new AbortController();
      void this.#run(AbortSignal.any([this.#options.signal, this.#following.signal]));
    }
    return () => {
      this.#followers.delete(tell);
      if (this.#followers.size > 0) return;
      this.#following?.abort(new Error('nobody follows it any more'));
      this.#following = undefined;
    };
  }

  async look(): Promise<void> {
    const { look, log } = this.#options;
    await look((seen) => this.#tell({ ok: true, ...seen })).catch((error: unknown) =>
      log.debug('Look failed', { error: String(error) }),
    );
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { stream, random, log, address, onEnd } = this.#options;
    const reconnecting = new Reconnecting(random);
    while (!signal.aborted) {
      const startedAt = performance.now();
      let wait: number;
      try {
        await stream((seen) => {
          reconnecting.succeeded();
          this.#patience.reset();
          this.#tell({ ok: true, ...seen });
        }, signal);
        if (signal.aborted) return;
        onEnd('ok');
        // It has become old, or the server ends: others come back at the same moment.
        wait = reconnecting.afterEnd(performance.now() - startedAt);
      } catch (error) {
        if (signal.aborted) return;
        const failure = kasFailure(error, address);
        onEnd(failure.code);
        this.#patience.fail();
        wait = Math.max(failure.retryAfter ?? 0, reconnecting.afterFailure());
        log.debug('Stream failed', { error: failure.message, code: failure.code });
        if (!this.#patience.isWith(failure)) this.#tell({ ok: false, failure });
      }
      await pause(wait, signal);
    }
  }

  #tell(seen: Seen): void {
    const said = seen.ok ? `${seen.commit} ${seen.ref}` : `${seen.failure.code} ${seen.failure.message}`;
    this.#last = seen;
    if (said === this.#said) return;
    this.#said = said;
    for (const tell of this.#followers) tell(seen);
  }
}
