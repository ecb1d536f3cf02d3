import type { Log } from '../core/daemon/log.ts';
import { Alarm, Backoff, pause } from '../core/daemon/time.ts';
import type { CommitState, DeploymentState, GitLab, GitLabFailure } from '../core/model/gitlab.ts';
import type { Metrics } from './metrics.ts';

/** Where something is reported: a commit of a project under one name. */
export interface StatusTarget {
  /** The full path of the project. */
  project: string;
  commit: string;
  name: string;
  /** Full name of the branch or tag that led to it: `refs/heads/main`. */
  ref?: string;
  /** The environment for which a deployment is recorded, too. */
  environment?: string;
}

/** One transition to report. */
interface Item {
  target: StatusTarget;
  state: CommitState;
  description: string;
  /** Only where GitLab was told that the commit is under way. */
  onlyIfOpen?: boolean;
  /** Of the status and its deployment the first part is done. */
  statusSet?: boolean;
}

/** A target's last transition. */
interface Known {
  state: CommitState;
  description: string;
}

export interface StatusReporterOptions {
  gitlab: GitLab;
  signal: AbortSignal;
  random: () => number;
  log: Log;
  metrics: Metrics;
  targetUrl?: string;
}

const ENDED = new Set<CommitState>(['success', 'failed', 'canceled']);
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 120_000;
/** What GitLab refuses for as long is given up, in ms: a newer transition says more. */
const GIVE_UP_AFTER = 3_600_000;
/** Of targets that nothing was said of lately, the oldest are forgotten. */
const MOST_KNOWN = 2_000;
/** What waits beyond that is given up, the oldest first. */
const MOST_QUEUED = 200;
/** Each of these costs a request after a restart; who pushes more in so short a time looks at the newest. */
const MOST_BETWEEN = 20;

