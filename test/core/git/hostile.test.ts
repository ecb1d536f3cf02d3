import { createHash, randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import test from 'ava';
import { DEFAULT_LIMITS } from '../../../core/git/limits.ts';
import { readManifests } from '../../../core/manifest/read.ts';
import type { Attempt } from '../../../core/model/source.ts';
import { git, gitText } from '../../support/gitlab/git-process.ts';
import type { Project } from '../../support/gitlab/project.ts';
import { calm, gitlabFor, readAt, sourceOf, temporary } from './sources.ts';

const MIB = 2 ** 20;

function told(answer: Attempt<object>): string {
  return answer.ok ? 'ok' : `${answer.failure.code}: ${answer.failure.message}`;
}

/** Points a branch of the project's repository at a commit of this tree. */
async function commitTree(project: Project, tree: string): Promise<string> {
  const env = {
    GIT_AUTHOR_NAME: 'x',
    GIT_AUTHOR_EMAIL: 'x@example.com',
    GIT_COMMITTER_NAME: 'x',
    GIT_COMMITTER_EMAIL: 'x@example.com',
  };
  const run = { cwd: project.directory, env };
  const commit = (await gitText(['commit-tree', '-m', 'hostile', tree], run)).trim();
  await git(['update-ref', 'refs/heads/hostile', commit], run);
  return commit;
}

test('10,000 files are refused where fewer are allowed, and read where not', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const small = await project.commit({ 'a.yaml': 'a: 1\n' });
  const files = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [`d${index % 100}/f${index}.yaml`, `x: ${index}\n`]),
  );
  const many = await project.commit(files);
  const cacheDirectory = await temporary(t);
  const limited = await sourceOf(t, project, { cacheDirectory, limits: { files: 5000 } });
  t.is(told(await limited.open(many, calm)), 'TooLarge: the commit has more than 5000 files and directories');
  t.is(await readAt(limited, small, 'a.yaml'), 'a: 1\n');
  const source = await sourceOf(t, project, { cacheDirectory });
  t.is(await readAt(source, many, 'd99/f9999.yaml'), 'x: 9999\n');
});

test('a file of 200 MB is not even fetched: reading it is refused, all others are read', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({
    'a.yaml': 'a: 1\n',
    'big.yaml': Buffer.alloc(200 * MIB),
    'just.yaml': Buffer.alloc(DEFAULT_LIMITS.fileBytes, '#'),
    'more.yaml': Buffer.alloc(DEFAULT_LIMITS.fileBytes + 1, '#'),
  });
  const source = await sourceOf(t, project);
  const answer = await source.fetch(commit, calm);
  t.true(answer.ok && answer.bytes < 100_000, told(answer));
  const sentence = 'the file was not fetched, because it has more than 5 MiB';
  // Twice: whether it was left out or got lost is found out by fetching all anew, once.
  for (const name of ['big.yaml', 'more.yaml', 'big.yaml', 'more.yaml'])
    await t.throwsAsync(readAt(source, commit, name), { message: sentence }, name);
  const requests = gitlab.requests.length;
  await t.throwsAsync(readAt(source, commit, 'big.yaml'), { message: sentence });
  t.is(gitlab.requests.length, requests);
  t.is(await readAt(source, commit, 'a.yaml'), 'a: 1\n');
  t.is((await readAt(source, commit, 'just.yaml')).length, 1_000_001);
});

test('a fetch ends when it brings more than it may, and the cache is as before', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const small = await project.commit({ 'a.yaml': 'a: 1\n' });
  const files = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`${index}.bin`, randomBytes(MIB)]),
  );
  const large = await project.commit(files);
  const source = await sourceOf(t, project, { limits: { packBytes: 2 * MIB } });
  t.is(told(await source.fetch(small, calm)), 'ok');
  // Slowly enough that it is seen while it comes.
  using _slow = gitlab.fault({ bytesPerSecond: 8 * MIB });
  const sentence = `TooLarge: commit ${large.slice(0, 12)} brings more than 2 MiB of packed files`;
  t.is(told(await source.fetch(large, calm)), sentence);
  t.is(told(await source.open(large, calm)), sentence);
  t.is(await readAt(source, small, 'a.yaml'), 'a: 1\n');
});

test('a pack that arrives before anybody looks is measured too', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.bin': randomBytes(MIB) });
  const source = await sourceOf(t, project, { limits: { packBytes: 1000 } });
  t.regex(told(await source.fetch(commit, calm)), /^TooLarge: commit \w{12} brings more than/);
});

test('a pack that unfolds to more than the memory it may take', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const small = await project.commit({ 'a.yaml': 'a: 1\n' });
  const base = randomBytes(MIB);
  const bomb = deltaBomb(base, 700);
  await git(['index-pack', '--stdin', '--fix-thin'], { cwd: project.directory, input: bomb.pack });
  const entries = `100644 blob ${bomb.base}\tbase\x00100644 blob ${bomb.target}\tbomb.yaml\0`;
  const tree = (await gitText(['mktree', '-z'], { cwd: project.directory, input: entries })).trim();
  const commit = await commitTree(project, tree);
  const source = await sourceOf(t, project, {
    limits: { fileBytes: 2 ** 30, memoryBytes: 400 * MIB },
  });
  t.is(
    told(await source.fetch(commit, calm)),
    `TooLarge: commit ${commit.slice(0, 12)} needs more memory to unpack than it may take`,
  );
  t.is(await readAt(source, small, 'a.yaml'), 'a: 1\n');
  // As it is by default, such a file is not fetched at all.
  const usual = await sourceOf(t, project);
  t.is((await readAt(usual, commit, 'base')).length > MIB / 2, true);
});

