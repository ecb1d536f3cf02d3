import { type ConfigContext, parseAgentConfig, type ReadConfig } from '../core/config/agent-config.ts';
import type { Log } from '../core/daemon/log.ts';
import { Alarm, Backoff } from '../core/daemon/time.ts';
import type { FollowedRevision, Seen } from '../core/follow/followed-revision.ts';
import type { AgentConfig, ManifestEntry } from '../core/model/agent-config.ts';
import type { RevisionTree } from '../core/model/file-tree.ts';
import type { GitLab } from '../core/model/gitlab.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';

/** A manifest entry whose repository has a URL, and a path where it is of this GitLab. */
export type ResolvedEntry = ManifestEntry & { repository: { project?: string; url: string } };

/** What the configuration is by now. The last good one stays in force while a newer one is broken. */
export interface ConfigurationState {
  /** The commit that was seen last, and where it was seen. */
  observed?: { commit: string; ref?: string };
  /** The commit whose configuration is in force. */
  applied?: string;
  /** What is wrong with what was seen last. */
  problems: readonly Problem[];
  notices: readonly string[];
}

export interface ConfigurationOptions {
  revision: FollowedRevision;
  agent: string;
  /** Path of the configuration project. */
  project: string;
  gitlabUrl: string;
  /** For projects that are named by their number; absent without an API token. */
  gitlab?: GitLab;
  signal: AbortSignal;
  random: () => number;
  log: Log;
  /** Called with each configuration that comes into force. */
  onConfig: (config: AgentConfig & { entries: ResolvedEntry[] }, commit: string) => void;
  /** Called whenever there is something new to tell. */
  onState: (state: ConfigurationState) => void;
}

const RETRY = { first: 2_000, longest: 60_000 };
/** More than the file may have, so that the parser says what is too much. */
const MAX_BYTES = 1024 * 1024;

/** Follows the configuration project and puts each good configuration into force until the signal ends. */
export async function watchConfiguration(options: ConfigurationOptions): Promise<void> {
  const { revision, signal, random } = options;
  const alarm = new Alarm();
  const backoff = new Backoff(RETRY.first, RETRY.longest, random);
  let seen: Seen | undefined;
  const stop = revision.follow((now) => {
    seen = now;
    backoff.reset();
    alarm.ring();
  });
  const reader = new Reader(options);
  let wait = Number.POSITIVE_INFINITY;
  try {
    while (!signal.aborted) {
      await alarm.wait(wait, signal);
      if (signal.aborted) return;
      const isSettled =
        seen === undefined ||
        (await reader.take(seen).catch((error: unknown) => {
          if (signal.aborted) return true;
          throw error;
        }));
      wait = isSettled ? Number.POSITIVE_INFINITY : backoff.next();
    }
  } finally {
    stop();
  }
}

/** What the file says, or whether there is one, can't be told. */
interface Unreadable {
  config?: undefined;
  problems: readonly Problem[];
  notices: readonly string[];
}

class Reader {
  readonly #options: ConfigurationOptions;
  #state: ConfigurationState = { problems: [], notices: [] };

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  /** False where asking again may help. */
  async take(seen: Seen): Promise<boolean> {
    const { log, onConfig, revision, signal } = this.#options;
    if (!seen.ok) {
      log.error('Config: repository poll failed', { error: seen.failure.message, hint: seen.failure.hint });
      this.#tell({ ...this.#state, problems: [seen.failure] });
      // The repository's watch asks again.
      return true;
    }
    const { commit, ref } = seen;
    const observed = { commit, ...(ref !== undefined && { ref }) };
    if (commit === this.#state.applied && this.#state.problems.length === 0) return true;
    log.info('Config: new commit', { commit });
    const opened = await revision.reader.open(commit, signal);
    if (!opened.ok) {
      log.error('Config: failed to fetch', { commit, error: opened.failure.message });
      this.#tell({ ...this.#state, observed, problems: [opened.failure] });
      return false;
    }
    const read = await this.#read(opened.tree);
    const { problems, notices } = read;
    for (const notice of notices) log.info(notice, { commit });
    const resolved = read.config && (await this.#resolve(read.config, read.problemAt));
    if (!resolved?.config) {
      const all = [...problems, ...(resolved?.problems ?? [])];
      for (const { file, line, column, message, hint } of all)
        log.error('Config: broken, the last good one stays in force', {
          commit,
          error: [file, line, column, ` ${message}`].filter((part) => part !== undefined).join(':'),
          hint,
        });
      this.#tell({ ...this.#state, observed, problems: all, notices });
      return !(resolved?.mayPass || problems.some(({ code }) => code === 'GitFailed'));
    }
    // In force first, then told: nobody may read of a configuration whose entries are not there yet.
    onConfig(resolved.config, commit);
    this.#tell({ observed, applied: commit, problems: [], notices });
    return true;
  }

  async #read(tree: RevisionTree): Promise<ReadConfig | Unreadable> {
    const { agent, project, gitlabUrl } = this.#options;
    const file = `.gitlab/agents/${agent}/config.yaml`;
    const context: ConfigContext = { file, configProject: project, gitlabUrl };
    try {
      return parseAgentConfig(await readFile(tree, file), context);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return { problems: error.problems, notices: [] };
    } finally {
      await tree.close();
    }
  }

  /** Gives every entry a URL: those that are named by number need GitLab's word. */
  async #resolve(
    config: AgentConfig,
    problemAt: ReadConfig['problemAt'],
  ): Promise<{
    config?: AgentConfig & { entries: ResolvedEntry[] };
    problems: Problem[];
    mayPass: boolean;
  }> {
    const { gitlab, gitlabUrl } = this.#options;
    const problems: Problem[] = [];
    let mayPass = false;
    const entries: ResolvedEntry[] = [];
    for (const entry of config.entries) {
      const { repository } = entry;
      if (!('projectId' in repository)) {
        entries.push({ ...entry, repository });
        continue;
      }
      const id = repository.projectId;
      const answer = await gitlab?.project(String(id));
      if (answer?.ok) {
        const { path } = answer.value;
        entries.push({
          ...entry,
          repository: { project: path, url: `${gitlabUrl.replace(/\/+$/, '')}/${path}.git` },
        });
        continue;
      }
      mayPass ||= answer !== undefined && answer.failure.status !== 404;
      const message = answer
        ? `the path of project ${id} can't be found out: ${answer.failure.message}`
        : `the path of project ${id} can't be found out without an API token`;
      problems.push(
        problemAt(entry.name, 'id', message, 'write the path of the project instead of its number'),
      );
    }
    if (problems.length > 0) return { problems, mayPass };
    return { config: { ...config, entries }, problems, mayPass };
  }

  #tell(state: ConfigurationState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}

/** The bytes of a file; undefined where it is not there. Rejects with ProblemError. */
async function readFile(tree: RevisionTree, path: string): Promise<Buffer | undefined> {
  const entry = await tree.real(path);
  if (entry === undefined) return undefined;
  if (entry.kind !== 'file')
    throw new ProblemError({ code: 'Config', message: 'the configuration is no file', file: path });
  return tree.read(path, MAX_BYTES);
}