/**
 * Reports what becomes of commits, as commit statuses and deployments: each transition once, those of a commit in
 * their order, never in the way of a sync. What may pass is tried again; what a person has to mend is said once.
 */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  readonly #known = new Map<string, Known>();
  /** What GitLab has been told of a target: '' for nothing that counts. It is asked where that is not known. */
  readonly #told = new Map<string, string>();
  /** Targets of which GitLab had been told before this process began. */
  readonly #resumed = new Set<string>();
  /** One queue for each project: one that can't be reached delays no other. */
  readonly #queues = new Map<string, { items: Item[]; alarm: Alarm }>();
  readonly #refusals = new Map<string, string>();
  readonly #deployments = new Map<string, { id: number; state: string }>();
  readonly #workers: Promise<void>[] = [];

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  /** A commit is to be synced that was not the last one: what is reported from now on is news, also after a rollback. */
  begin(target: StatusTarget): void {
    const key = keyOf(target);
    this.#known.delete(key);
    this.#told.set(key, '');
    this.#resumed.delete(key);
    this.#deployments.delete(key);
  }

  /** Queues a transition; one that says nothing new is left out. */
  report(target: StatusTarget, state: CommitState, description: string): void {
    const before = this.#known.get(keyOf(target));
    if (!before || isNews(before, state, description)) this.#queue({ target, state, description });
  }

  /** Says that a commit will not be finished, because a newer one took its place; nothing where it has ended. */
  supersede(target: StatusTarget, by: string): void {
    const before = this.#known.get(keyOf(target));
    if (before && ENDED.has(before.state)) return;
    this.#queue({
      target,
      state: 'canceled',
      description: `superseded by ${by.slice(0, 12)}`,
      onlyIfOpen: true,
    });
  }

  /**
   * The same after a restart: what came between the commit that was recorded last and the one that is there now may have
   * been reported by an agent that died before it could record that, and only GitLab knows of it.
   */
  async supersedeSince(target: StatusTarget, by: string): Promise<void> {
    const { gitlab, signal, random } = this.#options;
    this.supersede(target, by);
    const backoff = new Backoff(FIRST_PAUSE, LONGEST_PAUSE, random);
    while (!signal.aborted) {
      const between = await gitlab
        .commitsBetween(target.project, target.commit, by)
        .catch((error: unknown) => ({ ok: false as const, failure: unsent(error) }));
      if (between.ok) {
        const lost = between.value.filter((commit) => commit !== by).slice(0, MOST_BETWEEN);
        for (const commit of lost.toReversed()) this.supersede({ ...target, commit }, by);
        return;
      }
      // Why else nothing is reported is said where that is tried.
      if (!mayPass(between.failure)) return;
      await pause(Math.max(backoff.next(), between.failure.retryAfter ?? 0), signal);
    }
  }

  #queue(item: Item): void {
    const { target, state, description } = item;
    const key = keyOf(target);
    this.#known.delete(key);
    this.#known.set(key, { state, description });
    if (this.#known.size > MOST_KNOWN) this.#forget(this.#known.keys().next().value!);
    const { items, alarm } = this.#queueOf(target.project);
    items.push(item);
    // The first one may be on its way.
    if (items.length > MOST_QUEUED) items.splice(1, 1);
    alarm.ring();
  }

  /** Resolves once nothing is left to report, or at the end of `ms`. */
  async drain(ms: number): Promise<void> {
    const end = Date.now() + ms;
    const isBusy = (): boolean => [...this.#queues.values()].some(({ items }) => items.length > 0);
    while (isBusy() && Date.now() < end) await pause(20, this.#options.signal);
  }

  #forget(key: string): void {
    this.#known.delete(key);
    this.#told.delete(key);
    this.#resumed.delete(key);
    this.#deployments.delete(key);
  }

  #queueOf(project: string): { items: Item[]; alarm: Alarm } {
    const found = this.#queues.get(project);
    if (found) return found;
    const queue = { items: [] as Item[], alarm: new Alarm() };
    this.#queues.set(project, queue);
    this.#workers.push(this.#work(queue));
    return queue;
  }

  async #work({ items, alarm }: { items: Item[]; alarm: Alarm }): Promise<void> {
    const { signal, random } = this.#options;
    const backoff = new Backoff(FIRST_PAUSE, LONGEST_PAUSE, random);
    while (!signal.aborted) {
      const item = items[0];
      if (!item) {
        await alarm.wait(Number.POSITIVE_INFINITY, signal);
        continue;
      }
      const since = Date.now();
      for (;;) {
        const failure = await this.#send(item).catch(unsent);
        if (signal.aborted) return;
        this.#note(item, failure);
        if (!failure || !mayPass(failure) || Date.now() - since > GIVE_UP_AFTER) break;
        await pause(Math.max(backoff.next(), failure.retryAfter ?? 0), signal);
        if (signal.aborted) return;
      }
      backoff.reset();
      items.shift();
    }
  }

  async #send(item: Item): Promise<GitLabFailure | undefined> {
    const { target, state } = item;
    const failure = item.statusSet ? undefined : await this.#setStatus(item);
    if (failure) return failure;
    item.statusSet = true;
    const { environment } = target;
    if (environment === undefined || state === 'pending') return undefined;
    return this.#deploy(target, environment, state);
  }

  async #setStatus({ target, state, description, onlyIfOpen }: Item): Promise<GitLabFailure | undefined> {
    const { gitlab, targetUrl } = this.#options;
    const { project, commit, name, ref } = target;
    const key = keyOf(target);
    if (!this.#told.has(key)) {
      // After a restart: what was said before stays said.
      const remote = await gitlab.status(project, commit, name);
      if (!remote.ok && mayPass(remote.failure)) return remote.failure;
      if (remote.ok) this.#told.set(key, remote.value ?? '');
      if (remote.ok && remote.value !== undefined) this.#resumed.add(key);
    }
    const told = this.#told.get(key) ?? '';
    if (told === '' ? onlyIfOpen : !isStep(told, state) || (onlyIfOpen && ENDED.has(told as CommitState)))
      return undefined;
    const answer = await gitlab.setStatus(project, commit, {
      state,
      name,
      description,
      ...(ref !== undefined && { ref: shortRef(ref) }),
      ...(targetUrl !== undefined && { targetUrl }),
    });
    if (!answer.ok) return answer.failure;
    this.#told.set(key, state);
    return undefined;
  }

  async #deploy(
    target: StatusTarget,
    environment: string,
    state: DeploymentState,
  ): Promise<GitLabFailure | undefined> {
    const { gitlab } = this.#options;
    const { project, commit, ref = 'HEAD' } = target;
    const key = keyOf(target);
    let known = this.#deployments.get(key);
    if (!known && this.#resumed.has(key)) {
      const found = await gitlab.deployment(project, environment, commit);
      if (!found.ok) return found.failure;
      known = found.value;
    }
    if (known?.state === state || known?.state === 'success') return undefined;
    // GitLab takes no other word for a deployment that has ended: what is mended later is a new one.
    const open = known && !ENDED.has(known.state as CommitState) ? known : undefined;
    // What was never deployed can't be given up.
    if (!open && state === 'canceled') return undefined;
    const tag = ref.startsWith('refs/tags/');
    const answer = open
      ? await gitlab.updateDeployment(project, open.id, state)
      : await gitlab.createDeployment(project, { environment, sha: commit, ref: shortRef(ref), tag, state });
    if (!answer.ok) return answer.failure;
    this.#deployments.set(key, { id: open?.id ?? answer.value!, state });
    return undefined;
  }

  #note({ target, state }: Item, failure: GitLabFailure | undefined): void {
    const { metrics, log } = this.#options;
    metrics.statuses.inc({ state, result: failure?.code ?? 'ok' });
    const { project, commit } = target;
    if (!failure) {
      this.#refusals.delete(project);
      log.debug('Commit status reported', { project, commit, state });
      return;
    }
    // A missing right is missing for every commit: it is said once.
    const said = `${failure.code} ${failure.message}`;
    if (this.#refusals.get(project) === said) return;
    this.#refusals.set(project, said);
    log.warn('Commit status not reported', {
      project,
      commit,
      state,
      error: failure.message,
      ...(mayPass(failure) && { next: 'it is tried again' }),
      hint: hintOf(failure),
    });
  }
}

