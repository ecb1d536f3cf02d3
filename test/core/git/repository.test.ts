import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openRevision } from '../../../core/git/repository.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { configMap, directoryWith, names, places, read } from '../manifest/reading.ts';

type Test = Parameters<typeof directoryWith>[0];

const IDENTITY = [
  '-c',
  'user.name=t',
  '-c',
  'user.email=t@example.com',
  '-c',
  'commit.gpgsign=false',
  '-c',
  'init.defaultBranch=main',
];

function git(directory: string, ...args: string[]): string {
  return execFileSync('git', ['-C', directory, ...IDENTITY, ...args], {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  }).trim();
}

function commit(directory: string, message = 'x'): string {
  git(directory, 'add', '-A');
  git(directory, 'commit', '-qm', message);
  return git(directory, 'rev-parse', 'HEAD');
}

/** A repository whose first commit, tagged `one`, has these files; they are then removed from the work tree. */
async function repositoryWith(t: Test, files: Record<string, string | Buffer>): Promise<string> {
  const directory = await directoryWith(t, files);
  git(directory, 'init', '-q');
  commit(directory);
  git(directory, 'tag', 'one');
  git(directory, 'rm', '-rqf', '.');
  await writeFile(join(directory, 'later.yaml'), configMap('later'));
  commit(directory);
  return directory;
}

function readAt(cwd: string, filenames: string[], revision: string, more: Parameters<typeof read>[2] = {}) {
  const signal = more.signal ?? new AbortController().signal;
  return read(cwd, filenames, {
    revision,
    openRevision: openRevision({ cwd, env: process.env, signal }),
    ...more,
  });
}

const files = {
  'a.yaml': configMap('a'),
  'dir/b.yaml': configMap('b'),
  'dir/sub/c.yml': configMap('c'),
  'dir/values.yaml': 'x: 1\n',
  'dir/.hidden.yaml': configMap('hidden'),
  'with space/é\n.yaml': configMap('odd'),
  '-x.yaml': configMap('dash'),
};

const selections: [title: string, filenames: string[], recursive: boolean, found: string[]][] = [
  ['a file', ['a.yaml'], false, ['a']],
  ['the whole tree', ['.'], true, ['dash', 'a', 'b', 'c', 'odd']],
  ['a directory', ['dir'], false, ['b']],
  ['a glob', ['d*/**/*.y*ml'], false, ['b', 'c']],
  ['a name that looks like an option', ['./-x.yaml'], false, ['dash']],
  ['names that need quoting', ['with space'], false, ['odd']],
];
for (const [title, filenames, recursive, found] of selections) {
  test(`at a revision: ${title}`, async (t) => {
    const result = await readAt(await repositoryWith(t, files), filenames, 'one', { recursive });
    t.deepEqual(
      result.problems.filter(({ code }) => code !== 'MissingField'),
      [],
    );
    t.deepEqual(names(result), found);
  });
}

test('paths count from the directory of the command, also where it is gone at the other revision', async (t) => {
  const directory = await repositoryWith(t, files);
  const nested = await directoryWith(t);
  await symlink(directory, join(nested, 'link'));
  t.deepEqual(names(await readAt(nested, ['link/dir'], 'one')), ['b']);
  t.deepEqual(names(await readAt(directory, ['dir/../a.yaml', join(directory, 'dir/b.yaml')], 'one')), [
    'a',
    'b',
  ]);
});

test('every name of a revision works, and none is an option', async (t) => {
  const directory = await repositoryWith(t, files);
  const id = git(directory, 'rev-parse', 'one');
  for (const revision of ['one', 'HEAD~1', 'main^', id, id.slice(0, 10), 'HEAD^{/x}~1']) {
    t.deepEqual(names(await readAt(directory, ['a.yaml'], revision)), ['a'], revision);
  }
  for (const revision of [
    '',
    'nope',
    '--all',
    '-h',
    '--help',
    '--output=x',
    'one:a.yaml',
    'HEAD..one',
    'HEAD~9',
    'a\0b',
  ]) {
    t.deepEqual(places(await readAt(directory, ['a.yaml'], revision)), ['UnknownRevision'], revision);
  }
});

test('a path that is not there at the revision: a problem, or absent where that is allowed', async (t) => {
  const directory = await repositoryWith(t, files);
  t.deepEqual(places(await readAt(directory, ['later.yaml'], 'one')), ['NotFound later.yaml']);
  const result = await readAt(directory, ['later.yaml', 'x*.yaml', 'a.yaml'], 'one', { allowAbsent: true });
  t.deepEqual(result.problems, []);
  t.deepEqual(result.absent, ['later.yaml', 'x*.yaml']);
  t.deepEqual(names(result), ['a']);
});

test('no repository, and a shallow clone', async (t) => {
  const plain = await directoryWith(t, files);
  t.deepEqual(places(await readAt(plain, ['a.yaml'], 'one')), ['NoRepository a.yaml']);
  const directory = await repositoryWith(t, files);
  const clone = await directoryWith(t);
  git(clone, 'clone', '-q', '--depth=1', `file://${directory}`, 'clone');
  const [problem] = (await readAt(join(clone, 'clone'), ['a.yaml'], 'HEAD~1')).problems;
  t.is(problem?.code, 'UnknownRevision');
  t.regex(problem?.hint ?? '', /shallow.*fetch/);
});

