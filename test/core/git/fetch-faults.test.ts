import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { text } from '../../support/gitlab/answer.ts';
import { htmlError, overloaded, rateLimited, type Seen } from '../../support/gitlab/faults.ts';
import { calm, follow, gitlabFor, readAt, sourceOf, temporary } from './sources.ts';

const isFetch = (request: Seen): boolean => request.method === 'POST';

test('what goes wrong in a fetch is told, leaves the cache whole, and passes', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const first = await project.commit({ 'a.yaml': 'a: 1\n', 'b.bin': randomBytes(300_000) });
  const cacheDirectory = await temporary(t);
  const source = await sourceOf(t, project, { cacheDirectory });
  const impatient = await sourceOf(t, project, { cacheDirectory, limits: { fetchTime: 3000 } });
  t.is(await readAt(source, first, 'a.yaml'), 'a: 1\n');
  const cases: [Parameters<typeof gitlab.fault>[0], string, RegExp][] = [
    ['cut', 'Unreachable', /broke off/],
    [{ cutAfter: 40 }, 'Unreachable', /broke off/],
    [{ cutAfter: 20_000 }, 'Unreachable', /broke off/],
    [{ bytesPerSecond: 20 }, 'Timeout', /was not fetched in time/],
    ['hang', 'Timeout', /was not fetched in time/],
    [htmlError(), 'Unavailable', /is not available \(502\)/],
    [overloaded(), 'Unavailable', /is not available \(503\)/],
    [rateLimited(), 'RateLimited', /too many requests \(429\)/],
    [{ answer: text(403, 'no') }, 'Forbidden', /refuses to let the repository be read/],
    [{ answer: text(200, 'hello') }, 'GitFailed|Unreachable|NotGit', /./],
    [
      { answer: text(200, '<html></html>', { 'content-type': 'text/html' }) },
      'GitFailed|Unreachable|NotGit',
      /./,
    ],
  ];
  for (const [index, [fault, code, message]] of cases.entries()) {
    const next = await project.commit({ 'a.yaml': `a: ${index + 2}\n`, 'c.bin': randomBytes(100_000) });
    const set = gitlab.fault(fault, { on: isFetch });
    const answer = await (code === 'Timeout' ? impatient : source).fetch(next, calm);
    set.clear();
    const title = JSON.stringify(fault);
    t.false(answer.ok, title);
    if (!answer.ok) {
      t.regex(answer.failure.code, new RegExp(`^(?:${code})$`), `${title}: ${answer.failure.message}`);
      t.regex(answer.failure.message, message, title);
    }
    t.is(await readAt(source, first, 'a.yaml'), 'a: 1\n', title);
    t.is(await readAt(source, next, 'a.yaml'), `a: ${index + 2}\n`, title);
  }
});

test('a token that is revoked between poll and fetch', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  const deploy = project.createDeployToken();
  const source = await sourceOf(t, project, { token: { username: deploy.username, token: deploy.value } });
  t.true((await follow(source)).ok);
  deploy.revoked = true;
  const answer = await source.fetch(commit, calm);
  t.is(answer.ok ? '' : answer.failure.code, 'Unauthorized');
  t.regex(answer.ok ? '' : (answer.failure.hint ?? ''), /expired or been revoked/);
  deploy.revoked = false;
  t.is(await readAt(source, commit, 'a.yaml'), 'a: 1\n');
});

test('the server is away and comes back on its port; a fetch that is called off ends at once', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  const source = await sourceOf(t, project);
  const controller = new AbortController();
  {
    using _hang = gitlab.fault('hang', { on: isFetch });
    const fetching = source.fetch(commit, controller.signal);
    const asking = source.refs([], controller.signal);
    controller.abort(new Error('called off'));
    await t.throwsAsync(fetching, { message: 'called off' });
    await t.throwsAsync(asking, { message: 'called off' });
  }
  await gitlab[Symbol.asyncDispose]();
  for (const answer of [await source.refs([], calm), await source.fetch(commit, calm)])
    t.is(answer.ok ? '' : answer.failure.code, 'Unreachable');
});

test('a renamed project goes on; a path without .git is followed to the one with it', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const first = await project.commit({ 'a.yaml': 'a: 1\n' });
  const source = await sourceOf(t, project);
  const bare = await sourceOf(t, project, { url: project.url.replace(/\.git$/, '') });
  t.true((await source.refs([], calm)).ok);
  const answer = await bare.refs([], calm);
  t.is(answer.ok ? answer.movedTo : '', project.url);
  t.is(await readAt(bare, first, 'a.yaml'), 'a: 1\n');
  project.rename('elsewhere/thing');
  const second = await project.commit({ 'a.yaml': 'a: 2\n' });
  for (const one of [source, bare]) {
    const found = await follow(one);
    t.is(found.ok ? found.commit : found.failure.message, second);
    t.is(await readAt(one, second, 'a.yaml'), 'a: 2\n');
  }
});

test('redirects: to another path of the same host they are followed and said, to anywhere else not', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  const stolen: unknown[] = [];
  const thief = createServer((request, response) => {
    stolen.push(request.headers.authorization);
    response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  t.teardown(() => thief.close());
  await once(thief, 'listening');
  const other = `http://127.0.0.1:${(thief.address() as AddressInfo).port}`;
  const source = await sourceOf(t, project, { url: `${gitlab.url}/old/path.git` });
  const atOld = (request: Seen): boolean => request.path.startsWith('/old/path.git/');
  const redirect = (location: string, on: (request: Seen) => boolean = atOld) =>
    gitlab.fault({ answer: text(301, 'moved', { location }) }, { on });
  const service = '?service=git-upload-pack';
  for (const location of [
    `${other}/group/app.git/info/refs${service}`,
    `https://127.0.0.1/group/app.git/info/refs${service}`,
    `${gitlab.url}/users/sign_in?token=x`,
    `${gitlab.url}/group/app.git/info/refs?service=git-receive-pack`,
    `//[bad`,
    `/old/path.git/info/refs${service}`,
  ]) {
    using _redirect = redirect(location);
    const answer = await source.refs([], calm);
    t.is(answer.ok ? '' : answer.failure.code, 'Moved', location);
    t.notRegex(answer.ok ? '' : answer.failure.message, /token=x/);
  }
  {
    using _redirect = redirect(`/group/app.git/info/refs${service}`);
    const answer = await source.refs(['refs/heads/main'], calm);
    t.is(answer.ok ? answer.refs.get('refs/heads/main')?.oid : '', commit);
    t.is(answer.ok ? answer.movedTo : '', project.url);
    t.is(await readAt(source, commit, 'a.yaml'), 'a: 1\n');
  }
  // git itself does not follow either.
  const second = await project.commit({ 'a.yaml': 'a: 2\n' });
  {
    using _redirect = redirect(
      `${other}/group/app.git/info/refs${service}`,
      ({ method }) => method === 'GET',
    );
    const answer = await source.fetch(second, calm);
    t.is(answer.ok ? '' : answer.failure.code, 'Moved');
  }
  t.deepEqual(stolen, []);
});
