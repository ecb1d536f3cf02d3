import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKubectl } from '../test/support/control-plane/binaries.ts';
import { makeExecutable } from '../tools/release/executable.ts';
import { isOwn, PLATFORMS } from '../tools/release/platforms.ts';
import { type Contestant, contest } from './contest.ts';
import { judgeStart } from './figures.ts';
import { printFigures, resultTable } from './report.ts';

const ROUNDS = 40;

/** Measures how long the single executable takes to start, beside Node itself and kubectl. */
export async function benchStart(options: {
  signal: AbortSignal;
  say: (text: string) => void;
}): Promise<void> {
  const { signal, say } = options;
  const platform = PLATFORMS.find(isOwn);
  if (!platform) throw new Error('there is no single executable for this platform');
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'bench-start-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  say('making the executable');
  const { path, node } = await makeExecutable(platform, directory);
  const kubectl = await findKubectl({ signal });
  const list: [id: string, label: string, command: string[]][] = [
    ['version', 'version', [path, 'version']],
    ['help', '--help', [path, '--help']],
    ['node', 'node -e 0', [node.path, '-e', '0']],
    ['kubectl', 'kubectl version --client', [kubectl, 'version', '--client']],
  ];
  const all = list.map(([id, label, command]): Contestant => ({ id, label, command, exitCode: 0 }));
  const env = { PATH: process.env.PATH, HOME: directory };
  const results = await contest([all], { env, signal, directory, say: () => undefined, rounds: ROUNDS });
  const version = execFileSync(path, ['version'], { encoding: 'utf8', env }).trim();
  process.stdout.write(`\n${version}, Node ${node.version}\n\n`);
  process.stdout.write(resultTable([...results.values()], results.get('version')!));
  printFigures(judgeStart(results), '');
}
