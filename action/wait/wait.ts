import { formatDuration } from '../../core/config/duration.ts';
import { mayPass } from '../../core/gitlab/commit-changes.ts';
import type { GitLabFailure } from '../../core/model/gitlab.ts';
import type { Report, Reports } from './reports.ts';

export interface WaitOptions {
  /** The commit to wait for; one that contains it is as good. */
  commit: string;
  /** Who is waited for, for sentences: `the agent production`. */
  who: string;
  reports: Reports;
  /** Whether the newer commit contains the older one; undefined where that can't be told now. */
  contains: (newer: string, older: string) => Promise<boolean | undefined>;
  /** The full SHA of an abbreviated one; undefined where it is unknown. */
  expand: (short: string) => Promise<string | undefined>;
  /** Words about the wanted commit up to this id are from before it was pointed at. */
  after?: number;
  deadline: number;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  say: (text: string) => void;
}

/** How waiting ended. `commit` is the one that was applied, or failed. */
export type WaitResult =
  | { state: 'success'; commit: string; at: string; message: string }
  | { state: 'failed' | 'superseded' | 'timeout'; commit: string; message: string; hint?: string }
  | { state: 'refused'; failure: GitLabFailure };

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** An agent that polls every 20 s has been heard by then. */
const SILENCE = 45_000;
/** Of all that contain the commit, as many of the newest are looked at. */
const MOST_CANDIDATES = 4;

/** Waits until the agent is done with a commit, or with one that contains it, and says each change on the way. */
export async function waitForCommit(options: WaitOptions): Promise<WaitResult> {
  return await new Waiting(options).run();
}

class Waiting {
  readonly #options: WaitOptions;
  /** Commits that contain the wanted one, in the order in which they turned up. */
  readonly #candidates: string[];
  /** Commits that don't contain it, and whether they are from before it. */
  readonly #strangers = new Map<string, 'before' | 'aside'>();
  #said = '';
  #last: Report | undefined;
  #trouble: GitLabFailure | undefined;
  #heard = false;
  #silenceSaid = false;

  constructor(options: WaitOptions) {
    this.#options = options;
    this.#candidates = [options.commit];
  }

  async run(): Promise<WaitResult> {
    const { now, sleep, random, deadline } = this.#options;
    const begun = now();
    let pause = FIRST_PAUSE;
    for (;;) {
      const before = this.#said;
      this.#trouble = undefined;
      const result = await this.#look();
      if (result) return result;
      pause = this.#said === before ? Math.min(LONGEST_PAUSE, pause * 1.5) : FIRST_PAUSE;
      const left = deadline - now();
      if (left <= 0) return await this.#timeout();
      if (!this.#heard && !this.#silenceSaid && now() - begun >= SILENCE) {
        this.#silenceSaid = true;
        this.#options.say(`still waiting: ${await this.#silence()}`);
      }
      const wait = Math.max(pause * (0.75 + random() / 2), this.#retryAfter());
      await sleep(Math.min(wait, Math.max(left, 0)));
    }
  }

  /** One round of questions. Undefined where it is not over. */
  async #look(): Promise<WaitResult | undefined> {
    const { reports, commit, after = 0 } = this.#options;
    const others = await this.#ask(reports.others());
    if (others && 'refused' in others) return others.refused;
    const newest = others?.value.at(-1);
    for (const other of others?.value ?? []) await this.#consider(other);
    const heard: Report[] = [];
    for (const candidate of [commit, ...this.#candidates.slice(1).slice(-MOST_CANDIDATES)]) {
      const report = await this.#ask(reports.of(candidate));
      if (report && 'refused' in report) return report.refused;
      const value = report?.value;
      if (value && !(candidate === commit && value.id <= after)) heard.push(value);
    }
    return await this.#judge(heard, newest);
  }

  async #judge(heard: readonly Report[], newest: string | undefined): Promise<WaitResult | undefined> {
    const { who } = this.#options;
    const done = heard.find(({ state }) => state === 'success');
    if (done)
      return {
        state: 'success',
        commit: done.commit,
        at: done.at,
        message: `${who} has applied ${this.#named(done.commit)}${done.description && `: ${done.description}`}`,
      };
    const last = heard.at(-1);
    if (last) {
      this.#heard = true;
      this.#last = last;
      this.#progress(last);
      if (last.state === 'failed')
        return {
          state: 'failed',
          commit: last.commit,
          message: `${who} could not apply ${this.#named(last.commit)}: ${last.description || 'deployments do not say why'}`,
          ...(last.description === '' && {
            hint: 'its commit status does: look at the pipelines of that commit, or at kubectl gitlab-agent status',
          }),
        };
      const superseded = last.state === 'canceled' ? await this.#superseded(last, newest) : undefined;
      if (superseded) return superseded;
    }
    // Whoever moved the agent aside took ours out of its way, reported or not. One from before may just be the old one.
    if (newest !== undefined && this.#strangers.get(newest) === 'aside' && !isUnderWay(last))
      return this.#supersededBy(newest);
    return undefined;
  }

  async #superseded({ description }: Report, newest: string | undefined): Promise<WaitResult | undefined> {
    const short = /superseded by ([0-9a-f]{7,64})/.exec(description)?.[1];
    const by = short ? await this.#options.expand(short) : newest;
    if (!by) return undefined;
    await this.#consider(by);
    return this.#strangers.has(by) ? this.#supersededBy(by) : undefined;
  }

