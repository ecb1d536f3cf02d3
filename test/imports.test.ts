import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import test from 'ava';

const root = dirname(import.meta.dirname);

// Which room may import which, besides itself. Imports go one way; the programs never meet.
const MAY: Record<string, string[]> = {
  'core/model': [],
  'core/git': ['core/model'],
  'core/kube': ['core/model'],
  'core/gitlab': ['core/model'],
  'core/config': ['core/model'],
  'core/manifest': ['core/model'],
  'core/health': ['core/model'],
  'core/daemon': ['core/model', 'core/report'],
  'core/follow': ['core/model', 'core/git', 'core/daemon'],
  'core/grpc': ['core/model'],
  'core/plan': ['core/model'],
  'core/report': ['core/model'],
  'core/apply': ['core/model', 'core/plan', 'core/health'],
};
MAY['core/sync.ts'] = Object.keys(MAY).filter((room) => !/git|kube|report|daemon|follow|grpc/.test(room));
for (const program of ['plugin', 'action', 'agent', 'server'])
  MAY[program] = Object.keys(MAY).filter((room) => room.startsWith('core/'));

// What `install` applies are the objects of deploy/, what `help` prints are pages of docs/.
MAY.plugin!.push('deploy', 'docs');

const roomOf = (file: string): string =>
  file
    .split('/')
    .slice(0, file.startsWith('core/') ? 2 : 1)
    .join('/');

test('imports go only where the architecture says', async (t) => {
  const wrong: string[] = [];
  for await (const file of glob('{core,plugin,action,agent,server}/**/*.ts', { cwd: root })) {
    for (const [, target] of readFileSync(join(root, file), 'utf8').matchAll(
      /(?:from|import\()\s*'(\.[^']+)'/g,
    )) {
      const to = relative(root, join(root, dirname(file), target!));
      const [from, into] = [roomOf(file), roomOf(to)];
      if (from !== into && !MAY[from]?.includes(into)) wrong.push(`${file} imports ${to}`);
    }
  }
  t.deepEqual(wrong, []);
});

test('process and console appear in the programs only', async (t) => {
  const wrong: string[] = [];
  for await (const file of glob('core/**/*.ts', { cwd: root })) {
    const code = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    if (/\bprocess\.(env|exit|argv|cwd|stdout|stderr|stdin)\b|\bconsole\./.test(code)) wrong.push(file);
  }
  t.deepEqual(wrong, []);
});
