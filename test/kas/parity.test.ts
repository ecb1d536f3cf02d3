// What an entry reads through an agent server is what it reads with Git: the same objects, the same mistakes.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { gitSources } from '../../agent/git-sources.ts';
import type { Sources } from '../../agent/sources.ts';
import { Connections } from '../../core/git/connections.ts';
import { openRepository } from '../../core/git/revision-source.ts';
import { readEntry } from '../../core/sync.ts';
import type { FileContent } from '../support/gitlab/file-content.ts';
import { entryOf, type Ground, ground, quiet, reach, sourcesOf, Told } from './ground.ts';

const object = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;

async function gitOf(t: ExecutionContext, { gitlab, shop }: Ground): Promise<Sources> {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'parity-'));
  const ending = new AbortController();
  const connections = new Connections({ env: {} });
  t.teardown(() => {
    ending.abort();
    connections.close();
    rmSync(cacheDirectory, { recursive: true, force: true });
  });
  const token = gitlab.root.createToken({ scopes: ['read_repository'] }).value;
  const credential = async () => ({ username: 'any', token });
  return gitSources({
    configurationUrl: `${gitlab.url}/${shop.path}.git`,
    interval: 300,
    signal: ending.signal,
    random: Math.random,
    log: quiet,
    onPoll: () => {},
    open: (url) => {
      const env = { PATH: process.env.PATH };
      const opened = openRepository({ url, credential, connections, env, cacheDirectory, userAgent: 'test' });
      if (!opened.ok) throw new Error(opened.failure.message);
      return opened.source;
    },
  });
}

/** What the entry reads of the commit, as text. */
async function reads(
  t: ExecutionContext,
  sources: Sources,
  entry: ReturnType<typeof entryOf>,
  commit: string,
  env: NodeJS.ProcessEnv = {},
) {
  const revision = sources.entry(entry);
  const told = new Told(t, revision);
  await told.commit(commit);
  const { signal } = new AbortController();
  const notices: string[] = [];
  const open = async () => {
    const opened = await revision.reader.open(commit, signal);
    if (!opened.ok) throw new Error(opened.failure.message);
    return opened.tree;
  };
  const read = await readEntry({ entry, open, signal, env, onNotice: (text) => notices.push(text) });
  return read.ok
    ? { notices, objects: read.manifests.map(({ id, source }) => `${source.file}:${source.line} ${id.name}`) }
    : { notices, problems: read.problems };
}

test('entries read the same through a server as with Git', async (t) => {
  const here = await ground(t);
  const { config, shop, server, token } = here;
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const files: Record<string, FileContent> = {
    'a.yaml': object('a'),
    'README.md': '# no manifest\n',
    'values.yaml': 'replicas: 3\n',
    'apps/web/web.yaml': object('web'),
    'apps/web/.hidden.yaml': object('hidden'),
    'apps/db/db.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'db' } }),
    'apps/db/notes.txt': 'text\n',
    'apps/.dot/x.yaml': object('dot'),
    'broken/x.yaml': 'a: [\n',
    'broken/y.yaml': `${object('y')}---\n${object('y')}`,
    'kust/kustomization.yaml': 'resources: [x.yaml]\n',
    'kust/x.yaml': object('x'),
    'we[ir]d/one file.yaml': object('weird'),
    'empty/.gitkeep': '',
    'links/real.yaml': object('real'),
    'links/same.yaml': { symlink: 'real.yaml' },
    'links/sub/up.yaml': { symlink: '../real.yaml' },
    'out/away.yaml': { symlink: '../a.yaml' },
    'out/off.yaml': { symlink: '../../etc/passwd' },
    'out/root.yaml': { symlink: '/etc/passwd' },
    'out/circle.yaml': { symlink: 'circle.yaml' },
    'out/folder': { symlink: '../apps' },
  };
  const commit = await shop.commit(files);
  const [git, kas] = [
    await gitOf(t, here),
    await sourcesOf(t, reach(t, { address: `ws://127.0.0.1:${server.port}/`, token })),
  ];
  const cases = [
    [],
    ['apps'],
    ['apps/'],
    ['apps/**/*.yaml'],
    ['apps/*'],
    ['apps/*/*'],
    ['apps/**/*'],
    ['./apps/web'],
    ['apps/web/web.yaml'],
    ['apps/web/web.yaml', 'apps/**/*.{yaml,json}'],
    ['README.md'],
    ['nowhere'],
    ['nowhere/*.yaml'],
    ['apps/*.toml'],
    ['apps/db/notes.txt'],
    ['broken'],
    ['kust'],
    ['kust/*.yaml'],
    ['{apps,kust}/**/*.yaml'],
    ['we\\[ir\\]d/*.yaml'],
    ['empty'],
    ['.'],
    ['links'],
    ['links/sub/*.yaml'],
    ['links/sub/up.yaml', 'links/*.yaml'],
    ['out'],
    ['out/*.yaml'],
    ['out/away.yaml'],
    ['out/folder'],
    ['out/folder/web/*.yaml'],
    ['out/folder/web/web.yaml'],
  ];
  const url = `${here.gitlab.url}/${shop.path}.git`;
  const compared = cases.map(async (paths) => {
    const entry = entryOf({ paths, repository: { project: shop.path, url } });
    const [pushed, cloned] = await Promise.all([kas, git].map((sources) => reads(t, sources, entry, commit)));
    t.deepEqual(pushed, cloned, JSON.stringify(paths));
  });
  await Promise.all(compared);
  const root = await shop.commit({ 'manifest.yaml': object('root') });
  t.deepEqual((await reads(t, kas, entryOf(), root)).objects, ['manifest.yaml:1 root']);
});

