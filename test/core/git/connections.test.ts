import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Authority } from '../kube/certificates.ts';
import { httpProxy } from '../kube/servers.ts';
import { calm, connectionsFor, gitlabFor, readAt, sourceOf, temporary } from './sources.ts';

test('TLS: the given authority is trusted for polls and fetches, and no other', async (t) => {
  const gitlab = await gitlabFor(t, { tls: true });
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  const cacheDirectory = await temporary(t);
  const stranger = new Authority('stranger');
  t.teardown(() => stranger.remove());
  for (const ca of [undefined, stranger.ca.cert]) {
    const connections = connectionsFor(t, ca === undefined ? {} : { ca });
    const source = await sourceOf(t, project, { cacheDirectory, connections });
    for (const answer of [await source.refs([], calm), await source.fetch(commit, calm)]) {
      t.is(answer.ok ? '' : answer.failure.code, 'Untrusted');
      t.regex(answer.ok ? '' : answer.failure.message, /authority that is not trusted|no trusted connection/);
    }
  }
  const connections = connectionsFor(t, { ca: gitlab.ca! });
  const source = await sourceOf(t, project, { cacheDirectory, connections });
  const refs = await source.refs(['refs/heads/main'], calm);
  t.is(refs.ok ? refs.refs.get('refs/heads/main')?.oid : refs.failure.message, commit);
  t.is(await readAt(source, commit, 'a.yaml'), 'a: 1\n');
});

test('a plain port is not taken for TLS', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const source = await sourceOf(t, project, { url: project.url.replace('http:', 'https:') });
  for (const answer of [await source.refs([], calm), await source.fetch('1'.repeat(40), calm)])
    t.is(answer.ok ? '' : answer.failure.code, 'Untrusted');
});

test('polls and fetches go through the proxy of the environment, with its password, or past it', async (t) => {
  const gitlab = await gitlabFor(t, { tls: true });
  const project = await gitlab.createProject('group/app');
  const first = await project.commit({ 'a.yaml': 'a: 1\n' });
  const seen: string[] = [];
  await using proxy = await httpProxy(seen, 'ann:s3cret');
  const login = proxy.url.replace('//', '//ann:s3cret@');
  const { host } = new URL(gitlab.url);
  const source = async (env: Record<string, string>) =>
    await sourceOf(t, project, { connections: connectionsFor(t, { ca: gitlab.ca!, env }) });
  for (const name of ['HTTPS_PROXY', 'https_proxy']) {
    seen.length = 0;
    const through = await source({ [name]: login });
    t.true((await through.refs([], calm)).ok);
    t.true((await through.refs([], calm)).ok);
    t.is(await readAt(through, first, 'a.yaml'), 'a: 1\n');
    // One connection for all polls, and one of git, which asks for a password only when told to.
    t.true(
      seen.length >= 2 && seen.length <= 3 && seen.every((line) => line === `CONNECT ${host}`),
      `${seen}`,
    );
  }
  seen.length = 0;
  const past = await source({ HTTPS_PROXY: login, NO_PROXY: '127.0.0.1' });
  t.true((await past.refs([], calm)).ok);
  t.is(await readAt(past, first, 'a.yaml'), 'a: 1\n');
  t.deepEqual(seen, []);
  const wrong = await source({ HTTPS_PROXY: proxy.url.replace('//', '//ann:wr0ng@') });
  const away = await source({ HTTPS_PROXY: 'http://ann:s3cret@127.0.0.1:9' });
  for (const one of [wrong, away]) {
    for (const answer of [await one.refs([], calm), await one.fetch(first, calm)]) {
      t.is(answer.ok ? '' : answer.failure.code, 'Unreachable', JSON.stringify(answer));
      t.notRegex(JSON.stringify(answer), /s3cret|wr0ng/);
    }
  }
});

test('a full disk is said, and the cache goes on once there is room', async (t) => {
  const disk = await temporary(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return t.log('skipped: only root can mount a small disk');
  }
  t.teardown(() => execFileSync('umount', ['--lazy', disk]));
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const small = await project.commit({ 'a.yaml': 'a: 1\n' });
  const noise = randomBytes(3_000_000);
  const large = await project.commit({ 'b.bin': noise });
  const source = await sourceOf(t, project, { cacheDirectory: disk });
  t.is(await readAt(source, small, 'a.yaml'), 'a: 1\n');
  const full = await source.fetch(large, calm);
  t.is(full.ok ? '' : full.failure.code, 'DiskFull', JSON.stringify(full));
  t.is(await readAt(source, small, 'a.yaml'), 'a: 1\n');
  execFileSync('mount', ['-o', 'remount,size=40m', disk]);
  t.true((await source.fetch(large, calm)).ok);
});
