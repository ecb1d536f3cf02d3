import { stringify } from 'yaml';
import { AGENT_LABEL, agentRecordName } from '../core/apply/agent-parent.ts';
import { type SetEvent, writeEvents } from '../core/apply/events.ts';
import { configMaps } from '../core/apply/parent-object.ts';
import { Backoff, pause } from '../core/daemon/time.ts';
import type { Cluster } from '../core/model/cluster.ts';
import type { KubeObject } from '../core/model/object.ts';
import { type Problem, placeOf } from '../core/model/problem.ts';
import { problemsOf } from '../core/sync.ts';
import type { ConfigurationState } from './configuration.ts';
import { headline } from './words.ts';

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

export interface AgentRecordOptions {
  cluster: Cluster;
  agent: string;
  namespace: string;
  signal: AbortSignal;
  random: () => number;
  /** Told why it could not be written; that is tried again. */
  onTrouble: (message: string) => void;
}

const LONGEST = 1_000;
const MOST_PROBLEMS = 20;
const RETRY = { first: 2_000, longest: 60_000 };

/** Writes the agent's ConfigMap, each state once: a state that is there already costs nothing. */
export class AgentRecord {
  readonly #options: AgentRecordOptions;
  readonly #backoff: Backoff;
  #written: string | undefined;
  #wanted: AgentState | undefined;
  /** What Events were written about. */
  #told: string | undefined;
  #writing: Promise<void> | undefined;
  #isWriting = false;

  constructor(options: AgentRecordOptions) {
    this.#options = options;
    this.#backoff = new Backoff(RETRY.first, RETRY.longest, options.random);
  }

  /** Queues a state; of several that come while one is written, the newest is written next. */
  say(state: AgentState): void {
    this.#wanted = { ...state, removed: { ...state.removed } };
    if (!this.#isWriting) this.#writing = this.#write();
  }

  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Until it is written, or everything ends. */
  async #write(): Promise<void> {
    const { signal, onTrouble } = this.#options;
    this.#isWriting = true;
    try {
      while (!signal.aborted) {
        const state = this.#wanted!;
        if (stateText(state) === this.#written) return;
        const trouble = await this.#put(state).catch((error: unknown) => {
          if (signal.aborted) return 'the agent ends';
          return headline(problemsOf(error));
        });
        if (signal.aborted) return;
        if (trouble === undefined) this.#backoff.reset();
        else {
          onTrouble(trouble);
          await pause(this.#backoff.next(), signal);
        }
      }
    } finally {
      // At once, not when somebody hears of it: a state that comes next must not be taken for one under way.
      this.#isWriting = false;
    }
  }

  /** Writes a state; why it could not be written. */
  async #put(state: AgentState): Promise<string | undefined> {
    const { cluster, agent, namespace, onTrouble } = this.#options;
    const text = stateText(state);
    const name = agentRecordName(agent);
    const ref = { resource: configMaps(await cluster.discover()), namespace, name };
    const answer = await cluster.apply(ref, this.#object(text), { dryRun: false });
    if (!answer.ok) return answer.failure.message;
    this.#written = text;
    const event = eventOf(state);
    if (!event || event.message === this.#told) return undefined;
    this.#told = event.message;
    const about = { set: { namespace, name }, live: { uid: String(answer.value.metadata.uid) } };
    const now = new Date().toISOString();
    const failure = await writeEvents(cluster, await cluster.discover(), about, [event], now);
    if (failure) onTrouble(`no Events are written: ${failure.message}`);
    return undefined;
  }

  #object(text: string): KubeObject {
    const { agent, namespace } = this.#options;
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: agentRecordName(agent),
        namespace,
        labels: { [AGENT_LABEL]: agent },
      },
      data: { status: text },
    };
  }
}

/** What is said of the configuration as an Event; nothing before it was seen. */
function eventOf({ configuration: { observed, applied, problems } }: AgentState): SetEvent | undefined {
  const at = observed === undefined ? '' : ` at ${observed.commit.slice(0, 12)}`;
  const [first, ...more] = problems;
  if (first)
    return {
      type: 'Warning',
      reason: 'ConfigurationBroken',
      message: `the configuration${at} is not in force: ${headline([first, ...more])}`,
    };
  if (applied === undefined) return undefined;
  return { type: 'Normal', reason: 'ConfigurationApplied', message: `the configuration${at} is in force` };
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
export function problemText({ message, hint, ...problem }: Problem): string {
  const where = placeOf(problem);
  return `${where ? `${where}: ` : ''}${message}${hint ? ` (${hint})` : ''}`.slice(0, LONGEST);
}
