import { AGENT_LABEL, ENTRY_LABEL, parentOf, wishesOf } from '../core/apply/agent-parent.ts';
import { configMaps } from '../core/apply/parent-object.ts';
import { readRecord } from '../core/apply/read-record.ts';
import { recordHealth } from '../core/apply/recorder.ts';
import type { Probe } from '../core/daemon/observability.ts';
import { Backoff, pause } from '../core/daemon/time.ts';
import type { RepositoriesOptions } from '../core/follow/repositories.ts';
import { Follower, type FollowOptions } from '../core/health/follower.ts';
import type { AgentConfig } from '../core/model/agent-config.ts';
import type { Clock } from '../core/model/clock.ts';
import type { Cluster } from '../core/model/cluster.ts';
import type { GitLab } from '../core/model/gitlab.ts';
import { dig, isObject } from '../core/model/json.ts';
import type { Level } from '../core/model/log-level.ts';
import type { KubeObject } from '../core/model/object.ts';
import { problemsOf } from '../core/sync.ts';
import type { AgentSurroundings } from './agent.ts';
import { AgentRecord } from './agent-record.ts';
import { type ConfigurationState, type ResolvedEntry, watchConfiguration } from './configuration.ts';
import { reportConfiguration } from './configuration-report.ts';
import type { EntryDesk } from './entry-pass.ts';
import { EntryWorker } from './entry-worker.ts';
import type { SettledFlags } from './flags.ts';
import { HealthHub } from './health-hub.ts';
import { HealthTracker } from './health-tracker.ts';
import type { Metrics } from './metrics.ts';
import { removeEntry } from './removed-entry.ts';
import type { Sources } from './sources.ts';
import { StatusReporter } from './status-reporter.ts';
import { Supervisor } from './supervisor.ts';
import { Turns } from './turns.ts';
import { headline } from './words.ts';

export interface LeaderOptions extends AgentSurroundings {
  flags: SettledFlags;
  cluster: Cluster;
  gitlab?: GitLab;
  metrics: Metrics;
  /** Ends between two objects. */
  leading: AbortSignal;
  /** Ends everything at once, a moment later. */
  hard: AbortSignal;
  setLevel: (level: Level) => void;
  openSources: (options: SourcesOptions) => Sources;
}

/** What sources need of a leader. */
export type SourcesOptions = Pick<RepositoriesOptions, 'signal' | 'random' | 'log' | 'onPoll'>;

/** A worker that is at it for as long without getting on with anything is stuck, in ms. */
const STUCK = 600_000;
/** What was reported last still has to reach GitLab, in ms. */
const FAREWELL = 2_000;
const REMOVAL = { first: 5_000, longest: 300_000 };

