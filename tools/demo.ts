/**
 * `npm run demo`: a GitLab, a cluster and an agent; a commit lands in Git, and the cluster follows. With `--diff`, a
 * shop in Git and on a cluster, and what `kubectl gitlab-agent diff` says when the two differ. With `--server`, a
 * cluster that nobody can connect to, kept in step and within reach by an agent server. All that it makes is gone
 * afterwards, also on Ctrl-C.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { formatProblem, ProblemError } from '../core/model/problem.ts';
import { findKubectl, findOnPath } from '../test/support/control-plane/binaries.ts';
import { exampleProjects } from '../test/support/gitlab/example-projects.ts';
import { type GitLab, startGitLab } from '../test/support/gitlab/gitlab.ts';
import { DemoAgent } from './demo/agent.ts';
import { type DemoCluster, existingCluster, renamed, throwawayCluster } from './demo/cluster.ts';
import { tellLoop } from './demo/loop-story.ts';
import { tellPipeline } from './demo/pipeline-story.ts';
import { RemoteCluster } from './demo/remote-cluster.ts';
import { tellRevocation, tellServer } from './demo/server-story.ts';
import { Stage } from './demo/stage.ts';
import { tell } from './demo/story.ts';

const USAGE = `usage: npm run demo -- [--diff | --server] [--context NAME] [--keep] [--built]
  --diff          show the diff on files and revisions, without GitLab and an agent
  --server        show the agent server: a cluster behind NAT and a firewall, where this
                  machine has network namespaces (Linux), a push, kubectl from outside
  --context NAME  use that cluster of your kubeconfig instead of starting one; the demo
                  works in namespaces and an API group of its own and removes them. Without
                  --diff its Pods have to become ready though there are no such images
  --keep          keep everything until Ctrl-C, to go on by hand
  --built         take the programs in dist/ as they are instead of building them
`;

const execute = promisify(execFile);
const ROOT = dirname(import.meta.dirname);
const EXAMPLE = join(ROOT, 'examples', 'shop');
const PLUGIN = join(ROOT, 'dist', 'plugin', 'kubectl-gitlab_agent.cjs');
const SERVER = join(ROOT, 'dist', 'server', 'gitlab-agent-server.js');
const CI_STEP = join(ROOT, 'dist', 'action', 'gitlab-agent-ci.js');

const USER_ACCESS = `user_access:
  access_as: {agent: {}}
  projects:
    - id: demo/shop
`;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

const say = (text: string): void => void process.stderr.write(`demo: ${text}\n`);

async function main(): Promise<void> {
  const { signal } = interrupted;
  const { values } = parseArgs({
    options: {
      diff: { type: 'boolean' },
      server: { type: 'boolean' },
      context: { type: 'string' },
      keep: { type: 'boolean' },
      built: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (values.diff && values.server) throw new Error('--diff and --server are two stories: say one of them');
  if (!values.built) {
    say('building the programs');
    await build(signal);
  } else if (!existsSync(join(dirname(PLUGIN), 'main.js'))) {
    throw new Error('dist/ holds no plugin yet: leave --built out');
  }
  const kubectl = await findKubectl({ signal });
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-demo-'));
  try {
    say(values.context ? `using the context ${values.context}` : 'starting a control plane');
    await using cluster = values.context
      ? await existingCluster(values.context, { kubectl, directory, signal })
      : await throwawayCluster(signal);
    const env = environment(directory, kubectl, cluster);
    const show = values.diff ? showDiff : values.server ? showServer : showLoop;
    await show({ directory, cluster, env, keep: values.keep === true, signal });
    say('cleaning up');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Show {
  directory: string;
  cluster: DemoCluster;
  env: NodeJS.ProcessEnv;
  keep: boolean;
  signal: AbortSignal;
}

async function showDiff({ directory, cluster, env, keep, signal }: Show): Promise<void> {
  const repository = makeRepository(directory, cluster, env);
  const stage = new Stage({ directory: repository, env, namespace: cluster.namespace, signal });
  await timed(() => tell(stage, cluster.group));
  if (keep) await stay([`cd ${repository}`, 'kubectl gitlab-agent diff -R -f shop/'], env, signal);
}

async function showLoop(show: Show): Promise<void> {
  const { cluster, env, keep, signal } = show;
  await using gitlab = await startDemoGitLab();
  const { projects, clones, agent } = await scene(gitlab, show);
  await using _agent = agent;
  const stage = new Stage({ directory: clones, env, namespace: cluster.namespace, signal });
  await timed(async () => {
    await tellLoop(stage, agent, cluster.agentNamespace);
    await tellPipeline(stage, { gitlab, projects, agent, clone: join(clones, 'shop') });
  });
  if (!keep) return;
  const go = [
    `cd ${clones}`,
    'git -C shop log --oneline',
    `kubectl get configmaps -n ${cluster.agentNamespace}`,
  ];
  await stay(go, env, signal);
}

async function showServer(show: Show): Promise<void> {
  const { cluster, keep, signal } = show;
  await using gitlab = await startDemoGitLab();
  const { projects, clones, agent } = await scene(gitlab, show, USER_ACCESS);
  // What is behind the agent ends before what is between: an agent that ends tells its server.
  await using remote = new RemoteCluster({ gitlab, projects, cluster, agent, directory: clones });
  await using _agent = agent;
  writeFileSync(join(clones, 'ada-token'), projects.person.value, { mode: 0o600 });
  const env = { ...show.env, KUBECONFIG: join(clones, 'kubeconfig') };
  const stage = new Stage({ directory: clones, env, namespace: cluster.namespace, signal });
  await timed(async () => {
    await tellServer(stage, agent, remote);
    if (!keep) await tellRevocation(stage, agent);
  });
  if (!keep) return;
  const go = [
    `cd ${clones}`,
    `kubectl get pods -n ${cluster.namespace}`,
    'gitlab-agent-server token revoke --registry=registry.yaml 1',
  ];
  await stay(go, env, signal);
}

function startDemoGitLab(): Promise<GitLab> {
  say('starting a GitLab stand-in');
  return startGitLab();
}

/** Two projects in GitLab, cloned, and an agent that is not started yet. */
async function scene(gitlab: GitLab, { directory, cluster, env }: Show, more?: string) {
  const projects = await exampleProjects(gitlab, (text) => renamed(text, cluster), more);
  const { agentNamespace: namespace, kubeconfig } = cluster;
  const clones = join(directory, 'clones');
  mkdirSync(clones);
  // GitLab is in this very process: whatever speaks to it must not keep it from answering.
  const clone = (url: string, into: string): Promise<unknown> => {
    const full = Object.assign(new URL(url), { username: 'ada', password: projects.person.value });
    return execute('git', ['clone', '-q', full.href, into], { cwd: clones, env });
  };
  await clone(projects.configuration.url, 'configuration');
  await clone(projects.manifests.url, 'shop');
  await execute('kubectl', ['create', 'namespace', namespace], { env });
  const agent = new DemoAgent({ gitlab, projects, kubeconfig, namespace, clone: join(clones, 'shop'), env });
  return { projects, clones, agent };
}

