import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse, stringify } from 'yaml';
import { pause } from '../../core/daemon/time.ts';
import { configMap, type Scene, SHOP, scene } from '../agent/scene.ts';
import { ask } from '../server/visits.ts';
import type { AgentProcess } from '../support/agent.ts';
import { AgentServer, type AgentServerOptions } from '../support/agent-server.ts';
import { accessOf, apiCall, waitFor } from '../support/cluster.ts';
import { auditOffset, readAudit } from '../support/control-plane/audit.ts';
import { freePorts } from '../support/control-plane/ports.ts';
import { Random } from '../support/random.ts';
import { Redis } from '../support/redis.ts';

const ROUNDS = process.env.TEST_CHAOS ? 100 : 10;
const NAMES = Array.from({ length: 12 }, (_, index) => `m-${index}`);
const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/** What is killed in a round, in this order; everything is there again at its end. */
const BLOWS = [
  ['server'],
  ['server', 'server'],
  ['server', 'other server'],
  ['leader'],
  ['standby'],
  ['server', 'leader'],
  ['leader', 'other server'],
  ['leader', 'standby'],
  ['redis'],
  ['redis', 'server'],
  ['other server', 'redis', 'leader'],
  ['gitlab'],
  ['server', 'gitlab'],
] as const;

/** Something that can be killed, and comes back. */
interface Victim {
  kill: () => Promise<unknown>;
  restore: () => Promise<unknown>;
}

