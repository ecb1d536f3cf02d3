import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { jobVariables, readDotenv, temporaryDirectory } from '../support/action.ts';
import { waitFor } from '../support/cluster.ts';
import { type Company, company } from './world.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'action', 'gitlab-agent-ci.js');

interface Running {
  child: ChildProcess;
  directory: string;
  /** Resolves to its exit code. */
  ended: Promise<number | null>;
  output: () => string;
}

/** Starts the program as a job's script would. */
function start(
  t: ExecutionContext,
  { gitlab, shop }: Company,
  commit: string,
  inputs: Record<string, string>,
  env: Record<string, string> = {},
): Running {
  const directory = temporaryDirectory(t);
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  const child = spawn(process.execPath, [PROGRAM], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      ...jobVariables({ gitlab, project: shop, commit }),
      ...Object.fromEntries(given),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return { child, directory, ended: once(child, 'close').then(([code]) => code), output: () => output };
}

const file = (value: string) => ({ 'k8s/web.yaml': `value: ${value}\n` });

test('a job that is canceled ends at once, without a word too much', async (t) => {
  const world = await company(t);
  const commit = await world.shop.commit(file('1'));
  const running = start(t, world, commit, { mode: 'wait', agent: 'production', token: world.token });
  await waitFor(async () => world.gitlab.requests.some(({ path }) => path.includes('/statuses')), {
    what: 'the first question',
    timeout: 120_000,
  });
  running.child.kill('SIGTERM');
  t.is(await running.ended, 143);
  t.false(/error|at .*\.js/.test(running.output()), running.output());
});

test('a GitLab with an authority of its own, below which API and git are spoken to', async (t) => {
  const world = await company(t, { tls: true });
  const { gitlab, shop, token } = world;
  const first = await shop.commit(file('1'));
  const commit = await shop.commit(file('2'));
  await shop.setBranch('production', first);
  const inputs = { mode: 'deploy', strategy: 'branch', branch: 'production', token, wait: 'false' };
  const trusting = start(t, world, commit, inputs, { CI_SERVER_TLS_CA_FILE: gitlab.caFile! });
  t.is(await trusting.ended, 0, trusting.output());
  t.is(await shop.head('production'), commit);
  t.is(readDotenv(join(trusting.directory, 'gitlab-agent-report', 'outputs.env')).status, 'pointed');
  const wary = start(t, world, commit, inputs);
  t.is(await wary.ended, 1);
  t.regex(wary.output(), /^error: no trusted connection|^error: .*certificate/m);
  t.is(wary.output().match(/^error: /gm)!.length, 1);
});

test('wrong inputs end with 2, all at once, before anything is asked', async (t) => {
  const world = await company(t);
  const commit = await world.shop.commit(file('1'));
  const before = world.gitlab.requests.length;
  const wrong = start(t, world, commit, { mode: 'wait', timeout: 'long' });
  t.is(await wrong.ended, 2);
  t.is(
    wrong.output(),
    'error: input timeout can\'t be "long"\nhint: a duration such as 90s or 10m\n' +
      'error: input agent is missing\nhint: name the agent to wait for, or the environment of its entry\n',
  );
  t.is(world.gitlab.requests.length, before);
});
