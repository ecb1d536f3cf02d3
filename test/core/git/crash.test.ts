import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { waitFor } from '../../support/control-plane/wait.ts';
import { git } from '../../support/gitlab/git-process.ts';
import type { Project } from '../../support/gitlab/project.ts';
import { Random } from '../../support/random.ts';
import type { FetchProgram } from './fetch-program.ts';
import { calm, gitlabFor, readAt, readToken, sourceOf, temporary } from './sources.ts';

const PROGRAM = join(import.meta.dirname, 'fetch-program.ts');

function start(project: Project, cacheDirectory: string, commits: string[]) {
  const given: FetchProgram = { url: project.url, ...readToken(project), cacheDirectory, commits };
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, FETCH: JSON.stringify(given) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, closed };
}

/** The processes that run in a cache of the directory. */
async function runningIn(cacheDirectory: string): Promise<string[]> {
  const real = await realpath(cacheDirectory);
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (cwd.startsWith(`${real}/`))
      found.push(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''));
  }
  return found;
}

async function checkSound(cacheDirectory: string): Promise<void> {
  for (const name of await readdir(cacheDirectory)) {
    if (name.startsWith('trusted-')) continue;
    await git(['fsck', '--no-dangling'], { cwd: join(cacheDirectory, name) });
  }
}

const ROUNDS = process.env.TEST_CHAOS ? 60 : 6;
const SEED = Number(process.env.TEST_SEED ?? 1);

test(`a program killed in the middle of a fetch leaves a cache that the next one uses, seed ${SEED}`, async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const cacheDirectory = await temporary(t);
  const random = new Random(SEED);
  const first = await project.commit({ 'a.yaml': 'first\n' });
  t.is(await readAt(await sourceOf(t, project, { cacheDirectory }), first, 'a.yaml'), 'first\n');
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = await project.commit({ 'a.yaml': `${round}\n`, 'b.bin': randomBytes(200_000) });
    const slow = gitlab.fault({ bytesPerSecond: 100_000 + random.int(900_000) });
    const requests = gitlab.requests.length;
    const { child, closed } = start(project, cacheDirectory, [next]);
    // At the first request, the second, or once git runs, and then somewhere in what follows.
    const after = 1 + random.int(2);
    await waitFor(() => gitlab.requests.length >= requests + after || child.exitCode !== null, {
      what: 'the fetch to begin',
    });
    const looks = random.int(20);
    for (let look = 0; look < looks; look += 1) await runningIn(cacheDirectory);
    child.kill('SIGKILL');
    await closed;
    slow.clear();
    const source = await sourceOf(t, project, { cacheDirectory });
    t.is(await readAt(source, next, 'a.yaml'), `${round}\n`, `round ${round}`);
    t.is(await readAt(source, first, 'a.yaml'), 'first\n', `round ${round}`);
    await waitFor(async () => (await runningIn(cacheDirectory)).length === 0, { what: 'no git to run on' });
    await checkSound(cacheDirectory);
  }
});

test('a git that was orphaned while the server keeps silent does not hold the next program up', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const cacheDirectory = await temporary(t);
  const commit = await project.commit({ 'a.yaml': 'a\n' });
  const hang = gitlab.fault('hang', { on: ({ method }) => method === 'POST' });
  const { child, closed } = start(project, cacheDirectory, [commit]);
  await waitFor(() => hang.hits > 0, { what: 'the fetch to hang' });
  child.kill('SIGKILL');
  await closed;
  hang.clear();
  t.true((await runningIn(cacheDirectory)).length > 0);
  t.is(await readAt(await sourceOf(t, project, { cacheDirectory }), commit, 'a.yaml'), 'a\n');
  await waitFor(async () => (await runningIn(cacheDirectory)).length === 0, { what: 'the orphan to end' });
});

test('several programs on one cache wait for each other, and all read what they want', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const cacheDirectory = await temporary(t);
  const commits: string[] = [];
  for (let index = 0; index < 8; index += 1)
    commits.push(await project.commit({ 'a.yaml': `${index}\n`, 'b.bin': randomBytes(20_000) }));
  const orders = [commits, commits.toReversed(), [...commits.slice(4), ...commits.slice(0, 4)]];
  const source = await sourceOf(t, project, { cacheDirectory });
  const programs = orders.map((order) => start(project, cacheDirectory, order).closed);
  const here = await Promise.all(commits.map((commit) => readAt(source, commit, 'a.yaml')));
  t.deepEqual(
    here,
    commits.map((_, index) => `${index}\n`),
  );
  for (const [index, { code, stdout, stderr }] of (await Promise.all(programs)).entries()) {
    t.is(code, 0, stderr);
    t.is(stdout, orders[index]!.map((commit) => `${commits.indexOf(commit)}\n`).join(''));
  }
  await checkSound(cacheDirectory);
});

test('who waits for the lock can be called off, and the time limit counts for it', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const cacheDirectory = await temporary(t);
  const commit = await project.commit({ 'a.yaml': 'a\n' });
  const hang = gitlab.fault('hang', { on: ({ method }) => method === 'POST' });
  const { child, closed } = start(project, cacheDirectory, [commit]);
  t.teardown(() => child.kill('SIGKILL'));
  await waitFor(() => hang.hits > 0, { what: 'the fetch to hang' });
  const impatient = await sourceOf(t, project, { cacheDirectory, limits: { fetchTime: 200 } });
  const answer = await impatient.fetch(commit, calm);
  t.is(answer.ok ? '' : answer.failure.code, 'Timeout');
  const controller = new AbortController();
  const patient = await sourceOf(t, project, { cacheDirectory });
  const waiting = patient.fetch(commit, controller.signal);
  const other = patient.fetch(commit, calm);
  controller.abort(new Error('called off'));
  await t.throwsAsync(waiting, { message: 'called off' });
  hang.clear();
  child.kill('SIGKILL');
  await closed;
  t.true((await other).ok);
});
