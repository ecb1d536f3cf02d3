import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { RevisionSource } from '../../../core/model/source.ts';
import { writeCommit } from '../../support/gitlab/commit-writer.ts';
import { git, gitText } from '../../support/gitlab/git-process.ts';
import { calm, gitlabFor, readAt, sourceOf, temporary } from './sources.ts';

async function fetched(source: RevisionSource, commit: string): Promise<number> {
  const answer = await source.fetch(commit, calm);
  if (!answer.ok) throw new Error(`${answer.failure.code}: ${answer.failure.message}`);
  return answer.bytes;
}

/** The one cache of a directory. */
async function cacheIn(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => !name.startsWith('trusted-'));
  if (names.length !== 1) throw new Error(`not one cache: ${names}`);
  return join(directory, names[0]!);
}

async function packsOf(directory: string): Promise<string[]> {
  const packs = join(await cacheIn(directory), 'objects', 'pack');
  return (await readdir(packs)).filter((name) => name.endsWith('.pack')).map((name) => join(packs, name));
}

test('exactly the wanted commit is fetched, and of the next one only what is new', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const files: Record<string, string> = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`dir/${index}.txt`, randomBytes(500).toString('hex')]),
  );
  const first = await project.commit(files);
  const second = await project.commit({ 'dir/7.txt': 'changed\n' });
  const third = await project.commit({ 'dir/8.txt': 'changed\n' });
  const cacheDirectory = await temporary(t);
  const source = await sourceOf(t, project, { cacheDirectory });
  // Not the tip of anything.
  const whole = await fetched(source, second);
  t.true(whole > 150_000, `${whole}`);
  t.is(await readAt(source, second, 'dir/7.txt'), 'changed\n');
  t.is(await readAt(source, second, 'dir/8.txt'), files['dir/8.txt']!);
  const next = await fetched(source, third);
  t.true(next < 20_000, `${next}`);
  t.is(await readAt(source, third, 'dir/8.txt'), 'changed\n');
  const requests = gitlab.requests.length;
  t.is(await fetched(source, third), 0);
  t.is(gitlab.requests.length, requests);
  // Back again, as after a revert: only what the later ones changed.
  t.true((await fetched(source, first)) < 20_000);
  t.is(await readAt(source, first, 'dir/7.txt'), files['dir/7.txt']!);
  // Another program finds what is there.
  const later = await sourceOf(t, project, { cacheDirectory });
  t.is(await fetched(later, third), 0);
});

test('the files of a commit are listed and read by any name; links stay inside, submodules are not entered', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const odd = [
    'a b.yaml',
    'line\nfeed.yaml',
    '\u001b[31mred.yaml',
    'quote".yaml',
    '-rf.yaml',
    'é/ü.yaml',
    '*.yaml',
  ];
  const commit = await project.commit({
    ...Object.fromEntries(odd.map((name, index) => [name, `${index}`])),
    'sub/x.yaml': 'x',
    'sub/in.yaml': { symlink: '../a b.yaml' },
    'sub/out.yaml': { symlink: '../../../../etc/passwd' },
    'sub/root.yaml': { symlink: '/etc/passwd' },
    module: { submodule: '1'.repeat(40) },
    '.gitattributes': '*.yaml filter=evil diff=evil\n',
  });
  const source = await sourceOf(t, project);
  for (const [index, name] of odd.entries()) t.is(await readAt(source, commit, name), `${index}`);
  t.is(await readAt(source, commit, 'sub/in.yaml'), '0');
  for (const name of ['sub/out.yaml', 'sub/root.yaml', 'module/x', '../x', '/etc/passwd'])
    await t.throwsAsync(readAt(source, commit, name), { message: /no such file/ }, name);
  const opened = await source.open(commit, calm);
  if (!opened.ok) return t.fail();
  t.deepEqual(
    (await opened.tree.list('sub')).map(({ name, kind }) => `${name} ${kind}`),
    ['in.yaml link', 'out.yaml link', 'root.yaml link', 'x.yaml file'],
  );
  await opened.tree.checkOut('sub', async (directory) => {
    t.is(await readFile(join(directory, 'in.yaml'), 'utf8'), '0');
    t.deepEqual((await readdir(directory)).sort(), ['in.yaml', 'x.yaml']);
    t.is(await readFile(join(directory, '..', 'line\nfeed.yaml'), 'utf8'), '1');
  });
  for (const [name, within] of Object.entries({
    '.': 'sub/in.yaml',
    './': 'sub/in.yaml',
    './sub/': 'in.yaml',
  }))
    await opened.tree.checkOut(name, async (directory) => {
      t.is(await readFile(join(directory, within), 'utf8'), '0', name);
    });
  await opened.tree.close();
});

test('commits that are not there, and things that are no commits, are refused', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  const source = await sourceOf(t, project);
  const absent = await source.fetch('1234567890'.repeat(4), calm);
  t.false(absent.ok);
  if (!absent.ok) {
    t.is(absent.failure.code, 'CommitMissing');
    t.is(
      absent.failure.message,
      `the repository has no commit 123456789012, or ${gitlab.url} does not give it`,
    );
  }
  for (const wrong of ['', 'main', '--upload-pack=touch', `${commit}:x`, commit.slice(1)]) {
    const answer = await source.fetch(wrong, calm);
    t.is(answer.ok ? '' : answer.failure.code, 'CommitMissing', wrong);
  }
  t.true((await source.fetch(commit, calm)).ok);
  const blob = (await gitText(['rev-parse', `${commit}:a.yaml`], { cwd: project.directory })).trim();
  const tree = (await gitText(['rev-parse', `${commit}^{tree}`], { cwd: project.directory })).trim();
  for (const [id, type] of [
    [blob, 'blob'],
    [tree, 'tree'],
  ] as const) {
    const tagged = await source.open(id, calm);
    t.is(tagged.ok ? '' : tagged.failure.message, `${id.slice(0, 12)} is not a commit but a ${type}`);
  }
  t.is(await readAt(source, commit, 'a.yaml'), 'a: 1\n');
});