test('servers, agents and Redis that are killed under pushes and watches: all comes right, once', async (t) => {
  t.timeout(ROUNDS * 90_000);
  const seed = Number(process.env.TEST_SEED ?? 1);
  const random = new Random(seed);
  const access = 'ci_access: { projects: [{ id: group/app }] }\n';
  const s = await scene(t, `${SHOP}    prune_propagation_policy: background\n${access}`);
  const offset = await auditOffset(s.endpoint);
  const redis = await Redis.start(t);
  const servers = await startServers(t, s, redis);
  const token = servers[0]!.createToken();
  let turn = 0;
  /** One after the other, so that agents and people often come to different ones. */
  const reachable = (): ServerVictim | undefined => {
    const up = servers.filter(({ isRunning }) => isRunning);
    turn += 1;
    return up[turn % up.length];
  };
  const door = await servicePort(t, () => reachable()?.port);
  const kas = { address: `ws://127.0.0.1:${door}/`, token };
  const app = await s.gitlab.createProject('group/app');
  const headers = { authorization: `Bearer ci:1:${app.createJobToken().value}` };
  const always = `/api/v1/namespaces/${s.namespace}/configmaps`;
  const watch = new Watch(t, {
    url: () => reachable()!.kubernetesUrl,
    path: `${always}?watch=true&fieldSelector=metadata.name%3Dm-always`,
    headers,
  });
  // The API server tells the two apart by whom they act as.
  const users = [`${s.namespace}-0`, `${s.namespace}-1`];
  const replicas: AgentProcess[] = [];
  const begin = (index: number): AgentProcess => {
    const replica = s.start({
      kas,
      pod: `replica-${index}`,
      kubeconfig: actingAs(s, users[index]!, servers[0]!.directory),
    });
    replicas.push(replica);
    return replica;
  };
  const running = [begin(0), begin(1)];
  const replicaAt = (index: number): Victim => ({
    kill: () => running[index]!.end('SIGKILL'),
    restore: async () => {
      running[index] = begin(index);
    },
  });
  let wanted: Record<string, string> = {};
  const push = async (): Promise<string> => {
    wanted = Object.fromEntries(random.some(NAMES, 0.6).map((name) => [name, String(random.int(5))]));
    wanted['m-always'] = String(random.int(1_000_000));
    const files = [...NAMES, 'm-always'].map((name) => [
      `${name}.yaml`,
      wanted[name] === undefined ? null : configMap(name, { value: wanted[name] }),
    ]);
    return await s.shop.commit(Object.fromEntries(files));
  };
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  for (let round = 1; round <= ROUNDS; round += 1) {
    const blows = random.pick(BLOWS);
    const story = `seed ${seed}, round ${round}: ${blows.join(' and ')}`;
    const leading = await leader(s, users);
    const first = random.int(2);
    const victims: Record<string, Victim> = {
      server: servers[first]!,
      'other server': servers[1 - first]!,
      redis: { kill: () => redis.kill(), restore: () => redis.resume() },
      leader: replicaAt(leading),
      standby: replicaAt(1 - leading),
      gitlab: { kill: () => s.gitlab.interrupt(), restore: () => s.gitlab.resume() },
    };
    await push();
    const dead = new Set<string>();
    for (const blow of blows) {
      await wait(random.int(1_500));
      if (random.chance(0.5)) await push();
      if (dead.delete(blow)) await victims[blow]!.restore();
      await wait(random.int(300));
      await victims[blow]!.kill();
      dead.add(blow);
    }
    const newest = await push();
    await wait(random.int(1_000));
    for (const one of dead) await victims[one]!.restore();
    await s
      .status(({ state, healthy }) => state === 'Synced' && healthy?.revision === newest, 'shop', {
        timeout: 75_000,
      })
      .catch((error: Error) =>
        t.fail(`${story}: ${error.message}\n${[...running, ...servers].map((one) => one.tail()).join('\n')}`),
      );
    const { items } = await s.get('configmaps');
    const found = items.flatMap(
      ({ metadata: { name }, data }: { metadata: { name: string }; data: { value: string } }) =>
        name.startsWith('m-') ? [[name, data.value]] : [],
    );
    t.deepEqual(Object.fromEntries(found), wanted, story);
    // Whichever server somebody comes to, the cluster is behind it; and who watches has seen the newest.
    for (const { kubernetesUrl } of servers) {
      const { status, body } = await ask(kubernetesUrl, `${always}/m-always`, { headers });
      t.is(status, 200, `${story}: ${body}`);
      t.is(JSON.parse(body).data.value, wanted['m-always'], story);
    }
    await waitFor(() => watch.seen === wanted['m-always'], { what: 'the watch to see the newest' }).catch(
      (error: Error) => t.fail(`${story}: ${error.message}\n${servers.map((one) => one.tail()).join('\n')}`),
    );
  }
  t.deepEqual(
    [...replicas, ...servers.flatMap(({ all }) => all)].flatMap(({ noise }) => noise.filter(Boolean)),
    [],
  );
  // The API server's log is in the order of its answers: whoever wrote the Lease last is the only one who writes.
  const { entries } = await readAudit(s.endpoint, offset);
  const ours = entries.filter(({ as, verb, code }) => users.includes(as) && WRITES.has(verb) && code < 300);
  let owner = '';
  for (const { as, resource, uri } of ours) {
    if (resource === 'leases') owner = as;
    else t.is(as, owner, `${uri} by ${as} while ${owner} leads`);
  }
  t.true(ours.length > ROUNDS * 3);
});

/** One of several agent servers, which comes back as it was. */
class ServerVictim implements Victim {
  readonly #options: AgentServerOptions;
  readonly #port: number;
  readonly directory: string;
  /** All that there were. */
  readonly all: AgentServer[];
  isRunning = true;

  private constructor(options: AgentServerOptions, first: AgentServer) {
    this.#options = options;
    this.#port = first.port;
    this.directory = first.directory;
    this.all = [first];
  }

  static async start(t: ExecutionContext, options: AgentServerOptions): Promise<ServerVictim> {
    const victim = new ServerVictim(options, await AgentServer.start(options));
    t.teardown(async () => {
      // The first one owns the directory.
      for (const one of victim.all.toReversed()) await one[Symbol.asyncDispose]();
    });
    return victim;
  }

  get registry(): string {
    return this.all[0]!.registry;
  }

  get port(): number {
    return this.#port;
  }