function shortRef(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, '');
}

function keyOf({ project, commit, name }: StatusTarget): string {
  return `${project}\n${commit}\n${name}`;
}

/** A commit that ended well says no more, and one that failed may only end well, or fail in other words. */
function isNews(before: Known, state: CommitState, description: string): boolean {
  if (before.state === state) return state === 'failed' && before.description !== description;
  return isStep(before.state, state);
}

/** Whether a status moves on from one state to the other. */
function isStep(before: string, after: CommitState): boolean {
  if (before === after) return after === 'failed';
  if (before === 'success') return false;
  if (before === 'failed' || before === 'canceled') return ENDED.has(after);
  return !(before === 'running' && after === 'pending');
}

/** A token is renewed sooner or later, and what happened until then is still to be told. */
function mayPass({ code }: GitLabFailure): boolean {
  return code === 'throttled' || code === 'unavailable' || code === 'conflict' || code === 'unauthorized';
}

/** What never was a request: the token could not be read. */
function unsent(error: unknown): GitLabFailure {
  const { code } = error as NodeJS.ErrnoException;
  const why = code ?? (error instanceof Error ? error.message : String(error));
  return { status: 0, code: 'unavailable', message: `GitLab could not be asked: ${why}` };
}

function hintOf({ code }: GitLabFailure): string | undefined {
  switch (code) {
    case 'unauthorized':
      return 'the API token is wrong, revoked or expired: renew it in the Secret that --gitlab-api-token-file names';
    case 'forbidden':
      return 'commit statuses need the scope api and the role Developer, on protected branches whoever may update pipelines (often Maintainer)';
    case 'notFound':
      return 'the API token may not see the project, or the commit is on no branch';
    default:
      return undefined;
  }
}
