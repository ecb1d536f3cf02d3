import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { gitClient } from '../gitlab-stand-in/git-client.ts';
import { waitFor } from '../support/control-plane/wait.ts';

const TOOL = join(import.meta.dirname, '..', '..', 'tools', 'gitlab.ts');

async function start(
  t: ExecutionContext,
  ...args: string[]
): Promise<{ child: ChildProcess; printed: string }> {
  const child = spawn(process.execPath, [TOOL, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await waitFor(() => printed.includes('/repository/commits\n'), { what: 'the stand-in to say where it is' });
  return { child, printed };
}

for (const args of [[], ['--tls', '--version', '17.6.0-ee']]) {
  test(`npm run gitlab ${args.join(' ')}: what it prints works, and Ctrl-C leaves nothing`, async (t) => {
    const { child, printed } = await start(t, ...args);
    const clones = [...printed.matchAll(/^ {2}git (.*)$/gm)].map(([, command]) => command!.split(' '));
    t.is(clones.length, 2);
    const git = await gitClient(t);
    for (const clone of clones) await git.ok(...clone, '--quiet');
    t.regex(
      await git.ok('-C', 'configuration', 'show', 'HEAD:.gitlab/agents/demo/config.yaml'),
      /demo\/shop/,
    );
    t.true((await git.ok('-C', 'shop', 'ls-tree', '--name-only', 'HEAD')).split('\n').includes('web.yaml'));
    const caFile = /sslCAInfo=(\S+)/.exec(printed)?.[1];
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    t.is(code, 0);
    if (caFile) t.false(existsSync(dirname(caFile)));
  });
}

test('npm run gitlab with a wrong version: a sentence', async (t) => {
  const child = spawn(process.execPath, [TOOL, '--version', 'seventeen'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = (await Array.fromAsync(child.stderr)).join('');
  t.is(said, 'error: seventeen is no version of GitLab, such as 18.4.1-ee\n');
});