test('branches, tags and commits are followed; links and trees come as they are', async (t) => {
  const here = await ground(t);
  const { config, shop, server, token } = here;
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({
    'base/x.yaml': object('x'),
    'over/kustomization.yaml': 'resources: [../base/x.yaml]\n',
  });
  await shop.createTag('v1', first);
  const second = await shop.commit({ 'base/x.yaml': object('y') });
  const sources = await sourcesOf(t, reach(t, { address: `grpc://127.0.0.1:${server.port}`, token }));
  const [tag, pinned, branch, tree] = [
    { ref: { tag: 'v1' } },
    { ref: { commit: first } },
    { ref: { branch: 'main' } },
    { kustomize: true, paths: ['over'] },
  ].map((more) => sources.entry(entryOf(more)));
  t.deepEqual(await new Told(t, tag!).commit(first), { ok: true, commit: first, ref: 'refs/tags/v1' });
  t.deepEqual(await new Told(t, pinned!).commit(first), { ok: true, commit: first });
  t.deepEqual(await new Told(t, branch!).commit(second), {
    ok: true,
    commit: second,
    ref: 'refs/heads/main',
  });
  await new Told(t, tree!).commit(second);
  const opened = await tree!.reader.open(second, new AbortController().signal);
  if (!opened.ok) return t.fail();
  t.deepEqual(
    (await opened.tree.list('.')).map(({ name, kind }) => `${name} ${kind}`),
    ['base directory', 'over directory'],
  );
});

test('a kustomization is built from what the server sends as from a clone, bases and generators too', async (t) => {
  const here = await ground(t);
  const { config, shop, server, token } = here;
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const scratch = mkdtempSync(join(tmpdir(), 'parity-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const commit = await shop.commit({
    'base/kustomization.yaml':
      'resources: [x.yaml]\nconfigMapGenerator: [{ name: made, files: [page.txt] }]\n',
    'base/x.yaml': object('x'),
    'base/page.txt': 'a page\n',
    'over/kustomization.yaml': 'namePrefix: p-\nresources: [../base]\n',
    'broken/kustomization.yaml': 'resources: [gone.yaml]\n',
  });
  const kas = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const both = [await sourcesOf(t, kas, { scratch }), await gitOf(t, here)];
  const url = `${here.gitlab.url}/${shop.path}.git`;
  const env = { PATH: process.env.PATH };
  const read = async (path: string) => {
    const entry = entryOf({ kustomize: true, paths: [path], repository: { project: shop.path, url } });
    return await Promise.all(both.map((sources) => reads(t, sources, entry, commit, env)));
  };
  const [pushed, cloned] = await read('over');
  t.deepEqual(pushed, cloned);
  const names = (pushed!.objects ?? []).map((text) => text.replace(/^\S+ /, '')).sort();
  t.regex(names.join(), /^p-made-\w{10},p-x$/);
  const [wrong, alsoWrong] = await read('broken');
  t.deepEqual(wrong, alsoWrong);
  t.is(wrong!.problems?.[0]?.code, 'Kustomize');
  // No check-out stays.
  t.deepEqual(readdirSync(scratch), []);
});
