import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse, stringify } from 'yaml';
import { configMap, type Scene, SHOP, scene } from '../agent/scene.ts';
import type { AgentProcess } from '../support/agent.ts';
import { AgentServer, type AgentServerOptions } from '../support/agent-server.ts';
import { accessOf, apiCall } from '../support/cluster.ts';
import { auditOffset, readAudit } from '../support/control-plane/audit.ts';
import { Random } from '../support/random.ts';

const ROUNDS = process.env.TEST_CHAOS ? 100 : 10;
const NAMES = Array.from({ length: 12 }, (_, index) => `m-${index}`);
const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/** What is killed in a round, in this order; everything is there again at its end. */
const BLOWS = [
  ['server'],
  ['server', 'server'],
  ['leader'],
  ['standby'],
  ['server', 'leader'],
  ['leader', 'server'],
  ['leader', 'standby'],
  ['gitlab'],
  ['server', 'gitlab'],
] as const;

/** Something that can be killed, and comes back. */
interface Victim {
  kill: () => Promise<unknown>;
  restore: () => Promise<unknown>;
}

test('a server and agents that are killed while commits are pushed: the newest one comes, once', async (t) => {
  t.timeout(ROUNDS * 90_000);
  const seed = Number(process.env.TEST_SEED ?? 1);
  const random = new Random(seed);
  const s = await scene(t, `${SHOP}    prune_propagation_policy: background\n`);
  const offset = await auditOffset(s.endpoint);
  const server = await ServerVictim.start(t, s);
  // The API server tells the two apart by whom they act as.
  const users = [`${s.namespace}-0`, `${s.namespace}-1`];
  const replicas: AgentProcess[] = [];
  const begin = (index: number): AgentProcess => {
    const replica = s.start({
      kas: server.kas,
      pod: `replica-${index}`,
      kubeconfig: actingAs(s, users[index]!, server.directory),
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
    const victims: Record<string, Victim> = {
      server,
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
        t.fail(
          `${story}: ${error.message}\n${running.map((one) => one.tail()).join('\n')}\n${server.tail()}`,
        ),
      );
    const { items } = await s.get('configmaps');
    const found = items.flatMap(
      ({ metadata: { name }, data }: { metadata: { name: string }; data: { value: string } }) =>
        name.startsWith('m-') ? [[name, data.value]] : [],
    );
    t.deepEqual(Object.fromEntries(found), wanted, story);
  }
  t.deepEqual(
    [...replicas, ...server.all].flatMap(({ noise }) => noise.filter(Boolean)),
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

/** An agent server that comes back at its port, with its registry. */
class ServerVictim implements Victim {
  readonly #options: AgentServerOptions;
  readonly #port: number;
  readonly #token: string;
  readonly directory: string;
  /** All that there were. */
  readonly all: AgentServer[];

  private constructor(options: AgentServerOptions, first: AgentServer) {
    this.#options = options;
    this.#port = first.port;
    this.directory = first.directory;
    this.#token = first.createToken('test', 'group/agents', 'group/shop');
    this.all = [first];
  }

  static async start(t: ExecutionContext, { gitlab, token }: Scene): Promise<ServerVictim> {
    const options = { gitlab, gitToken: token };
    const victim = new ServerVictim(options, await AgentServer.start(options));
    t.teardown(async () => {
      // The first one owns the directory.
      for (const one of victim.all.toReversed()) await one[Symbol.asyncDispose]();
    });
    return victim;
  }

  get kas() {
    return { address: `ws://127.0.0.1:${this.#port}/`, token: this.#token };
  }

  kill(): Promise<unknown> {
    return this.all.at(-1)!.end('SIGKILL');
  }

  async restore(): Promise<void> {
    const { directory } = this;
    this.all.push(await AgentServer.start({ ...this.#options, port: this.#port, directory }));
  }

  tail(): string {
    return this.all.at(-1)!.tail();
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
