import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Connections } from '../core/git/connections.ts';
import { openRepository } from '../core/git/revision-source.ts';
import type { Attempt } from '../core/model/source.ts';
import { gitEnvironment } from './git-environment.ts';
import type { GitServer } from './git-server.ts';
import { measure } from './measure.ts';
import { median } from './table.ts';

const POLLS = 500;
const LS_REMOTES = 15;

/** Measures polls and fetches of a repository with 1,000 manifests over HTTP, and prints a table of them. */
export async function benchGit(options: { signal: AbortSignal; say: (text: string) => void }): Promise<void> {
  const { signal, say } = options;
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'bench-git-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  say('starting a GitLab stand-in with 1,000 manifests');
  const server = await startServer(stack, signal);
  const connections = new Connections({ env: {}, ca: server.ca });
  stack.defer(() => connections.close());
  const { url, username, token, commits } = server;
  const opened = openRepository({
    url,
    credential: async () => ({ username, token }),
    connections,
    env: process.env,
    cacheDirectory: join(directory, 'cache'),
    userAgent: 'gitlab-agent/bench',
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  const { source } = opened;
  say(`${POLLS} polls`);
  const poll = async (): Promise<void> => void ensure(await source.refs(['refs/heads/main'], signal));
  // Connects, and lets V8 compile what every later poll runs.
  for (let index = 0; index < 50; index += 1) await poll();
  const before = process.cpuUsage();
  const polls = await times(POLLS, poll);
  const { user, system } = process.cpuUsage(before);
  say(`${LS_REMOTES} git ls-remote`);
  const lsRemotes = await measureLsRemote(server, directory, signal);
  say(`${commits.length} fetches`);
  const first = await timed(() => source.fetch(commits[0]!, signal));
  const next: { ms: number; bytes: number }[] = [];
  for (const commit of commits.slice(1)) {
    const { ms, answer } = await timed(() => source.fetch(commit, signal));
    next.push({ ms, bytes: ensure(answer).bytes });
  }
  const reads = await timed(async () => {
    const { tree } = ensure(await source.open(commits.at(-1)!, signal));
    for (const team of await tree.list('apps'))
      for (const { name } of await tree.list(`apps/${team.name}`))
        await tree.read(`apps/${team.name}/${name}`, 1_000_000);
    await tree.close();
  });
  const rows: [string, string][] = [
    ['poll: CPU ms', ((user + system) / 1000 / POLLS).toFixed(2)],
    ['poll: ms, median', median(polls).toFixed(1)],
    [
      'git ls-remote: CPU ms, median',
      (median(lsRemotes.map(({ cpuSeconds }) => cpuSeconds)) * 1000).toFixed(0),
    ],
    ['git ls-remote: ms, median', (median(lsRemotes.map(({ seconds }) => seconds)) * 1000).toFixed(0)],
    ['first fetch of 1,000 files: ms', first.ms.toFixed(0)],
    ['first fetch: stored bytes', String(ensure(first.answer).bytes)],
    ['fetch of one changed file: ms, median', median(next.map(({ ms }) => ms)).toFixed(0)],
    ['fetch of one changed file: stored bytes, median', String(median(next.map(({ bytes }) => bytes)))],
    ['list and read 1,000 files: ms', reads.ms.toFixed(0)],
  ];
  for (const [what, value] of rows) process.stdout.write(`${what.padEnd(50)}${value.padStart(10)}\n`);
}

async function startServer(stack: AsyncDisposableStack, signal: AbortSignal): Promise<GitServer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'git-server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  stack.defer(async () => {
    child.stdin.end();
    await closed;
  });
  const [line] = (await once(createInterface(child.stdout), 'line', { signal })) as [string];
  return JSON.parse(line) as GitServer;
}

async function measureLsRemote(
  { url, username, token, caFile }: GitServer,
  cwd: string,
  signal: AbortSignal,
) {
  const env = gitEnvironment({ username, token }, caFile);
  const files = { stdout: join(cwd, 'stdout'), stderr: join(cwd, 'stderr') };
  const runs = [];
  for (let index = 0; index < LS_REMOTES; index += 1) {
    const run = await measure(['git', 'ls-remote', url, 'refs/heads/main'], files, { env, signal });
    if (run.code !== 0) throw new Error('git ls-remote failed');
    runs.push(run);
  }
  return runs;
}

function ensure<T>(answer: Attempt<T>): T {
  if (!answer.ok) throw new Error(answer.failure.message);
  return answer;
}

async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; answer: T }> {
  const start = performance.now();
  const answer = await run();
  return { ms: performance.now() - start, answer };
}

/** In ms, each. */
async function times(count: number, run: () => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let index = 0; index < count; index += 1) taken.push((await timed(run)).ms);
  return taken;
}