  get kubernetesUrl(): string {
    return this.all.at(-1)!.kubernetesUrl;
  }

  createToken(): string {
    return this.all[0]!.createToken('test', 'group/agents', 'group/shop');
  }

  kill(): Promise<unknown> {
    this.isRunning = false;
    return this.all.at(-1)!.end('SIGKILL');
  }

  async restore(): Promise<void> {
    const { directory, registry } = this;
    this.all.push(await AgentServer.start({ ...this.#options, port: this.#port, directory, registry }));
    this.isRunning = true;
  }

  tail(): string {
    return this.all.at(-1)!.tail();
  }
}

/** Two, with one registry and one Redis. */
async function startServers(
  t: ExecutionContext,
  { gitlab, token }: Scene,
  redis: Redis,
): Promise<ServerVictim[]> {
  const secret = Buffer.alloc(32, 5).toString('base64');
  const [first, second] = await freePorts(2);
  const options = (port: number): AgentServerOptions => ({
    gitlab,
    gitToken: token,
    kubernetesApi: '',
    replica: { redis: redis.address, secret, port },
  });
  const one = await ServerVictim.start(t, options(first!));
  return [one, await ServerVictim.start(t, { ...options(second!), registry: one.registry })];
}

/** As a Service: each connection goes to a server that runs. */
async function servicePort(t: ExecutionContext, choose: () => number | undefined): Promise<number> {
  const open = new Set<Socket>();
  const service = net.createServer((socket) => {
    const port = choose();
    if (port === undefined) return void socket.destroy();
    const through = net.connect(port, '127.0.0.1');
    for (const end of [socket, through]) {
      open.add(end);
      end.on('error', () => {});
      end.once('close', () => {
        open.delete(end);
        socket.destroy();
        through.destroy();
      });
    }
    socket.pipe(through).pipe(socket);
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  t.teardown(() => {
    service.close();
    for (const socket of open) socket.destroy();
  });
  return (service.address() as AddressInfo).port;
}

interface WatchOptions {
  /** Of whichever server, asked again for each attempt. */
  url: () => string;
  path: string;
  headers: Record<string, string>;
}

/** Watches one ConfigMap, by one server after the other. */
class Watch {
  readonly #options: WatchOptions;
  readonly #ending = new AbortController();
  /** Its `value`, as it was told last. */
  seen: string | undefined;

  constructor(t: ExecutionContext, options: WatchOptions) {
    this.#options = options;
    const watching = this.#run();
    t.teardown(async () => {
      this.#ending.abort();
      await watching;
    });
  }

  async #run(): Promise<void> {
    const { url, path, headers } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        const response = await fetch(url().replace(/\/$/, path), { headers, signal });
        if (response.ok) for await (const line of linesOf(response.body!)) this.#take(JSON.parse(line));
        else await response.body?.cancel();
      } catch {
        // The server or the agent was killed: by another one.
      }
      await pause(100, signal);
    }
  }

  #take({ object }: { object: { data?: { value: string } } }): void {
    if (object.data) this.seen = object.data.value;
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split('\n');
    text = lines.pop()!;
    yield* lines;
  }
}

/** 0 or 1. */
async function leader({ endpoint, namespace }: Scene, users: readonly string[]): Promise<number> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/gitlab-agent.test`;
  const lease = await apiCall(accessOf(endpoint), 'GET', path).catch(() => undefined);
  return users.findIndex((_, index) => lease?.spec.holderIdentity?.startsWith(`replica-${index}`)) === 1
    ? 1
    : 0;
}

/** The administrator's kubeconfig, by which somebody else acts, who may do anything. */
function actingAs({ endpoint }: Scene, name: string, directory: string): string {
  const config = parse(readFileSync(endpoint.kubeconfig, 'utf8')) as { users: { user: object }[] };
  for (const { user } of config.users) Object.assign(user, { as: name, 'as-groups': ['system:masters'] });
  const file = join(directory, `${name}.kubeconfig`);
  writeFileSync(file, stringify(config));
  return file;
}