/** The agent's work, for as long as this replica leads. */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #following: FollowOptions;
  readonly #sources: Sources;
  readonly #reporter: StatusReporter | undefined;
  readonly #record: AgentRecord;
  readonly #turns = new Turns();
  readonly #supervisor: Supervisor;
  /** Of all entries, also of those that left the configuration; by their names. */
  readonly #parents = new Map<string, KubeObject>();
  readonly #removed: Record<string, string> = {};
  #entries: readonly ResolvedEntry[] = [];
  #configuration: ConfigurationState = { problems: [], notices: [] };
  #hub: HealthHub | undefined;
  #failure: unknown;
  readonly #failed = new AbortController();
  /** Ends the work between two objects: this replica no longer leads, or made a mistake. */
  readonly #ending: AbortSignal;

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { flags, cluster, gitlab, metrics, leading, hard, log, random, podNamespace } = options;
    this.#ending = AbortSignal.any([leading, this.#failed.signal]);
    this.#following = { clock: clockOf(hard), random, signal: hard };
    this.#sources = options.openSources({
      signal: this.#ending,
      random,
      log,
      onPoll: (result) => metrics.fetches.inc({ kind: 'poll', result }),
    });
    this.#reporter =
      gitlab && new StatusReporter({ ...options, gitlab, signal: hard, ...targetUrl(options) });
    this.#record = new AgentRecord({
      cluster,
      agent: flags.agentName,
      namespace: podNamespace,
      signal: hard,
      random,
      onTrouble: (error) => log.warn('The state of the agent is not written yet', { error }),
    });
    this.#supervisor = new Supervisor(
      (entry, commit, ties) => this.#makeWorker(entry, commit, ties),
      this.#ending,
      (error) => this.#fail(error),
    );
  }

  /** Resolves when the replica no longer leads and everything has ended; rejects for mistakes of ours. */
  async run(): Promise<void> {
    const { cluster, log, hard } = this.#options;
    if (!this.#reporter) log.info('Nothing is reported to GitLab: there is no --gitlab-api-token-file');
    try {
      await using hub = await HealthHub.open(cluster, this.#following);
      this.#hub = hub;
      await using parents = await this.#watchParents();
      void parents;
      await this.#watchConfiguration(this.#ending);
      await this.#supervisor.ended();
    } catch (error) {
      // Whatever was cut off when the time was over is no failure.
      if (!this.#ending.aborted && !hard.aborted) throw error;
      await this.#supervisor.ended();
    }
    await this.#record.settled();
    await this.#reporter?.drain(FAREWELL);
    if (this.#failure) throw this.#failure;
  }

  /** Looks at a project's repository, or at all of them, now. */
  poke(project?: string): void {
    this.#sources.poke(project);
  }

  /** How many entries wait: for their turn, for another entry, or for the next try. */
  get queued(): number {
    return [...this.#supervisor.workers.values()].filter(({ isWaiting }) => isWaiting).length;
  }

  liveness(): Probe {
    const stuck = [...this.#supervisor.workers].filter(
      ([, { isBusy, beatAt }]) => isBusy && Date.now() - beatAt > STUCK,
    );
    return { ok: stuck.length === 0, lines: stuck.map(([name]) => `the worker of ${name} is stuck`) };
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#failed.abort(error);
  }

  /** Follows the ConfigMaps of this agent's entries; resolves once those that are there are known. */
  async #watchParents(): Promise<AsyncDisposable> {
    const { cluster, flags, podNamespace } = this.#options;
    this.#ending.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // It may be refused while nobody waits for it yet.
    promise.catch(() => {});
    this.#ending.addEventListener('abort', () => reject(this.#ending.reason), { once: true });
    const follower = new Follower(
      cluster,
      {
        onObject: (parent) => {
          const name = dig(parent, 'metadata', 'labels', ENTRY_LABEL);
          if (typeof name !== 'string') return;
          this.#parents.set(name, parent);
          this.#tell(name);
          // The last pass of an entry that has left may have made it.
          if (this.#configuration.applied !== undefined) this.#removeUnless(name);
        },
        onGone: ({ name }) => {
          for (const [entry, parent] of this.#parents) {
            if (parent.metadata.name !== name) continue;
            this.#parents.delete(entry);
            this.#supervisor.workers.get(entry)?.parentGone();
          }
        },
        onState: (state) => {
          if (state.status === 'listed') resolve();
          else
            this.#options.log.warn('The ConfigMaps of the entries can not be watched', {
              error: state.failure.message,
            });
        },
        onError: reject,
      },
      this.#following,
    );
    const resource = configMaps(await cluster.discover());
    const labelSelector = `${AGENT_LABEL}=${flags.agentName}`;
    follower.add([{ resource, namespace: podNamespace, labelSelector }]);
    try {
      await promise;
    } catch (error) {
      await follower.close();
      throw error;
    }
    return { [Symbol.asyncDispose]: () => follower.close() };
  }

  async #watchConfiguration(signal: AbortSignal): Promise<void> {
    const { flags, gitlab, random, log } = this.#options;
    await watchConfiguration({
      revision: this.#sources.configuration,
      agent: flags.agentName,
      project: flags.configProject,
      gitlabUrl: flags.gitlabUrl,
      ...(gitlab && { gitlab }),
      signal,
      random,
      log,
      onConfig: (config, commit) => this.#configure(config, commit),
      onState: (state) => {
        this.#configuration = state;
        reportConfiguration(state, { ...flags, ...(this.#reporter && { reporter: this.#reporter }) });
        this.#say();
      },
    });
  }

  #configure(config: AgentConfig & { entries: ResolvedEntry[] }, commit: string): void {
    this.#options.setLevel(config.logging.level);
    this.#entries = config.entries;
    this.#supervisor.configure(config, commit);
    for (const name of this.#supervisor.workers.keys()) this.#tell(name);
    const { workers } = this.#supervisor;
    for (const name of Object.keys(this.#removed)) if (workers.has(name)) delete this.#removed[name];
    for (const name of this.#parents.keys()) this.#removeUnless(name);
    this.#say();
  }

  /** Does with the objects of an entry what it said when it was there, unless it still is in the configuration. */
  #removeUnless(name: string): void {
    if (this.#supervisor.workers.has(name) || this.#removed[name] !== undefined) return;
    this.#removed[name] = 'being removed';
    this.#supervisor.remove(name, (stop) => this.#remove(name, stop));
  }

  async #remove(name: string, stop: AbortSignal): Promise<void> {
    const { cluster, log, version, random } = this.#options;
    const backoff = new Backoff(REMOVAL.first, REMOVAL.longest, random);
    while (!stop.aborted) {
      const parent = this.#parents.get(name);
      if (!parent) return;
      const { words, mayDoMore } = await removeEntry(cluster, parent, { name, version, log, stop }).catch(
        (error: unknown) => ({ words: `not yet: ${headline(problemsOf(error))}`, mayDoMore: true }),
      );
      if (stop.aborted) return;
      this.#removed[name] = words;
      this.#say();
      if (!mayDoMore) return;
      log.warn('The objects of a removed entry are not all gone yet', { entry: name, result: words });
      await pause(backoff.next(), stop);
    }
  }

  /** Hands a worker what its parent says. */
  #tell(name: string): void {
    const parent = this.#parents.get(name);
    const worker = this.#supervisor.workers.get(name);
    if (!parent || !worker) return;
    const data = isObject(parent.data) ? (parent.data as Record<string, string>) : {};
    worker.wish(wishesOf(parent), readRecord(data).status);
  }

  #say(): void {
    const { flags, version } = this.#options;
    this.#record.say({
      version,
      gitlabUrl: flags.gitlabUrl,
      configurationProject: flags.configProject,
      configuration: this.#configuration,
      // Not those that have a worker: one that is exchanged for another has none for a moment.
      entries: this.#entries.map(({ name }) => name),
      removed: this.#removed,
    });
  }

  #makeWorker(
    entry: ResolvedEntry,
    commit: string,
    ties: { missingDependencies: () => string[]; onReady: () => void },
  ): EntryWorker {
    const { flags, cluster, metrics, hard, random, env, version, podNamespace } = this.#options;
    const agent = flags.agentName;
    const { project, url } = entry.repository;
    const log = this.#options.log.with({ project: project ?? url, entry: entry.name });
    const revision = this.#sources.entry(entry);
    const set = parentOf(agent, entry.name, podNamespace);
    const desk: EntryDesk = {
      cluster,
      clock: clockOf(hard),
      source: revision.reader,
      entry,
      set,
      agent,
      version,
      configuration: commit,
      env,
      log,
      metrics,
      signal: hard,
    };
    const tracker = new HealthTracker({
      hub: this.#hub!,
      timeout: entry.reconcileTimeoutMs,
      log,
      signal: hard,
      onCounts: (counts) => {
        for (const [health, count] of counts) metrics.objects.set({ entry: entry.name, health }, count);
      },
      record: async (revision, judged) => {
        const recording = {
          cluster,
          discovery: await cluster.discover(),
          version,
          record: { facts: { source: {}, revision } },
          onNotice: (text: string) => log.warn(text),
        };
        await recordHealth(recording, set, judged, new Date().toISOString());
      },
    });
    return new EntryWorker({
      entry,
      revision,
      desk,
      tracker,
      ...(this.#reporter && { reporter: this.#reporter }),
      statusName: () => this.#statusName(entry),
      ...ties,
      turn: (signal) => this.#turns.take(signal),
      random,
      log,
      metrics,
    });
  }

  /** The agent's name is enough where it has one entry of a project; else each entry has a status of its own. */
  #statusName({ name, repository: { project } }: ResolvedEntry): string {
    const plain = `gitlab-agent/${this.#options.flags.agentName}`;
    const sharing = this.#entries.filter((other) => other.repository.project === project);
    return sharing.length > 1 ? `${plain}/${name}` : plain;
  }
}

function targetUrl({ flags }: LeaderOptions): { targetUrl?: string } {
  return flags.statusTargetUrl === undefined ? {} : { targetUrl: flags.statusTargetUrl };
}

function clockOf(hard: AbortSignal): Clock {
  return {
    now: () => Date.now(),
    sleep: async (ms, signal) => {
      const either = signal ? AbortSignal.any([signal, hard]) : hard;
      await pause(ms, either);
      either.throwIfAborted();
    },
  };
}
