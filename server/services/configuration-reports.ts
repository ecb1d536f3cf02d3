import { Code, ConnectError } from '@connectrpc/connect';
import { parseAgentConfig } from '../../core/config/agent-config.ts';
import type { Log } from '../../core/daemon/log.ts';
import { Backoff, pause } from '../../core/daemon/time.ts';
import { parseText } from '../../core/manifest/dialect.ts';
import { isObject, type JsonObject } from '../../core/model/json.ts';
import type { AgentIdentity } from '../access/directory.ts';
import type { GitLabApi } from '../access/gitlab-api.ts';

export interface ConfigurationReportsOptions {
  api: Pick<GitLabApi, 'configureAgent'>;
  random: () => number;
  log: Log;
  /** Ends what is under way. */
  signal: AbortSignal;
}

interface Report {
  commit: string;
  file: Buffer;
}

/** Between two attempts, in ms. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 300_000;
/** Agents whose last commit is remembered. */
const MOST_AGENTS = 20_000;

/**
 * GitLab mode: tells GitLab what the configuration of an agent says, for GitLab keeps who may use the agent (`ci_access`,
 * `user_access`). Each commit once, however many Pods the agent has; who follows the configuration does not wait for it.
 */
export class ConfigurationReports {
  readonly #options: ConfigurationReportsOptions;
  /** The newest commit that there is of each agent. */
  readonly #newest = new Map<bigint, string>();
  /** What GitLab has to be told still, of agents that somebody tells it of right now. */
  readonly #waiting = new Map<bigint, Report | undefined>();

  constructor(options: ConfigurationReportsOptions) {
    this.#options = options;
  }

  /** A commit was seen; no file is an empty one. */
  tell(agent: AgentIdentity, commit: string, file: Buffer = Buffer.alloc(0)): void {
    if (this.#newest.get(agent.id) === commit) return;
    this.#newest.delete(agent.id);
    this.#newest.set(agent.id, commit);
    const [oldest] = this.#newest.keys();
    if (this.#newest.size > MOST_AGENTS && oldest !== undefined) this.#newest.delete(oldest);
    const isRunning = this.#waiting.has(agent.id);
    this.#waiting.set(agent.id, { commit, file });
    if (!isRunning) void this.#run(agent);
  }

  async #run(agent: AgentIdentity): Promise<void> {
    const { random, signal } = this.#options;
    const backoff = new Backoff(FIRST_PAUSE, LONGEST_PAUSE, random);
    for (;;) {
      const report = this.#waiting.get(agent.id);
      if (!report || signal.aborted) break;
      const isDone = await this.#send(agent, report);
      if (!isDone) await pause(backoff.next(), signal);
      else if (this.#waiting.get(agent.id) === report) break;
      else backoff.reset();
    }
    this.#waiting.delete(agent.id);
  }

  /** False where it has to be tried again. */
  async #send(agent: AgentIdentity, { commit, file }: Report): Promise<boolean> {
    const { api, signal } = this.#options;
    const log = this.#options.log.with({ agent: agent.name, agent_id: String(agent.id), commit });
    const configuration = configurationOf(agent, file);
    // What is wrong with it the agent says.
    if (!configuration) return true;
    try {
      await api.configureAgent(agent.id, configuration, signal);
      log.debug('GitLab was told of the configuration');
      return true;
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      if (signal.aborted) return true;
      const isGone = code === Code.NotFound;
      log.warn('GitLab was not told of the configuration', {
        error: isGone ? 'the agent is gone' : rawMessage,
      });
      return isGone;
    }
  }
}

/** The whole file as it stands; undefined where it is broken. */
function configurationOf({ project }: AgentIdentity, file: Buffer): JsonObject | undefined {
  const named = { file: 'config.yaml', configProject: project.path, gitlabUrl: 'https://gitlab.invalid' };
  if (!parseAgentConfig(file, { ...named, maxBytes: Number.POSITIVE_INFINITY }).config) return undefined;
  const [document] = parseText(file.toString('utf8')).documents;
  return isObject(document?.value) ? document.value : {};
}
