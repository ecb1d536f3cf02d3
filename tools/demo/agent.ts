import { execFileSync } from 'node:child_process';
import { type AgentOptions, AgentProcess } from '../../test/support/agent.ts';
import { waitFor } from '../../test/support/control-plane/wait.ts';
import type { ExampleProjects } from '../../test/support/gitlab/example-projects.ts';
import type { GitLab } from '../../test/support/gitlab/gitlab.ts';
import type { LogLine } from '../../test/support/program-log.ts';
import type { Stage } from './stage.ts';

export interface DemoAgentOptions {
  gitlab: GitLab;
  projects: ExampleProjects;
  kubeconfig: string;
  namespace: string;
  /** The clone of the manifest project. */
  clone: string;
  env: NodeJS.ProcessEnv;
}

// What a person wants to see of the log; the rest is for when something is wrong.
const SHOWN = new Set([
  'Config: new commit',
  'GitOps: new commit',
  'Objects synchronized',
  'Objects are healthy',
  'Object not applied',
  'Synchronization failed',
  'Drift',
  'Drift repaired',
  'The agent server says who this agent is',
  'Config: repository poll failed',
]);

/** The agent of the demo: a process of its own, as in a Pod, whose log is shown in short. */
export class DemoAgent implements AsyncDisposable {
  readonly #options: DemoAgentOptions;
  #process: AgentProcess | undefined;
  #shown = 0;

  constructor(options: DemoAgentOptions) {
    this.#options = options;
  }

  /** By Git, where `other` does not say otherwise. */
  start(other: Partial<AgentOptions> = {}): void {
    const { gitlab, projects, kubeconfig, namespace } = this.#options;
    this.#process = new AgentProcess({
      endpoint: { kubeconfig },
      gitlab,
      configProject: projects.configuration,
      namespace,
      name: 'demo',
      apiToken: projects.person.value,
      gitToken: { token: projects.person.value },
      args: ['--poll-interval=1s'],
      ...other,
    });
  }

  /** Where its metrics are. */
  async observedPort(): Promise<number> {
    return (await this.#process!.said('Observability endpoint is up')).port as number;
  }

  /** Waits until the newest commit of the clone is applied, and returns when that was, in ms. */
  async applied(): Promise<number> {
    const { time } = await this.#process!.said('Objects synchronized', { commit: this.#head() });
    return Date.parse(time);
  }

  /** Waits until the newest commit of the clone is applied and healthy. */
  async healthy(stage: Stage): Promise<void> {
    const commit = this.#head();
    await this.#process!.said('Objects are healthy', { commit }, 0, { timeout: 60_000 });
    this.#show(stage);
  }

  /** Waits until it says something new. */
  async said(stage: Stage, msg: string): Promise<void> {
    await this.#process!.said(msg, {}, this.#shown);
    this.#show(stage);
  }

  /** What GitLab shows at the newest commit, once it is settled. */
  async statuses(stage: Stage): Promise<void> {
    const commit = this.#head();
    const { manifests } = this.#options.projects;
    const status = await waitFor(
      () =>
        manifests.statuses.findLast(
          ({ pipeline, status }) => pipeline.sha === commit && /success|failed/.test(status),
        ),
      { what: 'the commit status' },
    );
    stage.quote([
      `GitLab, commit ${commit.slice(0, 8)}: ${status.name}: ${status.status}`,
      `  ${status.description}`,
    ]);
  }

  #head(): string {
    const { clone, env } = this.#options;
    return execFileSync('git', ['-C', clone, 'rev-parse', 'HEAD'], { env, encoding: 'utf8' }).trim();
  }

  #show(stage: Stage): void {
    const { lines } = this.#process!;
    stage.quote(
      lines
        .slice(this.#shown)
        .filter(({ msg }) => SHOWN.has(msg))
        .map(short),
    );
    this.#shown = lines.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.end();
    await this.#process?.[Symbol.asyncDispose]();
  }
}

/** `agent | Objects synchronized  commit=1a2b3c4d written=11`. */
function short({ msg, commit, error, object, objects, written, managers, source }: LogLine): string {
  const told = {
    commit: commit && String(commit).slice(0, 8),
    object,
    source,
    objects,
    written,
    managers,
    error,
  };
  const fields = Object.entries(told).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return `agent | ${msg}  ${fields.join(' ')}`.trimEnd();
}
