import { stringify } from 'yaml';
import type { Cluster, Discovery } from '../core/model/cluster.ts';
import type { KubeObject } from '../core/model/object.ts';
import type { Problem } from '../core/model/problem.ts';
import type { ConfigurationState } from './configuration.ts';
import { AGENT_LABEL } from './entry-parent.ts';

/** What the agent says of itself in a ConfigMap of its own, `gitlab-agent.<agent>`: a person reads it as it is. */
export interface AgentState {
  version: string;
  gitlabUrl: string;
  configurationProject: string;
  configuration: ConfigurationState;
  /** Names of the entries that are in force. */
  entries: readonly string[];
  /** Entries that left the configuration and what became of their objects, in words. */
  removed: Readonly<Record<string, string>>;
}

const LONGEST = 1_000;
const MOST_PROBLEMS = 20;

export function agentRecordName(agent: string): string {
  return `gitlab-agent.${agent}`;
}

/** Writes the agent's ConfigMap, each state once: a state that is there already costs nothing. */
export class AgentRecord {
  readonly #cluster: Cluster;
  readonly #agent: string;
  readonly #namespace: string;
  readonly #onTrouble: (message: string) => void;
  #written: string | undefined;
  #wanted: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(cluster: Cluster, agent: string, namespace: string, onTrouble: (message: string) => void) {
    this.#cluster = cluster;
    this.#agent = agent;
    this.#namespace = namespace;
    this.#onTrouble = onTrouble;
  }

  /** Queues a state; of several that come while one is written, the newest is written next. */
  say(state: AgentState): void {
    this.#wanted = stateText(state);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#wanted !== this.#written) {
      const text = this.#wanted!;
      const answer = await this.#cluster.apply(
        {
          resource: await this.#configMaps(),
          namespace: this.#namespace,
          name: agentRecordName(this.#agent),
        },
        this.#object(text),
        { dryRun: false },
      );
      if (!answer.ok) {
        this.#onTrouble(answer.failure.message);
        return;
      }
      this.#written = text;
    }
  }

  async #configMaps(): Promise<Discovery['resources'][number]> {
    const { resources } = await this.#cluster.discover();
    return resources.find(({ group, kind }) => group === '' && kind === 'ConfigMap')!;
  }

  #object(text: string): KubeObject {
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: agentRecordName(this.#agent),
        namespace: this.#namespace,
        labels: { [AGENT_LABEL]: this.#agent },
      },
      data: { status: text },
    };
  }
}

function stateText(state: AgentState): string {
  const { observed, applied, problems, notices } = state.configuration;
  const told = {
    version: state.version,
    gitlab: state.gitlabUrl,
    configuration: {
      project: state.configurationProject,
      ...(applied && { applied }),
      ...(observed && observed.commit !== applied && { observed: observed.commit }),
      ...(problems.length > 0 && { problems: problems.slice(0, MOST_PROBLEMS).map(problemText) }),
      ...(problems.length > MOST_PROBLEMS && { moreProblems: problems.length - MOST_PROBLEMS }),
      ...(notices.length > 0 && { notices: notices.slice(0, MOST_PROBLEMS) }),
    },
    ...(state.entries.length > 0 && { entries: [...state.entries] }),
    ...(Object.keys(state.removed).length > 0 && { removed: state.removed }),
  };
  return stringify(told, { lineWidth: 0 });
}

/** `config.yaml:3:5: message (hint)`. */
export function problemText({ file, line, column, message, hint }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return `${place ? `${place}: ` : ''}${message}${hint ? ` (${hint})` : ''}`.slice(0, LONGEST);
}
