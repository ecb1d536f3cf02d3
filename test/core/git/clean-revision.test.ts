import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { cleanRevision } from '../../../core/git/clean-revision.ts';

const root = mkdtempSync(join(tmpdir(), 'clean-'));
test.after.always(() => rmSync(root, { recursive: true, force: true }));
const env = { PATH: process.env.PATH, HOME: root, GIT_CONFIG_NOSYSTEM: '1' };

let made = 0;
/** A repository with `deploy/web.yaml`, `base/base.yaml` and a `.gitignore`, all committed. */
function repository(): { cwd: string; head: string; write(file: string, text?: string): void } {
  made += 1;
  const cwd = join(root, String(made));
  mkdirSync(cwd);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd,
      env,
      encoding: 'utf8',
    }).trim();
  const write = (file: string, text = 'a: 1\n'): void => {
    mkdirSync(dirname(join(cwd, file)), { recursive: true });
    writeFileSync(join(cwd, file), text);
  };
  for (const file of ['deploy/web.yaml', 'base/base.yaml']) write(file);
  write('.gitignore', 'ignored*\n');
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'one');
  return { cwd, head: git('rev-parse', 'HEAD'), write };
}

const CASES: {
  title: string;
  /** Files that are changed or new. */
  changed?: string[];
  paths?: string[];
  whole?: true;
  clean: boolean;
}[] = [
  { title: 'nothing changed', clean: true },
  { title: 'a file below the path changed', changed: ['deploy/web.yaml'], clean: false },
  { title: 'a new file below the path', changed: ['deploy/new.yaml'], clean: false },
  { title: 'an ignored manifest below the path', changed: ['deploy/ignored.yaml'], clean: false },
  { title: 'an ignored file that is none', changed: ['deploy/ignored.swp'], clean: true },
  { title: 'a change elsewhere', changed: ['base/base.yaml'], clean: true },
  { title: 'a change elsewhere, of a kustomization', changed: ['base/base.yaml'], whole: true, clean: false },
  { title: 'a file', paths: ['deploy/web.yaml'], changed: ['deploy/new.yaml'], clean: true },
  { title: 'a glob', paths: ['deploy/*.yaml'], clean: true },
  { title: 'a glob over a change', paths: ['deploy/*.yaml'], changed: ['deploy/new.yaml'], clean: false },
  { title: 'the root', paths: ['.'], clean: true },
  {
    title: 'two paths, one of them changed',
    paths: ['deploy', 'base'],
    changed: ['base/x.json'],
    clean: false,
  },
  { title: 'standard input', paths: ['deploy', '-'], clean: false },
  { title: 'a path outside of the repository', paths: ['deploy', '../outside'], clean: false },
  { title: 'no path', paths: [], clean: false },
];

for (const { title, changed = [], paths = ['deploy'], whole = false, clean } of CASES) {
  test(`${title}: ${clean ? 'the commit' : 'no commit'}`, async (t) => {
    const { cwd, head, write } = repository();
    for (const file of changed) write(file, 'a: 2\n');
    const found = await cleanRevision({ paths, whole }, { cwd, env, signal: AbortSignal.timeout(60_000) });
    t.is(found, clean ? head : undefined);
  });
}

test('a named revision is the commit that it means, whatever the work tree has', async (t) => {
  const { cwd, head, write } = repository();
  write('deploy/web.yaml', 'a: 2\n');
  const options = { cwd, env, signal: AbortSignal.timeout(60_000) };
  const at = (revision: string): Promise<string | undefined> =>
    cleanRevision({ paths: ['deploy'], whole: false, revision }, options);
  t.is(await at('HEAD'), head);
  t.is(await at('no-such'), undefined);
});

test('without a repository, or without git, there is no commit', async (t) => {
  const signal = AbortSignal.timeout(60_000);
  const paths = ['deploy'];
  mkdirSync(join(root, 'plain', 'deploy'), { recursive: true });
  t.is(await cleanRevision({ paths, whole: false }, { cwd: join(root, 'plain'), env, signal }), undefined);
  const { cwd } = repository();
  const nowhere = { ...env, PATH: root };
  t.is(await cleanRevision({ paths, whole: false }, { cwd, env: nowhere, signal }), undefined);
});
