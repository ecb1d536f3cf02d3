import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentProcess } from '../test/support/agent.ts';
import { apiCall } from '../test/support/control-plane/api.ts';
import { waitFor } from '../test/support/control-plane/wait.ts';
import { type GitLab, startGitLab } from '../test/support/gitlab/gitlab.ts';
import type { Project } from '../test/support/gitlab/project.ts';
import type { LogLine } from '../test/support/program-log.ts';
import { type BenchCluster, openCluster } from './cluster.ts';
import { gitEnvironment } from './git-environment.ts';
import { type PollCache, pollCache } from './poll-cache.ts';
import { cpuSeconds, megabytes } from './process.ts';
import { type RawRequest, sendAll } from './requests.ts';

const PROJECTS = 100;
const OBJECTS = 20;
const IDLE = 20;
/** Of a day, with a poll every 20 seconds. */
const POLLS_A_DAY = 4_320;

interface Options {
  /** Polls of each repository while nothing happens. */
  polls: number;
  signal: AbortSignal;
  say: (text: string) => void;
}

interface Stage {
  cluster: BenchCluster;
  namespace: string;
  gitlab: GitLab;
  front: PollCache;
  config: Project;
  token: string;
}

/** Measures the first sync of 100 projects against their raw PATCHes, and what an idle agent takes. */
export async function benchAgent({ polls, signal, say }: Options): Promise<void> {
  await using cluster = await openCluster(signal);
  await using gitlab = await startGitLab();
  await using front = await pollCache(gitlab.url);
  const namespace = `${cluster.prefix}-agent`;
  await apiCall(cluster.server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  say(`${PROJECTS} projects of ${OBJECTS} objects`);
  const { value: token } = gitlab.root.createToken({ scopes: ['api', 'read_repository'] });
  const config = await gitlab.createProject('group/agents');
  for (let project = 0; project < PROJECTS; project += 1) {
    const { commit } = await projectOf(gitlab, project);
    await commit(Object.fromEntries(range(OBJECTS).map((one) => [`${one}.yaml`, objectOf(project, one)])));
  }
  const stage: Stage = { cluster, namespace, gitlab, front, config, token };
  const floors = [await floor(stage, 'floor-a', signal)];
  const clones = [await cloneAll(stage, signal)];
  const first = await firstSync(stage, signal, say);
  floors.push(await floor(stage, 'floor-b', signal));
  clones.push(await cloneAll(stage, signal));
  const [least, leastGit] = [Math.min(...floors), Math.min(...clones)];
  const idle = await idleAgent(stage, polls, signal, say);
  const rows: [string, string][] = [
    [`${PROJECTS * OBJECTS} raw PATCHes: seconds`, least.toFixed(2)],
    [`${PROJECTS} raw git clones: seconds`, leastGit.toFixed(2)],
    [`first sync of ${PROJECTS} projects: seconds`, first.toFixed(2)],
    ['that many times the PATCHes (goal: at most 3)', (first / least).toFixed(2)],
    ['that many times PATCHes and clones, one after the other', (first / (least + leastGit)).toFixed(2)],
    [`idle, ${IDLE} projects: polls of each repository`, idle.polls.toFixed(0)],
    ['idle: Git requests a poll (goal: 1)', idle.requestsAPoll.toFixed(2)],
    ['idle: CPU ms a poll, all else included', idle.cpuMs.toFixed(2)],
    [
      'idle: share of a core at a poll every 20 s (goal: < 2 %)',
      `${((idle.cpuMs * IDLE) / 200).toFixed(2)} %`,
    ],
    ['idle: MB resident at the end (goal: < 200)', idle.megabytes.toFixed(0)],
    ['idle: MB resident after a tenth of it', idle.earlyMegabytes.toFixed(0)],
    ['idle: writes beside the Lease (goal: 0)', String(idle.writes)],
  ];
  for (const [what, value] of rows) process.stdout.write(`${what.padEnd(62)}${value.padStart(10)}\n`);
  if (polls < POLLS_A_DAY) say(`a day has ${POLLS_A_DAY} polls: --polls ${POLLS_A_DAY}`);
}

async function projectOf(gitlab: GitLab, index: number) {
  const project = await gitlab.createProject(`group/p${index}`);
  return { commit: project.commit.bind(project) };
}

function objectOf(project: number, one: number, prefix = 'c'): string {
  const data = { value: 'x'.repeat(200) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${prefix}-${project}-${one}` },
    data,
  });
}

/** Seconds that the PATCHes of all objects take. */
async function floor({ cluster, namespace }: Stage, prefix: string, signal: AbortSignal): Promise<number> {
  const requests: RawRequest[] = range(PROJECTS).flatMap((project) =>
    range(OBJECTS).map((one) => ({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/configmaps/${prefix}-${project}-${one}?fieldManager=gitlab-agent&force=true`,
      body: objectOf(project, one, prefix),
    })),
  );
  const startedAt = performance.now();
  await sendAll(cluster.server, requests, { signal });
  return (performance.now() - startedAt) / 1000;
}

