import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { saltedHash } from '../server/access/digest.ts';
import { writeRegistry } from '../server/access/registry-file.ts';
import { Authority } from '../test/core/kube/certificates.ts';
import { AgentServer, type AgentServerOptions } from '../test/support/agent-server.ts';
import { waitFor } from '../test/support/control-plane/wait.ts';
import { type GitLab, startGitLab } from '../test/support/gitlab/gitlab.ts';
import type { Project } from '../test/support/gitlab/project.ts';
import type { AgentsOrder, AgentsReport } from './kas-agents.ts';
import { cpuSeconds, megabytes } from './process.ts';
import { formatTable, median } from './table.ts';

const PROCESSES = 4;
const FILES = 20;
const PUSHES = 5;
const SECRET = 'hush';
/** How long all are watched while nothing happens, and how long the server is away, in ms. */
const QUIET = 40_000;
const OUTAGE = 5_000;
const SALT = Buffer.alloc(16, 7).toString('base64url');

/** How agents connect, and who says that they may. */
const WAYS = [
  ['grpc', 'registry'],
  ['wss', 'registry'],
  ['grpc', 'GitLab'],
] as const;
type Way = (typeof WAYS)[number];

interface Options {
  agents: number;
  /** Cleartext and a registry only. */
  quick: boolean;
  signal: AbortSignal;
  say: (text: string) => void;
}

interface Row {
  what: string;
  goal: string;
  values: string[];
}

/** Measures one agent server with many agents: memory, pushes, and how they come back after it was killed. */
export async function benchServer(options: Options): Promise<void> {
  const columns: string[] = [];
  const rows = new Map<string, Row>();
  for (const [way, mode] of options.quick ? WAYS.slice(0, 1) : WAYS) {
    columns.push(`${way}, ${mode}`);
    await measureOne(way, mode, options, (what, goal, value) => {
      const row = rows.get(what) ?? { what, goal, values: [] };
      rows.set(what, row);
      row.values.push(value);
    });
  }
  const table = [...rows.values()].map(({ what, goal, values }) => [what, goal, ...values]);
  process.stdout.write(formatTable([`${options.agents} agents`, 'goal', ...columns], table));
}

type Report = (what: string, goal: string, value: string) => void;

