import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openRepository } from '../../../core/git/revision-source.ts';
import type { Credential, SourceFailure } from '../../../core/model/source.ts';
import { waitFor } from '../../support/control-plane/wait.ts';
import { text } from '../../support/gitlab/answer.ts';
import { calm, connectionsFor, follow, gitlabFor, readAt, sourceOf, temporary } from './sources.ts';

/** All forms in which a token could get out. */
function formsOf({ username, token }: Credential): string[] {
  const basic = Buffer.from(`${username}:${token}`).toString('base64');
  return [token, encodeURIComponent(token), basic, basic.slice(0, -4)];
}

async function* filesBelow(directory: string): AsyncGenerator<string> {
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) yield join(entry.parentPath, entry.name);
}

/** Looks at all command lines of this machine until it is ended, and keeps those that hold one of the texts. */
function watchCommandLines(texts: readonly string[]) {
  const state = { seen: [] as string[], texts: [...texts], over: false };
  const watching = (async () => {
    while (!state.over) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
        if (state.texts.some((secret) => line.includes(secret))) state.seen.push(line);
      }
    }
  })();
  return Object.assign(state, {
    end: async () => {
      state.over = true;
      await watching;
    },
  });
}

test('the token is in no command line, file, error or URL, also when a server sends it back', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const deploy = project.createDeployToken();
  const credential = { username: deploy.username, token: deploy.value };
  const secrets = formsOf(credential);
  const [basic] = secrets.slice(2);
  const first = await project.commit({ 'a.yaml': 'a: 1\n' });
  const cacheDirectory = await temporary(t);
  const trace = join(await temporary(t), 'trace');
  // Asked to trace, git would write the header down.
  const env = { ...process.env, GIT_TRACE: trace, GIT_TRACE_CURL: trace, GIT_CURL_VERBOSE: '1' };
  const source = await sourceOf(t, project, { cacheDirectory, token: credential, env });
  const failures: SourceFailure[] = [];
  const watch = watchCommandLines(secrets);
  t.teardown(watch.end);
  t.true((await follow(source)).ok);
  t.is(await readAt(source, first, 'a.yaml'), 'a: 1\n');
  const page = (status: number, body: string) => ({
    answer: text(status, `<html><title>${body}</title>`, { 'content-type': 'text/html' }),
  });
  const refused = `ERR you said ${basic} and ${credential.token}\n`;
  const framed = (refused.length + 4).toString(16).padStart(4, '0') + refused;
  const advertised = 'application/x-git-upload-pack-advertisement';
  const result = 'application/x-git-upload-pack-result';
  for (const fault of [
    page(200, `Hello ${basic}`),
    page(404, `Hello ${credential.token}`),
    { answer: text(200, framed, { 'content-type': result }) },
    { answer: text(200, framed, { 'content-type': advertised }) },
    { answer: text(301, '', { location: `http://${credential.token}@127.0.0.1:1/${basic}` }) },
  ]) {
    const set = gitlab.fault(fault);
    const next = await project.commit({ 'a.yaml': `${Math.random()}\n` });
    for (const answer of [await source.refs([], calm), await source.fetch(next, calm)])
      if (!answer.ok) failures.push(answer.failure);
    set.clear();
  }
  deploy.revoked = true;
  for (const answer of [await source.refs([], calm), await source.fetch('1'.repeat(40), calm)])
    if (!answer.ok) failures.push(answer.failure);
  // The watch sees what is there to be seen.
  const control = `control-${randomUUID()}`;
  watch.texts.push(control);
  const shown = spawn('cat', ['-', control], { stdio: ['pipe', 'ignore', 'ignore'] });
  await waitFor(() => watch.seen.some((line) => line.includes(control)), { what: 'the control' });
  shown.stdin.end();
  await watch.end();
  t.true(failures.length >= 10, `${failures.length}`);
  t.deepEqual(
    watch.seen.map((line) => line.includes(control)),
    watch.seen.map(() => true),
  );
  const texts = JSON.stringify(failures);
  for (const secret of secrets) t.false(texts.includes(secret), texts);
  for await (const file of filesBelow(cacheDirectory)) {
    const content = await readFile(file, 'latin1');
    for (const secret of secrets) t.false(content.includes(secret), file);
  }
  t.false(existsSync(trace));
  t.true(gitlab.requests.every(({ path }) => secrets.every((secret) => !path.includes(secret))));
});

test('a token is not sent unencrypted to another machine, and URLs with passwords are refused unseen', async (t) => {
  const open = async (url: string, credential?: Credential) =>
    openRepository({
      url,
      credential: async () => credential,
      connections: connectionsFor(t, { env: { http_proxy: 'http://127.0.0.1:9' } }),
      env: process.env,
      cacheDirectory: await temporary(t),
      userAgent: 'x',
    });
  const opened = await open('http://gitlab.example.com/group/app.git', { username: 'u', token: 'secret' });
  if (!opened.ok) return t.fail();
  for (const answer of [
    await opened.source.refs([], calm),
    await opened.source.fetch('1'.repeat(40), calm),
  ]) {
    t.is(answer.ok ? '' : answer.failure.code, 'UrlInvalid');
    t.is(
      answer.ok ? '' : answer.failure.message,
      'http://gitlab.example.com would get the token unencrypted',
    );
  }
  for (const url of [
    'https://user:secret@gitlab.example.com/a/b.git',
    'https://secret@gitlab.example.com/a/b.git',
    'ssh://git@gitlab.example.com/secret.git',
    'git@gitlab.example.com:secret/b.git',
    'file:///secret',
    'ext::sh -c secret',
    '--upload-pack=secret',
    'https://gitlab.example.com/a/b.git?private_token=secret',
    'https://gitlab.example.com/a/b.git#secret',
    '',
  ]) {
    const answer = await open(url);
    t.is(answer.ok ? '' : answer.failure.code, 'UrlInvalid', url);
    t.notRegex(JSON.stringify(answer), /secret/, url);
  }
});