/** Seconds that the git program takes to clone all manifest projects as shallow bare repositories, 4 at once. */
async function cloneAll({ gitlab, token }: Stage, signal: AbortSignal): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-clones-'));
  const env = gitEnvironment({ username: 'any', token }, gitlab.caFile);
  const left = range(PROJECTS);
  const startedAt = performance.now();
  const work = async (): Promise<void> => {
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      const url = `${gitlab.url}/group/p${index}.git`;
      const args = ['clone', '--quiet', '--bare', '--depth=1', url, join(directory, String(index))];
      const child = spawn('git', args, { env, signal, stdio: ['ignore', 'ignore', 'inherit'] });
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`git clone of ${url} failed`);
    }
  };
  try {
    await Promise.all(range(4).map(work));
    return (performance.now() - startedAt) / 1000;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function firstSync(stage: Stage, signal: AbortSignal, say: (text: string) => void): Promise<number> {
  await configure(stage, PROJECTS);
  await using agent = start(stage, 'agent-0', '20s');
  say('first sync');
  const synced = (): LogLine[] => agent.lines.filter(({ msg }) => msg === 'Objects synchronized');
  await waitFor(() => synced().length >= PROJECTS, { what: 'the first sync', timeout: 600_000, signal });
  const begun = agent.lines.find(({ msg }) => msg === 'Config: new commit')!;
  const seconds = (Date.parse(synced().at(-1)!.time) - Date.parse(begun.time)) / 1000;
  await agent.end();
  return seconds;
}

async function idleAgent(stage: Stage, polls: number, signal: AbortSignal, say: (text: string) => void) {
  await configure(stage, IDLE);
  await using agent = start(stage, 'agent-1', '100ms');
  const healthy = () => agent.lines.filter(({ msg }) => msg === 'Objects are healthy').length >= IDLE;
  await waitFor(healthy, { what: 'all to be healthy', timeout: 300_000, signal });
  await delay(3_000, undefined, { signal });
  const { port } = await agent.said('Observability endpoint is up');
  const before = await countersOf(Number(port));
  const [cpuBefore, sentBefore] = [cpuSeconds(agent.pid), stage.front.requests()];
  say(`${polls} polls of ${IDLE} repositories`);
  let earlyMegabytes = 0;
  for (;;) {
    await delay(500, undefined, { signal });
    const done = ((await countersOf(Number(port))).polls - before.polls) / (IDLE + 1);
    if (done >= polls / 10 && earlyMegabytes === 0) earlyMegabytes = megabytes(agent.pid);
    if (done >= polls) break;
  }
  const after = await countersOf(Number(port));
  const made = after.polls - before.polls;
  return {
    polls: made / (IDLE + 1),
    requestsAPoll: (stage.front.requests() - sentBefore) / made,
    cpuMs: ((cpuSeconds(agent.pid) - cpuBefore) * 1000) / made,
    megabytes: megabytes(agent.pid),
    earlyMegabytes,
    writes: after.writes - before.writes,
  };
}

async function configure({ config, namespace }: Stage, projects: number): Promise<void> {
  const entries = range(projects).map(
    (index) => `  - id: group/p${index}\n    default_namespace: ${namespace}\n    interval: 1h\n`,
  );
  const text = `gitops:\n  manifest_projects:\n${entries.join('')}`;
  await config.commit({ '.gitlab/agents/test/config.yaml': text });
}

function start(
  { cluster, namespace, gitlab, front, config, token }: Stage,
  pod: string,
  interval: string,
): AgentProcess {
  return new AgentProcess({
    endpoint: cluster.endpoint,
    gitlab: { url: front.url, caFile: gitlab.caFile },
    configProject: config,
    namespace,
    gitToken: { token },
    pod,
    args: [`--poll-interval=${interval}`],
  });
}

/** How many polls were answered, and how many requests wrote something. */
async function countersOf(port: number): Promise<{ polls: number; writes: number }> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const sum = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  return {
    polls: sum(/^gitlab_agent_git_requests_total\{kind="poll".*\} (\d+)$/gm),
    writes: sum(/^gitlab_agent_kubernetes_requests_total\{method="(?:POST|PUT|PATCH|DELETE)".*\} (\d+)$/gm),
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
