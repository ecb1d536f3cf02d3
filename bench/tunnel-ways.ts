import { Authority } from '../test/core/kube/certificates.ts';
import { AgentProcess } from '../test/support/agent.ts';
import { AgentServer, type AgentServerOptions } from '../test/support/agent-server.ts';
import { apiCall } from '../test/support/control-plane/api.ts';
import { freePorts } from '../test/support/control-plane/ports.ts';
import { waitFor } from '../test/support/control-plane/wait.ts';
import { startGitLab } from '../test/support/gitlab/gitlab.ts';
import { Redis } from '../test/support/redis.ts';
import type { BenchCluster } from './cluster.ts';
import { FarPort } from './far-port.ts';
import { HttpClient } from './http-client.ts';
import { cpuSeconds, megabytes } from './process.ts';

/** One way to the API of the cluster. */
export interface Way {
  name: string;
  client: HttpClient;
  /** Its programs; none where it is the API server itself. */
  server?: Program;
  agent?: Program;
}

/** How long bytes are under way where it is far, in ms. */
export const FAR = 25;
const SECRET = Buffer.alloc(32, 3).toString('base64');

class Program {
  readonly #pid: number;

  constructor({ pid }: { pid: number }) {
    this.#pid = pid;
  }

  cpuSeconds(): number {
    return cpuSeconds(this.#pid);
  }

  megabytes(): number {
    return megabytes(this.#pid);
  }
}

export interface Ways {
  /** The API server itself, by gRPC, by a WebSocket with TLS, and by another replica than the agent's. */
  near: Way[];
  /** The first three again. */
  far: Way[];
}

/** Starts a server and an agent for each way; all of them end with the stack. */
export async function openWays(cluster: BenchCluster, stack: AsyncDisposableStack): Promise<Ways> {
  const authority = stack.adopt(new Authority('agent server'), (made) => made.remove());
  const tls = authority.issue('kas', ['IP:127.0.0.1']);
  const gitlab = stack.use(await startGitLab());
  const config = await gitlab.createProject('group/agents');
  const app = await gitlab.createProject('group/app');
  await config.commit({
    '.gitlab/agents/test/config.yaml': 'ci_access: { projects: [{ id: group/app }] }\n',
  });
  const token = `ci:1:${app.createJobToken().value}`;
  const start = async (more: Partial<AgentServerOptions> = {}): Promise<AgentServer> =>
    stack.use(
      await AgentServer.start({
        gitlab,
        gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
        kubernetesApi: '',
        level: 'info',
        ...more,
      }),
    );
  let agents = 0;
  const connect = async (server: AgentServer, scheme: 'grpc' | 'wss', port = server.port) => {
    agents += 1;
    const namespace = `${cluster.prefix}-tunnel-agent-${agents}`;
    await apiCall(cluster.server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    const agent = stack.use(
      new AgentProcess({
        endpoint: cluster.endpoint,
        gitlab,
        configProject: config,
        namespace,
        kas: {
          address: `${scheme}://127.0.0.1:${port}`,
          token: server.createToken('test', 'group/agents', 'group/app'),
        },
        ...(scheme === 'wss' && { args: [`--kas-ca-cert-file=${authority.ca.certFile}`] }),
      }),
    );
    // Before the server has read the configuration it lets nobody in.
    await agent.said('Config: new commit');
    return agent;
  };
  const far = async (port: number): Promise<number> => stack.use(await FarPort.open(port, FAR)).port;
  const way = (name: string, server: AgentServer, agent: AgentProcess): Way => ({
    name,
    client: stack.use(new HttpClient({ url: server.kubernetesUrl, ca: authority.ca.cert, token })),
    server: new Program(server),
    agent: new Program(agent),
  });
  const direct = (url: string): Way => ({
    name: 'direct',
    client: stack.use(new HttpClient({ ...cluster.server, url })),
  });
  const plain = await start();
  const secure = await start({ tls });
  const [first, second] = await replicas(stack, start);
  const farPlain = await start();
  const farSecure = await start({ tls });
  const url = new URL(cluster.server.url);
  const farUrl = `${url.protocol}//127.0.0.1:${await far(Number(url.port))}`;
  const ways: Ways = {
    near: [
      direct(cluster.server.url),
      way('grpc', plain, await connect(plain, 'grpc')),
      way('wss', secure, await connect(secure, 'wss')),
      way('grpc, another replica', first, await connect(second, 'grpc')),
    ],
    far: [
      direct(farUrl),
      way('grpc', farPlain, await connect(farPlain, 'grpc', await far(farPlain.port))),
      way('wss', farSecure, await connect(farSecure, 'wss', await far(farSecure.port))),
    ],
  };
  for (const { client } of [...ways.near, ...ways.far])
    await waitFor(() => client.ask('/api').then(Boolean, () => false), { what: 'all ways to be open' });
  return ways;
}

/** Two servers with one Redis and one registry. */
async function replicas(
  stack: AsyncDisposableStack,
  start: (more: Partial<AgentServerOptions>) => Promise<AgentServer>,
): Promise<[AgentServer, AgentServer]> {
  const redis = await Redis.start({ teardown: (end) => stack.defer(async () => void (await end())) });
  const ports = await freePorts(2);
  const replica = (port: number) => ({ redis: redis.address, secret: SECRET, port });
  const first = await start({ replica: replica(ports[0]!) });
  const second = await start({ replica: replica(ports[1]!), registry: first.registry });
  for (const server of [first, second]) await server.said('Redis is there');
  return [first, second];
}
