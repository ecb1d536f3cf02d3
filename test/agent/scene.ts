/** One agent, its GitLab and its namespace, and what tests ask of them. */
import type { ExecutionContext } from 'ava';
import type { SetStatus } from '../../core/model/record.ts';
import { type AgentOptions, AgentProcess, entryStatus } from '../support/agent.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  type Endpoint,
  namespace,
  sharedCluster,
  type WaitOptions,
  waitFor,
} from '../support/cluster.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';

export const configMap = (name: string, data: Record<string, string>, more: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more }, data });

export class Scene {
  readonly endpoint: Endpoint;
  readonly namespace: string;
  readonly gitlab: GitLab;
  readonly config: Project;
  readonly shop: Project;
  readonly token: string;
  readonly #agents = new Set<AgentProcess>();
  #agent: AgentProcess | undefined;

  /** The one that is asked what it says; the others that were it end with the scene, too. */
  get agent(): AgentProcess {
    return this.#agent!;
  }

  set agent(agent: AgentProcess) {
    this.#agent = agent;
    this.#agents.add(agent);
  }

  async end(): Promise<void> {
    for (const agent of this.#agents) await agent[Symbol.asyncDispose]();
  }

  constructor(fields: Pick<Scene, 'endpoint' | 'namespace' | 'gitlab' | 'config' | 'shop' | 'token'>) {
    this.endpoint = fields.endpoint;
    this.namespace = fields.namespace;
    this.gitlab = fields.gitlab;
    this.config = fields.config;
    this.shop = fields.shop;
    this.token = fields.token;
  }

  start(options: Partial<AgentOptions> = {}): AgentProcess {
    const { endpoint, gitlab, config: configProject, token } = this;
    this.agent = new AgentProcess({
      endpoint,
      gitlab,
      configProject,
      namespace: this.namespace,
      apiToken: token,
      gitToken: { token },
      ...options,
    });
    return this.agent;
  }

  configure(entries: string): Promise<string> {
    const text = `gitops:\n  manifest_projects:\n${entries.replaceAll('NS', this.namespace)}`;
    return this.config.commit({ '.gitlab/agents/test/config.yaml': text });
  }

  /** Asks for what is below `/api/v1/namespaces/NS`, or elsewhere for a whole path. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever an API server says
  get(path: string): Promise<any> {
    return apiCall(accessOf(this.endpoint), 'GET', this.#path(path));
  }

  async exists(path: string): Promise<boolean> {
    return (await apiRequest(accessOf(this.endpoint), 'GET', this.#path(path))).status === 200;
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever an API server says
  write(method: string, path: string, body?: object): Promise<any> {
    return apiCall(accessOf(this.endpoint), method, this.#path(path), body);
  }

  #path(path: string): string {
    return path.startsWith('/') ? path : `/api/v1/namespaces/${this.namespace}/${path}`;
  }

  /** Waits until the parent of an entry says something. */
  status(
    what: (status: SetStatus) => boolean,
    entry = 'shop',
    options: Partial<WaitOptions> = {},
  ): Promise<SetStatus> {
    let last: SetStatus | undefined;
    return waitFor(
      async () => {
        last = await entryStatus(this.endpoint, this.namespace, entry);
        return last && what(last) && last;
      },
      { what: `the parent of ${entry} to say it`, ...options },
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last)}\n${this.agent.tail()}`);
    });
  }

  healthy(commit: string, entry = 'shop'): Promise<SetStatus> {
    return this.status(({ healthy, state }) => state === 'Synced' && healthy?.revision === commit, entry);
  }

  /** Annotates the parent of an entry; null removes. */
  async annotate(annotations: Record<string, string | null>, entry = 'shop'): Promise<void> {
    const path = `configmaps/gitlab-agent.test.${entry}`;
    await this.write('PATCH', path, { metadata: { annotations } });
  }

  /** The states of a commit's statuses, oldest first, as they were sent and taken. */
  statuses(commit: string, name = 'gitlab-agent/test', project = this.shop): string[] {
    return project.statuses
      .filter((status) => status.pipeline.sha === commit && status.name === name)
      .map(({ status }) => status);
  }

  /**
   * What GitLab answered to the statuses that were sent for a commit. Only what comes in its order, and once, gets 201
   * each time and leaves one status.
   */
  posts(commit: string): (number | undefined)[] {
    const sent = this.gitlab.requests.filter(
      ({ method, path }) => method === 'POST' && path.endsWith(`/statuses/${commit}`),
    );
    return sent.map(({ status }) => status);
  }

  /** Waits until GitLab has been told of the state of a commit. */
  told(commit: string, state: string, name = 'gitlab-agent/test', project = this.shop) {
    return this.until(
      () =>
        project.statuses.findLast(
          (status) => status.pipeline.sha === commit && status.name === name && status.status === state,
        ),
      `GitLab to be told ${state}`,
    );
  }

  async until<T>(ask: () => T | Promise<T>, what: string, options: Partial<WaitOptions> = {}) {
    return waitFor(ask, { what, ...options }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.agent.tail()}`);
    });
  }
}

export const SHOP = '  - id: group/shop\n    name: shop\n    default_namespace: NS\n';

/** A GitLab with a configuration project and a manifest project `group/shop`, and an agent that is not started yet. */
export async function scene(
  t: ExecutionContext,
  config: string = SHOP,
  endpoint: Endpoint = sharedCluster(),
): Promise<Scene> {
  const within = await namespace(t, endpoint);
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const made = new Scene({
    endpoint,
    namespace: within,
    gitlab,
    config: await gitlab.createProject('group/agents'),
    shop: await gitlab.createProject('group/shop'),
    token: gitlab.root.createToken({ scopes: ['api', 'read_repository'] }).value,
  });
  t.teardown(async () => {
    await made.end();
  });
  await made.configure(config);
  return made;
}
