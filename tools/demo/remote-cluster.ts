import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Authority } from '../../test/core/kube/certificates.ts';
import { AgentServer } from '../../test/support/agent-server.ts';
import type { ExampleProjects } from '../../test/support/gitlab/example-projects.ts';
import type { GitLab } from '../../test/support/gitlab/gitlab.ts';
import { Kubelet } from '../../test/support/kubelet.ts';
import { NamespacesRefused } from '../../test/support/network/network-namespace.ts';
import { OUT_ADDRESSES, PrivateNetwork } from '../../test/support/network/private-network.ts';
import type { DemoAgent } from './agent.ts';
import type { DemoCluster } from './cluster.ts';

export interface RemoteClusterOptions {
  gitlab: GitLab;
  projects: ExampleProjects;
  cluster: DemoCluster;
  agent: DemoAgent;
  /** Where the registry, the agent's token and the server's certificate are. */
  directory: string;
}

// Nothing is found by a poll while the story lasts: what arrives was pushed.
const SERVER = `  gitops: { poll_period: 1h }
  configuration: { poll_period: 1h }
`;
const PAGE = 'Hello from the shop.\n';

/** An agent server, and a cluster that only an agent connects to it, in a network of its own where there are such. */
export class RemoteCluster implements AsyncDisposable {
  readonly #options: RemoteClusterOptions;
  readonly #resources = new AsyncDisposableStack();
  #server: AgentServer | undefined;
  #certificateFile = '';
  /** Undefined where this machine has no network namespaces for us, and the agent is beside the server. */
  network: PrivateNetwork | undefined;
  /** Why there are none. */
  refused: string | undefined;

  constructor(options: RemoteClusterOptions) {
    this.#options = options;
  }

  /** Once there is a registry. GitLab tells it of pushes. */
  async startServer(): Promise<void> {
    const { gitlab, projects, directory } = this.#options;
    const authority = new Authority('demo');
    this.#resources.defer(() => authority.remove());
    this.#certificateFile = join(directory, 'server.crt');
    copyFileSync(authority.ca.certFile, this.#certificateFile);
    const names = ['127.0.0.1', ...OUT_ADDRESSES].map((ip) => `IP:${ip}`);
    this.#server = this.#resources.use(
      await AgentServer.start({
        gitlab,
        gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
        registry: join(directory, 'registry.yaml'),
        webhookSecret: 'demo',
        kubernetesApi: 'allowed_agent_cache_ttl: 1s',
        agent: SERVER,
        tls: authority.issue('server', names),
      }),
    );
    for (const project of [projects.configuration, projects.manifests])
      project.addWebhook(this.#server.webhookUrl, { secret: 'demo' });
  }

  get gitlabUrl(): string {
    return this.#options.gitlab.url;
  }

  /** Where kubectl finds the clusters of all agents. */
  get kubernetesUrl(): string {
    return this.#server!.kubernetesUrl.replace(/\/$/, '');
  }

  /** Puts the cluster into a network that nobody can connect to. Its API server is in there with the agent. */
  async enclose(): Promise<void> {
    const { url } = await this.#options.cluster.endpoint();
    try {
      const options = { out: this.#server!.port, within: [Number(new URL(url).port)] };
      this.network = this.#resources.use(await PrivateNetwork.start(options));
    } catch (error) {
      if (!(error instanceof NamespacesRefused)) throw error;
      this.refused = error.message;
    }
  }

  /** With the token that is in `agent-token`, and nothing else. */
  startAgent(): void {
    const { agent, directory } = this.#options;
    const token = readFileSync(join(directory, 'agent-token'), 'utf8').trim();
    const address = this.network?.out ?? `127.0.0.1:${this.#server!.port}`;
    const listen = this.network ? '0.0.0.0:0' : '127.0.0.1:0';
    agent.start({
      kas: { address: `grpcs://${address}`, token },
      args: [`--kas-ca-cert-file=${this.#certificateFile}`, `--observability-listen-address=${listen}`],
      apiToken: undefined,
      gitToken: undefined,
      ...(this.network && { enter: this.network.enter }),
    });
  }

  /** A Pod with a web server behind it: the others of these clusters are simulated. */
  async startPod(name: string): Promise<void> {
    const { cluster } = this.#options;
    const web = createServer((request, response) => {
      kubelet.write(`${request.method} ${request.url} 200`);
      response.end(PAGE);
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    this.#resources.defer(() => {
      web.close();
      web.closeAllConnections();
    });
    const endpoint = await cluster.endpoint();
    const { port } = web.address() as AddressInfo;
    const kubelet = this.#resources.use(await Kubelet.start({ endpoint, ports: { 8080: port } }));
    writeFileSync(join(kubelet.directory, 'index.html'), PAGE);
    await kubelet.pod(cluster.namespace, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