const DAMAGES: [title: string, damage: (directory: string) => Promise<void>][] = [
  ['the whole cache is gone', async (d) => rm(await cacheIn(d), { recursive: true })],
  [
    'it is an empty directory',
    async (d) => {
      const cache = await cacheIn(d);
      for (const name of await readdir(cache)) await rm(join(cache, name), { recursive: true });
    },
  ],
  ['HEAD is empty', async (d) => truncate(join(await cacheIn(d), 'HEAD'))],
  ['the configuration is rubbish', async (d) => writeFile(join(await cacheIn(d), 'config'), '[[[')],
  [
    'all packs are gone',
    async (d) => {
      for (const pack of await packsOf(d)) await rm(pack);
    },
  ],
  [
    'a pack is cut',
    async (d) => {
      for (const pack of await packsOf(d)) await truncate(pack, 100);
    },
  ],
  [
    'packs are full of zeros',
    async (d) => {
      for (const pack of await packsOf(d)) {
        await rm(pack);
        await writeFile(pack, Buffer.alloc(500));
      }
    },
  ],
  [
    'indexes are gone',
    async (d) => {
      for (const pack of await packsOf(d)) await rm(pack.replace(/pack$/, 'idx'));
    },
  ],
  ['objects are gone', async (d) => rm(join(await cacheIn(d), 'objects'), { recursive: true })],
  [
    'the list of shallow commits is rubbish',
    async (d) => writeFile(join(await cacheIn(d), 'shallow'), 'rubbish\n'),
  ],
  ['the list of shallow commits is gone', async (d) => rm(join(await cacheIn(d), 'shallow'))],
  [
    'locks were left',
    async (d) => {
      const cache = await cacheIn(d);
      for (const name of [
        'shallow.lock',
        'config.lock',
        'HEAD.lock',
        'objects/pack/tmp_pack_x',
        'refs/heads/kept/x.lock',
      ])
        await writeFile(join(cache, name), '');
    },
  ],
  [
    'a file is in its place',
    async (d) => {
      const cache = await cacheIn(d);
      await rm(cache, { recursive: true });
      await writeFile(cache, 'x');
    },
  ],
];
for (const restart of [false, true]) {
  for (const [title, damage] of DAMAGES) {
    test(`a damaged cache heals${restart ? ', also after a restart' : ''}: ${title}`, async (t) => {
      const gitlab = await gitlabFor(t);
      const project = await gitlab.createProject('group/app');
      const first = await project.commit({ 'a.yaml': 'a: 1\n', 'b/c.yaml': 'c: 1\n' });
      const second = await project.commit({ 'a.yaml': 'a: 2\n' });
      const cacheDirectory = await temporary(t);
      const before = await sourceOf(t, project, { cacheDirectory });
      await fetched(before, first);
      await damage(cacheDirectory);
      const source = restart ? await sourceOf(t, project, { cacheDirectory }) : before;
      // What was there already, or what comes next.
      const [commit, text] = title.length % 2 ? [first, 'a: 1\n'] : [second, 'a: 2\n'];
      const other = commit === first ? second : first;
      t.is(await readAt(source, commit, 'a.yaml'), text);
      t.is(await readAt(source, other, 'b/c.yaml'), 'c: 1\n');
      t.deepEqual(
        (await readdir(cacheDirectory)).filter((name) => /\.(new|old)/.test(name)),
        [],
      );
    });
  }
}

test('a cache of another object format is made again; SHA-256 repositories are read', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const sha1 = await project.commit({ 'a.yaml': 'a: 1\n' });
  const cacheDirectory = await temporary(t);
  const source = await sourceOf(t, project, { cacheDirectory });
  t.is(await readAt(source, sha1, 'a.yaml'), 'a: 1\n');
  await rm(project.directory, { recursive: true });
  await git(['init', '-q', '--bare', '--object-format=sha256', '--initial-branch=main', project.directory], {
    cwd: cacheDirectory,
  });
  const person = { name: 'Ann', email: 'ann@example.com' };
  const sha256 = await writeCommit(project.directory, 'new', '0'.repeat(64), {
    parent: undefined,
    changes: [{ path: 'a.yaml', content: 'a: 256\n' }],
    message: 'x',
    author: person,
    committer: person,
    date: new Date(0),
  });
  t.is(sha256.length, 64);
  const refs = await source.refs(['refs/heads/new'], calm);
  t.is(refs.ok ? refs.refs.get('refs/heads/new')?.oid : '', sha256);
  t.is(await readAt(source, sha256, 'a.yaml'), 'a: 256\n');
});

test('many commits: packs become one, old ones go, what is open stays', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const cacheDirectory = await temporary(t);
  const source = await sourceOf(t, project, { cacheDirectory });
  const commits: string[] = [];
  for (let index = 0; index < 30; index += 1) {
    commits.push(await project.commit({ 'a.yaml': `a: ${index}\n`, [`dir/${index}.yaml`]: `${index}\n` }));
    await fetched(source, commits.at(-1)!);
  }
  const packs = await packsOf(cacheDirectory);
  t.true(packs.length <= 21, `${packs.length}`);
  for (const index of [0, 15, 29]) t.is(await readAt(source, commits[index]!, 'a.yaml'), `a: ${index}\n`);
  t.true(existsSync(join(await cacheIn(cacheDirectory), 'shallow')));
});