test('links of a revision: inside they count, out of it they are refused; submodules are not entered', async (t) => {
  const directory = await directoryWith(t, {
    'in/a.yaml': configMap('a'),
    'in/sub/b.yaml': configMap('b'),
    'x.yaml': configMap('x'),
  });
  git(directory, 'init', '-q');
  const links = {
    'in/ok.yaml': 'sub/b.yaml',
    'in/up.yaml': '../x.yaml',
    'in/root.yaml': '/etc/passwd',
    'in/far.yaml': '../../../x.yaml',
    'in/loop.yaml': 'loop.yaml',
  };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(directory, name));
  git(directory, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},in/module`);
  commit(directory);
  const result = await readAt(directory, ['in'], 'HEAD', { recursive: true });
  t.deepEqual(names(result), ['a', 'b']);
  t.deepEqual(places(result), [
    'BadLink in/far.yaml',
    'BadLink in/loop.yaml',
    'BadLink in/root.yaml',
    'BadLink in/up.yaml',
  ]);
  t.deepEqual(names(await readAt(directory, ['in/up.yaml'], 'HEAD')), ['x']);
  t.deepEqual(places(await readAt(directory, ['in/root.yaml'], 'HEAD')), ['NotFound in/root.yaml']);
});

test('a file of a revision is as limited as one on disk', async (t) => {
  const directory = await repositoryWith(t, {
    'a.yaml': configMap('a'),
    'big.yaml': 'x'.repeat(5_000_000),
    'z.yaml': configMap('z'),
  });
  const result = await readAt(directory, ['.'], 'one', { limits: { fileBytes: 1_000_000 } });
  t.deepEqual(names(result), ['a', 'z']);
  t.deepEqual(places(result), ['TooLarge big.yaml']);
});

test('nothing that the repository configures is run', async (t) => {
  const directory = await repositoryWith(t, {
    'k/kustomization.yaml': 'resources: [a.yaml]',
    'k/a.yaml': configMap('a'),
    '.gitattributes': '*.yaml filter=evil\n',
  });
  const marker = join(directory, 'marker');
  const script = join(directory, '.git', 'evil');
  await writeFile(script, `#!/bin/sh\ntouch ${marker}\ncat\n`);
  await chmod(script, 0o755);
  for (const key of [
    'core.fsmonitor',
    'filter.evil.smudge',
    'core.pager',
    'core.sshCommand',
    'diff.external',
  ])
    git(directory, 'config', key, script);
  for (const hook of ['post-checkout', 'reference-transaction']) {
    await writeFile(join(directory, '.git', 'hooks', hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
  }
  await rm(marker, { force: true });
  t.deepEqual(names(await readAt(directory, ['k/a.yaml'], 'one')), ['a']);
  t.deepEqual(names(await readAt(directory, [], 'one', { kustomizations: ['k'] })), ['a']);
  t.false(existsSync(marker));
});

test('a kustomization at a revision is built in a private directory that goes away, also on an abort', async (t) => {
  const directory = await repositoryWith(t, {
    'base/a.yaml': configMap('a'),
    'base/kustomization.yaml': 'resources: [a.yaml]',
    'over/kustomization.yaml': 'resources: [../base]\nnamePrefix: p-\n',
  });
  const left = async () =>
    (await readdir(join(directory, '.git'))).filter((name) => name.startsWith('gitlab-agent-'));
  t.deepEqual(names(await readAt(directory, [], 'one', { kustomizations: ['over'] })), ['p-a']);
  t.deepEqual(await left(), []);
  t.deepEqual(places(await readAt(directory, [], 'HEAD', { kustomizations: ['over'] })), ['NotFound over']);
  const absent = await readAt(directory, [], 'HEAD', { kustomizations: ['over'], allowAbsent: true });
  t.deepEqual([absent.absent, absent.problems], [['over'], []]);

  const controller = new AbortController();
  const tree = await openRevision({ cwd: directory, env: process.env, signal: controller.signal })(
    'over',
    'one',
  );
  const using = tree.checkOut('over', async (path) => {
    t.true(existsSync(join(path, 'kustomization.yaml')));
    t.is((await left()).length, 1);
    controller.abort(new Error('stopped'));
    controller.signal.throwIfAborted();
  });
  await t.throwsAsync(using, { message: 'stopped' });
  t.deepEqual(await left(), []);
});

test('a tree made to write outside of its checkout cannot', async (t) => {
  const directory = await directoryWith(t, {
    'deep/er/x': '',
    'k/kustomization.yaml': 'resources: [a.yaml]',
    'k/a.yaml': configMap('a'),
  });
  git(directory, 'init', '-q');
  // A link to the root, and one that seems to stay inside until that is followed.
  await symlink('../../', join(directory, 'deep/er/s'));
  await symlink('deep/er/s/../../../..', join(directory, 't'));
  await symlink('/', join(directory, 'root'));
  const first = commit(directory);
  // `root` once as a link and once as a directory with a file in it: no git makes such a tree.
  const blob = execFileSync('git', ['-C', directory, 'hash-object', '-w', '--stdin'], {
    input: 'x',
    encoding: 'utf8',
  }).trim();
  const mktree = (input: string) =>
    execFileSync('git', ['-C', directory, 'mktree', '-z'], { input, encoding: 'utf8' }).trim();
  const inner = mktree(`100644 blob ${blob}\tplanted\0`);
  const entries = execFileSync('git', ['-C', directory, 'ls-tree', '-z', first], { encoding: 'utf8' });
  const evil = git(directory, 'commit-tree', '-m', 'evil', mktree(`${entries}040000 tree ${inner}\troot\0`));
  for (const revision of [first, evil]) {
    const tree = await openRevision({
      cwd: directory,
      env: process.env,
      signal: new AbortController().signal,
    })('k', revision);
    try {
      await tree.checkOut('k', async (path) => {
        t.false(existsSync(join(path, '..', 't')));
        t.false(existsSync(join(path, '..', 'root', 'etc')));
      });
    } catch (error) {
      // Refusing such a tree is as good.
      t.true(error instanceof ProblemError, String(error));
    } finally {
      await tree.close();
    }
  }
  t.false(existsSync('/planted'));
});