async function measureOne(
  way: Way[0],
  mode: Way[1],
  { agents, signal, say }: Options,
  report: Report,
): Promise<void> {
  say(`${way}, ${mode} mode: a GitLab stand-in, a server and ${agents} agents in ${PROCESSES} processes`);
  await using stack = new AsyncDisposableStack();
  const gitlab = stack.use(await startGitLab());
  const authority = stack.adopt(new Authority('agent server'), (made) => made.remove());
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop', { visibility: 'public' });
  const names = range(agents).map((index) => `agent-${index}`);
  await config.commit(Object.fromEntries(names.map((name) => [fileOf(name), '{}\n'])));
  const first = await shop.commit(
    Object.fromEntries(range(FILES).map((index) => [`${index}.yaml`, manifest(index, 0)])),
  );
  const setUp: AgentServerOptions = {
    gitlab,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    webhookSecret: SECRET,
    level: 'info',
    agent: '  gitops: { poll_period: 20s }\n  configuration: { poll_period: 20s }',
    ...(way === 'wss' && { tls: authority.issue('kas', ['IP:127.0.0.1']) }),
    ...(mode === 'GitLab' && { secret: gitlab.kasSecret }),
  };
  const start = async (more: Partial<AgentServerOptions> = {}): Promise<AgentServer> =>
    stack.use(await AgentServer.start({ ...setUp, ...more }));
  let server = await start();
  const tokens = mode === 'GitLab' ? tokensOf(gitlab, config, names) : register(server.registry, names);
  const crowd = new Crowd(tokens, {
    address: `${way}://127.0.0.1:${server.port}`,
    ...(way === 'wss' && { ca: authority.ca.cert }),
    project: shop.path,
  });
  stack.use(crowd);
  await crowd.all(first, agents, { what: 'all to have the first commit', timeout: 120_000, signal });
  await areRegistered(server, agents, signal);
  await delay(QUIET / 2, undefined, { signal });
  report('MB resident, all connected', '< 1000', megabytes(server.pid).toFixed(0));
  const quiet = await spent(server, crowd, () => delay(QUIET / 2, undefined, { signal }));
  report('quiet: share of a core, server', '', percent(quiet.server / quiet.seconds));
  const latencies: number[][] = [];
  let peak = 0;
  const busy = await spent(server, crowd, async () => {
    for (const push of range(PUSHES)) {
      say(`push ${push + 1}`);
      const commit = await shop.commit({ '7.yaml': manifest(7, push + 1) });
      const pushedAt = now();
      await poke(server, shop);
      await crowd.all(commit, agents, { what: `push ${push + 1}`, timeout: 60_000, signal });
      latencies.push(crowd.times(commit).map((at) => at - pushedAt));
      peak = Math.max(peak, megabytes(server.pid));
    }
  });
  const of = (part: number): string =>
    (Math.max(...latencies.map((one) => quantile(one, part))) / 1000).toFixed(2);
  report('a push: s until half of them have it, the worst', '', of(0.5));
  const usual = median(latencies.map((one) => quantile(one, 0.99))) / 1000;
  report('a push: s until 99 % have it, median', '< 2', usual.toFixed(2));
  report('a push: s until 99 % have it, the worst', '< 2', of(0.99));
  report('a push: s until all have it, the worst', '', of(1));
  report('a push: CPU s, server', '', (busy.server / PUSHES).toFixed(2));
  report('a push: CPU s, all agents', '', (busy.agents / PUSHES).toFixed(2));
  report('MB resident, after pushes', '< 1000', peak.toFixed(0));
  say('the server is killed');
  const { port, directory } = server;
  await server.end('SIGKILL');
  const missed = [
    await shop.commit({ '7.yaml': manifest(7, 100) }),
    await config.commit({ 'README.md': 'new\n' }),
  ];
  await delay(OUTAGE, undefined, { signal });
  // What it takes from here is the storm.
  server = await start({ port, directory });
  const upAt = now();
  const storm = new Storm(server);
  for (const commit of missed)
    await crowd.all(commit, agents, { what: 'all to be back', timeout: 120_000, signal });
  const back = missed.map((commit) => crowd.times(commit).map((at) => at - upAt));
  await areRegistered(server, agents, signal);
  const registered = now() - upAt;
  const most = await storm.end();
  const whole = (part: number): string =>
    (Math.max(...back.map((one) => quantile(one, part))) / 1000).toFixed(1);
  report('restart: s until half of the streams are back', '', whole(0.5));
  report('restart: s until all are back', '< 30', whole(1));
  report('restart: s until all Pods are registered', '< 30', (registered / 1000).toFixed(1));
  report('restart: most connections in a second', '', String(most));
  // What was refused before may be told a moment later, where the agents share two cores.
  report('restart: calls that failed 2 s later or more', '0', crowd.failures(upAt + 2_000));
  report('MB resident, all back', '< 1000', megabytes(server.pid).toFixed(0));
}

/** All agents, in a few processes. */
class Crowd implements AsyncDisposable {
  readonly #children;
  readonly #told = new Map<string, number[]>();
  readonly #ends: AgentsReport['ends'] = [];

  constructor(tokens: readonly string[], order: Omit<AgentsOrder, 'tokens'>) {
    this.#children = range(PROCESSES).map((index) => {
      const child = fork(join(import.meta.dirname, 'kas-agents.ts'));
      child.send({ ...order, tokens: tokens.filter((_, number) => number % PROCESSES === index) });
      child.on('message', ({ told, ends }: AgentsReport) => {
        for (const { commit, at } of told) this.#told.set(commit, [...this.times(commit), at]);
        this.#ends.push(...ends);
      });
      return child;
    });
  }

  /** When each agent had a commit, in ms since 1970. */
  times(commit: string): number[] {
    return this.#told.get(commit) ?? [];
  }

  /** How often streams failed since then. */
  failures(since: number): string {
    const failed = this.#ends.filter(({ result, at }) => at >= since && result !== 'ok');
    const counts = Object.entries(Object.groupBy(failed, ({ result }) => result));
    return counts.map(([code, all]) => `${all!.length} ${code}`).join(', ') || '0';
  }

  async all(commit: string, agents: number, options: Parameters<typeof waitFor>[1]): Promise<void> {
    await waitFor(() => this.times(commit).length >= agents, options).catch((error: Error) => {
      throw new Error(`${error.message}: ${this.times(commit).length} have it; failed: ${this.failures(0)}`);
    });
  }

  cpuSeconds(): number {
    return this.#children.reduce((sum, { pid }) => sum + cpuSeconds(pid!), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      const closed = once(child, 'close');
      child.kill();
      await closed;
    }
  }
}

