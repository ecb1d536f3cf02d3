import type { Log } from '../daemon/log.ts';
import { Alarm, Backoff } from '../daemon/time.ts';
import { wantedCommit, wantedRef } from '../git/wanted-commit.ts';
import type { ManifestRef } from '../model/agent-config.ts';
import type { Attempt, RemoteRefs, RevisionSource, SourceFailure } from '../model/source.ts';
import type { FollowedRevision, Seen } from './followed-revision.ts';
import { Patience } from './patience.ts';

interface Follower {
  wanted: ManifestRef | undefined;
  tell: (seen: Seen) => void;
  last: string | undefined;
}

export interface RepositoryWatchOptions {
  source: RevisionSource;
  /** Between two polls, in ms; a tenth is added or taken at random. */
  interval: number;
  /** An answer that is not older, in ms, is enough for who begins to follow. Not said: it is asked anew. */
  freshness?: number;
  signal: AbortSignal;
  random: () => number;
  log: Log;
  /** Told how each poll ended: `ok`, or the code of the failure. */
  onPoll: (result: string) => void;
}

/** After failures it is asked less and less often, but at least this often. */
const LONGEST_PAUSE = 300_000;

/**
 * Polls one repository for all who follow a revision of it: one small request each time, whoever follows what. Where
 * all of them follow commits by their id, nothing is asked.
 */
export class RepositoryWatch {
  readonly source: RevisionSource;
  readonly #options: RepositoryWatchOptions;
  readonly #followers = new Set<Follower>();
  readonly #alarm = new Alarm();
  readonly #backoff: Backoff;
  /** Who waits for the next answer that is asked for from now on. */
  #lookers: (() => void)[] = [];
  #running: Promise<void> | undefined;
  readonly #patience = new Patience();
  #movedTo: string | undefined;
  /** The last answer, what was asked for, and when. */
  #last: { refs: Attempt<RemoteRefs>; names: ReadonlySet<string>; at: number } | undefined;

  constructor(options: RepositoryWatchOptions) {
    this.source = options.source;
    this.#options = options;
    this.#backoff = new Backoff(options.interval, Math.max(LONGEST_PAUSE, options.interval), options.random);
  }

  /** Tells what the revision is, at once where it is known, and each time that this changes; returns how to stop. */
  follow(wanted: ManifestRef | undefined, tell: (seen: Seen) => void): () => void {
    const follower: Follower = { wanted, tell, last: undefined };
    const isFirst = !this.isFollowed;
    this.#followers.add(follower);
    // For nobody, nothing is asked: the first one wakes the watch up.
    if (!this.#tellKnown(follower) || isFirst) this.poke();
    this.#running ??= this.#run();
    return () => this.#followers.delete(follower);
  }

  /** One revision of the repository. */
  revision(wanted: ManifestRef | undefined): FollowedRevision {
    return { reader: this.source, follow: (tell) => this.follow(wanted, tell), look: () => this.look() };
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0;
  }

  /** Asks now. */
  poke(): void {
    this.#alarm.ring();
  }

  /** Asks now; resolves once everybody was told the answer, or that there was none. */
  look(): Promise<void> {
    const looked = new Promise<void>((resolve) => this.#lookers.push(resolve));
    this.poke();
    return looked;
  }

  async #run(): Promise<void> {
    const { signal, interval, random, log } = this.#options;
    let wait = 0;
    while (!signal.aborted) {
      await this.#alarm.wait(wait, signal);
      if (signal.aborted) return;
      const lookers = this.#lookers;
      this.#lookers = [];
      const failure = await this.#poll().catch((error: unknown) => {
        if (signal.aborted) return undefined;
        log.error('Poll failed', { error: error instanceof Error ? error.stack : String(error) });
        return { retryAfter: 0 };
      });
      for (const resolve of lookers) resolve();
      // Whoever begins to follow asks.
      if (!this.isFollowed) wait = Number.POSITIVE_INFINITY;
      else if (failure) wait = Math.max(failure.retryAfter ?? 0, this.#backoff.next());
      else {
        this.#backoff.reset();
        wait = interval * (0.9 + random() / 5);
      }
    }
  }

  async #poll(): Promise<SourceFailure | undefined> {
    const { source, signal, onPoll, log } = this.#options;
    const names = new Set([...this.#followers].flatMap(({ wanted }) => wantedRef(wanted) ?? []));
    const refs = names.size > 0 ? await source.refs([...names], signal) : undefined;
    if (refs) onPoll(refs.ok ? 'ok' : refs.failure.code);
    this.#last = refs && { refs, names, at: Date.now() };
    const failure = refs && !refs.ok ? refs.failure : undefined;
    if (failure) this.#patience.fail();
    else this.#patience.reset();
    if (refs?.ok && refs.movedTo !== this.#movedTo) {
      this.#movedTo = refs.movedTo;
      if (refs.movedTo) log.warn('The project was renamed', { url: refs.movedTo });
    }
    if (failure && this.#patience.isWith(failure)) {
      log.debug('Poll failed', { error: failure.message });
      return failure;
    }
    // Those, too, who came while it was asked: they were told an older answer. Whoever wants a name that was not asked for
    // has rung.
    for (const follower of this.#followers) {
      const name = wantedRef(follower.wanted);
      if (name === undefined || names.has(name)) tell(follower, see(follower.wanted, refs));
    }
    return failure;
  }

  /** Whether it could be told without asking. */
  #tellKnown(follower: Follower): boolean {
    const last = this.#last;
    const name = wantedRef(follower.wanted);
    if (!last || Date.now() - last.at >= (this.#options.freshness ?? 0)) return false;
    if (name !== undefined && !last.names.has(name)) return false;
    if (last.refs.ok || !this.#patience.isWith(last.refs.failure))
      tell(follower, see(follower.wanted, last.refs));
    return true;
  }
}

function tell(follower: Follower, seen: Seen): void {
  const said = seen.ok ? `${seen.commit} ${seen.ref}` : `${seen.failure.code} ${seen.failure.message}`;
  if (follower.last === said) return;
  follower.last = said;
  follower.tell(seen);
}

function see(
  wanted: ManifestRef | undefined,
  refs: Awaited<ReturnType<RevisionSource['refs']>> | undefined,
): Seen {
  if (refs && !refs.ok && wantedRef(wanted) !== undefined) return { ok: false, failure: refs.failure };
  const found = wantedCommit(refs?.ok ? refs : { refs: new Map() }, wanted);
  if (!found.ok) return { ok: false, failure: found.failure };
  return { ok: true, commit: found.commit, ...(found.name !== undefined && { ref: found.name }) };
}
