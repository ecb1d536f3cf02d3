import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { leftBehind } from './left-behind.ts';

test('files that are left, and processes that run on', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'left-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  t.deepEqual(leftBehind(directory), { files: [], processes: [] });
  writeFileSync(join(directory, 'a file'), '');
  t.deepEqual(leftBehind(directory).files, ['a file']);
  if (process.platform !== 'linux') return;
  const sleeps = [
    spawn('sleep', ['61'], { cwd: directory, env: { PATH: process.env.PATH } }),
    spawn('sleep', ['62'], { env: { PATH: process.env.PATH, TMPDIR: directory } }),
    spawn('sleep', ['63'], { env: { PATH: process.env.PATH } }),
  ];
  await Promise.all(sleeps.map((child) => once(child, 'spawn')));
  t.deepEqual(
    leftBehind(directory)
      .processes.map(({ command }) => command)
      .sort(),
    ['sleep 61', 'sleep 62'],
  );
  for (const child of sleeps) child.kill();
  await Promise.all(sleeps.map((child) => once(child, 'close')));
  t.deepEqual(leftBehind(directory).processes, []);
});