async function timed(story: () => Promise<void>): Promise<void> {
  const start = Date.now();
  await story();
  process.stdout.write('\n');
  say(`that was it, in ${Math.round((Date.now() - start) / 1000)} s`);
}

async function build(signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, 'tools', 'build.ts')], { stdio: 'inherit', signal });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the plugin does not build');
}

/** kubectl finds the plugin on PATH by its name; the plugin finds the Node that runs this. */
function environment(directory: string, kubectl: string, cluster: DemoCluster): NodeJS.ProcessEnv {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  symlinkSync(PLUGIN, join(bin, 'kubectl-gitlab_agent'));
  symlinkSync(SERVER, join(bin, 'gitlab-agent-server'));
  symlinkSync(CI_STEP, join(bin, 'gitlab-agent-ci'));
  if (!findOnPath('kubectl')) symlinkSync(kubectl, join(bin, 'kubectl'));
  return {
    ...process.env,
    PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
    KUBECONFIG: cluster.kubeconfig,
    // The person's aliases, caches and Git configuration (signing, hooks, pagers) stay out.
    KUBERC: 'off',
    KUBECACHEDIR: join(directory, 'cache'),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_PAGER: 'cat',
    GIT_AUTHOR_NAME: 'Demo',
    GIT_AUTHOR_EMAIL: 'demo@example.com',
    GIT_COMMITTER_NAME: 'Demo',
    GIT_COMMITTER_EMAIL: 'demo@example.com',
  };
}

/** A repository with the example in `shop/`, in one commit. */
function makeRepository(directory: string, cluster: DemoCluster, env: NodeJS.ProcessEnv): string {
  const repository = join(directory, 'repository');
  mkdirSync(join(repository, 'shop'), { recursive: true });
  for (const name of readdirSync(EXAMPLE)) {
    const text = readFileSync(join(EXAMPLE, name), 'utf8');
    writeFileSync(join(repository, 'shop', name), renamed(text, cluster));
  }
  const git = (...args: string[]): unknown => execFileSync('git', args, { cwd: repository, env });
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'The shop');
  return repository;
}

async function stay(commands: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const [bin] = env.PATH!.split(delimiter);
  say('all is kept. To go on, in another terminal:');
  process.stdout.write(`export KUBECONFIG=${env.KUBECONFIG}\n`);
  process.stdout.write(`export PATH=${bin}:${dirname(process.execPath)}:$PATH\n`);
  process.stdout.write(`${commands.join('\n')}\n`);
  say('Ctrl-C ends it and removes all');
  // A listener alone does not keep Node running.
  const alive = setInterval(() => {}, 60_000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
}

try {
  await main();
  if (interrupted.signal.aborted) say('all is gone');
} catch (error) {
  if (interrupted.signal.aborted) {
    process.stderr.write('\ndemo: ended; nothing is left\n');
    process.exitCode = 130;
  } else {
    const text = error instanceof ProblemError ? error.problems.map(formatProblem).join('\n') : undefined;
    process.stderr.write(`${text ?? `error: ${error instanceof Error ? error.message : String(error)}`}\n`);
    process.exitCode = 2;
  }
}