test('a few bytes that name a hundred billion files', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const small = await project.commit({ 'a.yaml': 'a: 1\n' });
  const run = { cwd: project.directory };
  let object = (await gitText(['hash-object', '-w', '--stdin'], { ...run, input: 'x' })).trim();
  for (let depth = 0; depth < 11; depth += 1) {
    const kind = depth === 0 ? '100644 blob' : '040000 tree';
    const entries = Array.from({ length: 10 }, (_, index) => `${kind} ${object}\td${index}\0`).join('');
    object = (await gitText(['mktree', '-z'], { ...run, input: entries })).trim();
  }
  const commit = await commitTree(project, object);
  const source = await sourceOf(t, project);
  t.is(
    told(await source.open(commit, calm)),
    'TooLarge: the commit has more than 100000 files and directories',
  );
  t.is(await readAt(source, small, 'a.yaml'), 'a: 1\n');
});

test("trees that git's own checks refuse are not taken", async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const small = await project.commit({ 'a.yaml': 'a: 1\n' });
  const run = { cwd: project.directory };
  const blob = (await gitText(['hash-object', '-w', '--stdin'], { ...run, input: 'x' })).trim();
  const raw = Buffer.concat(
    ['..', '.git'].map((name) => Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')])),
  );
  const args = ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'];
  const tree = (await gitText(args, { ...run, input: raw })).trim();
  const commit = await commitTree(project, tree);
  const source = await sourceOf(t, project);
  t.regex(told(await source.fetch(commit, calm)), /^Damaged: commit \w{12} does not pass Git's checks: /);
  t.is(await readAt(source, small, 'a.yaml'), 'a: 1\n');
});

test('manifests of a hostile commit: each trick is a problem with its file, all others are read', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const object = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
  const commit = await project.commit({
    'm/a.yaml': object('a'),
    'm/line\nfeed.yaml': object('b'),
    'm/\u001b[2Jclear.yaml': object('c'),
    'm/--upload-pack=x.yaml': object('d'),
    'm/out.yaml': { symlink: '../../../etc/passwd' },
    'm/root.yaml': { symlink: '/etc/passwd' },
    'm/self.yaml': { symlink: 'self.yaml' },
    'm/long.yaml': { symlink: 'x/'.repeat(50_000) },
    'm/huge.yaml': { symlink: 'x'.repeat(6 * MIB) },
    'm/big.yaml': Buffer.alloc(20 * MIB, '#'),
    'm/module': { submodule: '1'.repeat(40) },
    'm/.gitattributes': '*.yaml filter=evil diff=evil merge=evil\n',
    '.gitmodules': '[submodule "x"]\n\tpath = m/module\n\turl = https://example.com/x.git\n',
  });
  const source = await sourceOf(t, project);
  // Twice: what is left out has the cache fetched anew, once.
  for (let round = 0; round < 2; round += 1) {
    const opened = await source.open(commit, calm);
    if (!opened.ok) return t.fail(told(opened));
    const result = await readManifests(
      { filenames: ['m'], recursive: true, revision: commit },
      {
        cwd: '/',
        env: {},
        signal: calm,
        stdin: async () => Buffer.alloc(0),
        openRevision: async () => opened.tree,
      },
    );
    t.deepEqual(result.manifests.map(({ id }) => id.name).sort(), ['a', 'b', 'c', 'd']);
    t.deepEqual(result.problems.map(({ code, file }) => `${code} ${file}`).sort(), [
      'BadLink m/huge.yaml',
      'BadLink m/long.yaml',
      'BadLink m/out.yaml',
      'BadLink m/root.yaml',
      'BadLink m/self.yaml',
      'TooLarge m/big.yaml',
    ]);
  }
});

/** A pack of two blobs: the base, and a delta that copies it over and over. */
function deltaBomb(base: Buffer, times: number): { pack: Buffer; base: string; target: string } {
  const copy = Buffer.from([0x80 | 0x40 | 0x20 | 0x10, 0, 0, 0x10]);
  const delta = Buffer.concat([
    variable(base.length),
    variable(base.length * times),
    ...Array.from({ length: times }, () => copy),
  ]);
  const [baseId, targetId] = [1, times].map((count) => {
    const hash = createHash('sha1').update(`blob ${base.length * count}\0`);
    for (let index = 0; index < count; index += 1) hash.update(base);
    return hash.digest();
  }) as [Buffer, Buffer];
  const body = Buffer.concat([
    Buffer.from('PACK\0\0\0\x02\0\0\0\x02', 'latin1'),
    entryHead(3, base.length),
    deflateSync(base),
    entryHead(7, delta.length),
    baseId,
    deflateSync(delta),
  ]);
  const pack = Buffer.concat([body, createHash('sha1').update(body).digest()]);
  return { pack, base: baseId.toString('hex'), target: targetId.toString('hex') };
}

/** Seven bits a byte, the lowest first. */
function variable(size: number): Buffer {
  const bytes: number[] = [];
  for (let rest = size; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

function entryHead(type: number, size: number): Buffer {
  const rest = Math.floor(size / 16);
  const first = (type << 4) | (size % 16);
  return rest === 0 ? Buffer.from([first]) : Buffer.concat([Buffer.from([first | 0x80]), variable(rest)]);
}