  #supersededBy(by: string): WaitResult {
    const { commit, who } = this.#options;
    return {
      state: 'superseded',
      commit: by,
      message: `${short(commit)} was superseded: ${who} is to run ${short(by)} by now, which does not contain it`,
      hint: 'somebody pointed it elsewhere or moved the branch back; deploy again if that was not meant',
    };
  }

  async #consider(other: string): Promise<void> {
    if (this.#candidates.includes(other) || this.#strangers.has(other)) return;
    const { commit, contains } = this.#options;
    const isIn = await contains(other, commit);
    if (isIn) this.#candidates.push(other);
    if (isIn !== false) return;
    const isBefore = await contains(commit, other);
    if (isBefore !== undefined) this.#strangers.set(other, isBefore ? 'before' : 'aside');
  }

  #progress({ commit, state, description }: Report): void {
    const line = `${this.#named(commit)}: ${state}${description && `: ${description}`}`;
    if (line === this.#said) return;
    this.#said = line;
    this.#options.say(line);
  }

  /** Undefined for what may pass, which is said once. */
  async #ask<T>(
    asked: Promise<{ ok: true; value: T } | { ok: false; failure: GitLabFailure }>,
  ): Promise<{ value: T } | { refused: WaitResult } | undefined> {
    const answer = await asked;
    if (answer.ok) return answer;
    if (!mayPass(answer.failure)) return { refused: { state: 'refused', failure: answer.failure } };
    this.#trouble = answer.failure;
    const line = `${answer.failure.message}; asking again`;
    if (line !== this.#said) this.#options.say(line);
    this.#said = line;
    return undefined;
  }

  #retryAfter(): number {
    return this.#trouble?.retryAfter ?? 0;
  }

  async #timeout(): Promise<WaitResult> {
    const { commit, who } = this.#options;
    const missing = this.#last
      ? `${this.#named(this.#last.commit)} is still ${this.#last.state}${this.#last.description && `: ${this.#last.description}`}`
      : await this.#silence();
    return {
      state: 'timeout',
      commit,
      message: `${who} has not applied ${short(commit)} in time: ${missing}`,
      hint: this.#last
        ? 'give it longer with input timeout, or look at kubectl gitlab-agent status'
        : 'does the agent run, is it pointed at this project, and has it a token to report with?',
    };
  }

  /** Since when nothing is heard. */
  async #silence(): Promise<string> {
    const { who, reports, now } = this.#options;
    if (this.#trouble) return this.#trouble.message;
    const last = await reports.newest();
    if (!last.ok) return last.failure.message;
    if (!last.value) return `${who} has never reported (no ${reports.name} at the newest commits)`;
    const { commit, state, at } = last.value;
    const ago = formatDuration(Math.max(0, Math.round((now() - Date.parse(at)) / 1000) * 1000));
    return `${who} has said nothing since ${at} (${ago} ago), when ${short(commit)} was ${state}`;
  }

  #named(commit: string): string {
    const { commit: wanted } = this.#options;
    return commit === wanted ? short(commit) : `${short(commit)}, which contains ${short(wanted)}`;
  }
}

function isUnderWay(report: Report | undefined): boolean {
  return report?.state === 'pending' || report?.state === 'running';
}

function short(commit: string): string {
  return commit.slice(0, 12);
}
