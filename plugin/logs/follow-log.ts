import type { ApiFailure, LogSelection, PodName } from '../../core/model/cluster.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';
import { type Leader, lookAtPod, type PodSight } from './leader-pod.ts';
import { LeaderWatch } from './leader-watch.ts';
import { gone, logProblem } from './log-failure.ts';
import { PodLog, type TakeLine } from './pod-log.ts';

export interface FollowOptions {
  first: Leader;
  /** What is shown of the first leader's log. */
  selection: LogSelection;
  /** Called once, with that log before it is followed. */
  begin: (log: PodLog) => Promise<ApiFailure | undefined>;
  signal: AbortSignal;
  take: TakeLine;
  /** A sentence for the person, beside the log. */
  say: (sentence: string) => void;
}

// In ms.
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 10_000;
/** What a Pod says before it leads belongs to it: that it starts, and waits. By its own clock, in ms. */
const LEAD_IN = 60_000;
/** The next leader's log waits no longer for the end of the last one's. */
const LAST_WORDS = 5_000;

/** Follows the log of whoever leads, from Pod to Pod, until the signal ends, with whose reason it rejects. */
export async function followLog(
  sight: AgentsInSight,
  agent: AgentObjects,
  options: FollowOptions,
): Promise<never> {
  const { first, selection, signal, say } = options;
  const logs = new Map<string, FollowedLog>();
  await using watch = new LeaderWatch(sight, agent, {
    first,
    signal,
    onTrouble: (message) =>
      say(`warning: the Lease can't be watched, another leader is noticed once this log ends: ${message}`),
  });
  let said: string | undefined;
  // What lasts is said once.
  const speak = (sentence: string): void => {
    if (sentence !== said) say(sentence);
    said = sentence;
  };
  let last: string | undefined;
  for (let failures = 0; ; ) {
    const { pod, since } = watch.leader;
    if (pod !== undefined && pod !== last) {
      await logs.get(last ?? '')?.end();
      if (last !== undefined) say(`notice: ${agent.name} is led by the Pod ${pod} now, no longer by ${last}`);
      const from = last === undefined ? selection : leadIn(since);
      if (!logs.has(pod))
        logs.set(pod, new FollowedLog(sight, { namespace: agent.namespace, name: pod }, from, options));
      last = pod;
      failures = 0;
    }
    if (last === undefined) speak(`notice: nobody leads ${agent.name}: waiting for the next leader`);
    else if ((await logs.get(last)!.follow(watch, speak)) > 0) {
      failures = 0;
      said = undefined;
    }
    if (watch.leader.pod !== undefined && watch.leader.pod !== last) continue;
    await watch.wait(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures), signal);
    failures += 1;
  }
}

function leadIn(since: string | undefined): LogSelection {
  const at = Date.parse(since ?? '');
  return Number.isNaN(at) ? {} : { sinceTime: new Date(at - LEAD_IN).toISOString() };
}

/** The log of one Pod as it is followed, however often its connection breaks. */
class FollowedLog {
  readonly #sight: AgentsInSight;
  readonly #pod: PodName;
  readonly #from: LogSelection;
  readonly #options: FollowOptions;
  #log: PodLog | undefined;
  #seen: PodSight | undefined;
  /** Whether what was there before was shown as it has to be. */
  #isBegun: boolean;

  constructor(sight: AgentsInSight, pod: PodName, from: LogSelection, options: FollowOptions) {
    this.#isBegun = from !== options.selection;
    this.#sight = sight;
    this.#pod = pod;
    this.#from = from;
    this.#options = options;
  }

  /** Follows until it ends or breaks off, or another Pod leads; returns how many lines it had. */
  async follow(watch: LeaderWatch, speak: (sentence: string) => void): Promise<number> {
    const { signal, take, begin } = this.#options;
    const log = await this.#open(speak);
    if (!log) return 0;
    const refused = this.#isBegun ? undefined : await begin(log);
    if (refused) {
      this.#tell(logProblem(refused, this.#pod, this.#seen!), refused.status, speak);
      return 0;
    }
    this.#isBegun = true;
    const cut = new AbortController();
    const stop = watch.cutWhenReplaced(this.#pod.name, cut);
    let lines = 0;
    try {
      const selection = { ...this.#from, follow: true };
      const failure = await log.read(selection, AbortSignal.any([signal, cut.signal]), (text) => {
        lines += 1;
        return take(text);
      });
      if (failure) this.#tell(logProblem(failure, this.#pod, this.#seen!), failure.status, speak);
    } catch (error) {
      signal.throwIfAborted();
      if (!cut.signal.aborted) throw error;
    } finally {
      stop();
    }
    return lines;
  }

  /** Reads what was written until now, once, and ends it: another Pod leads. */
  async end(): Promise<void> {
    const { signal, take } = this.#options;
    // A Pod that is gone has no more to say, nor has one whose node is.
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(LAST_WORDS)]);
    await this.#log?.read(this.#from, inTime, take).catch((error: unknown) => {
      if (signal.aborted || !inTime.aborted) throw error;
    });
    await this.#log?.finish(take);
  }

  async #open(speak: (sentence: string) => void): Promise<PodLog | undefined> {
    if (this.#log) return this.#log;
    const { cluster } = this.#sight;
    this.#seen = await lookAtPod(cluster, this.#pod);
    if (this.#seen.isGone) this.#tell(gone(this.#pod), 404, speak);
    else this.#log = new PodLog(cluster, this.#pod, this.#seen.container);
    return this.#log;
  }

  /** What nobody but a person can mend ends it; all else may pass. */
  #tell(problem: ReturnType<typeof gone>, status: number, speak: (sentence: string) => void): void {
    if (status === 401 || status === 403) throw problem;
    speak(`warning: ${problem.message}; ${status === 404 ? 'waiting for the next leader' : 'trying again'}`);
  }
}