/** How many connections a server gets in a second, at most, until it is asked for. */
class Storm {
  readonly #samples: { at: number; connections: number }[] = [];
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  constructor(server: AgentServer) {
    this.#running = this.#watch(server);
  }

  async end(): Promise<number> {
    this.#ending.abort();
    await this.#running;
    const rise = this.#samples.map(({ at, connections }) => {
      const later = this.#samples.findLast((one) => one.at <= at + 1_000);
      return later ? later.connections - connections : 0;
    });
    return Math.max(...rise);
  }

  async #watch(server: AgentServer): Promise<void> {
    while (!this.#ending.signal.aborted) {
      this.#samples.push({ connections: (await gauges(server)).connections, at: now() });
      await delay(100);
    }
  }
}

async function gauges(server: AgentServer): Promise<{ connections: number; pods: number }> {
  const text = await server.get('/metrics');
  const value = (name: string): number =>
    Number(new RegExp(`^gitlab_agent_server_${name} (\\d+)$`, 'm').exec(text)![1]);
  return { connections: value('connections'), pods: value('connected_agent_pods') };
}

async function areRegistered(server: AgentServer, agents: number, signal: AbortSignal): Promise<void> {
  await waitFor(async () => (await gauges(server)).pods === agents, {
    what: 'all Pods to be registered',
    timeout: 120_000,
    signal,
  });
}

async function poke(server: AgentServer, { path }: Project): Promise<void> {
  const answer = await fetch(server.webhookUrl, {
    method: 'POST',
    headers: { 'x-gitlab-token': SECRET },
    body: JSON.stringify({ object_kind: 'push', project: { path_with_namespace: path } }),
  });
  if (answer.status !== 202) throw new Error(`the webhook answers ${answer.status}`);
}

/** Seconds of CPU while something runs, and how long that took. */
async function spent(
  server: AgentServer,
  crowd: Crowd,
  run: () => Promise<void>,
): Promise<{ server: number; agents: number; seconds: number }> {
  const [of, others, startedAt] = [cpuSeconds(server.pid), crowd.cpuSeconds(), now()];
  await run();
  return {
    server: cpuSeconds(server.pid) - of,
    agents: crowd.cpuSeconds() - others,
    seconds: (now() - startedAt) / 1000,
  };
}

/** Tokens of a registry's agents, which it takes in when it reads the file again. */
function register(file: string, names: readonly string[]): string[] {
  const made = names.map((name) => `glagent-${name}-${'x'.repeat(40)}`);
  const agents = names.map((name, index) => ({
    id: index + 1,
    name,
    project: 'group/agents',
    projects: ['group/shop'],
    tokens: [
      { id: 1, name: 'bench', hash: saltedHash(SALT, made[index]!), createdAt: new Date(0).toISOString() },
    ],
  }));
  writeRegistry(file, { salt: SALT, agents });
  return made;
}

function tokensOf(gitlab: GitLab, config: Project, names: readonly string[]): string[] {
  return names.map((name) => gitlab.createAgentToken(config, name).value);
}

function fileOf(agent: string): string {
  return `.gitlab/agents/${agent}/config.yaml`;
}

function manifest(index: number, version: number): string {
  const lines = Array.from({ length: 40 }, (_, line) => `  key-${line}: value-${index}-${line}\n`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-${index}\ndata:\n  version: "${version}"\n${lines.join('')}`;
}

/** As the agents' processes count, in ms since 1970. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)]!;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
