import { readFile } from 'node:fs/promises';
import test from 'ava';
import { waitFor } from '../../support/control-plane/wait.ts';
import { text } from '../../support/gitlab/answer.ts';
import { htmlError, overloaded, rateLimited } from '../../support/gitlab/faults.ts';
import { calm, connectionsFor, follow, gitlabFor, readToken, sourceOf } from './sources.ts';

test('a branch, a tag, an annotated tag, HEAD and a commit id are found, by one small request a poll', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const first = await project.commit({ 'a.yaml': 'a: 1\n' });
  await project.createTag('light', first);
  const tagObject = await project.createTag('v1', first, 'Version 1');
  const second = await project.commit({ 'a.yaml': 'a: 2\n' });
  await project.commit({ 'a.yaml': 'a: 3\n' }, { branch: 'main2' });
  const source = await sourceOf(t, project);
  t.not(tagObject, first);
  t.deepEqual(await follow(source), { ok: true, commit: second, name: 'refs/heads/main' });
  t.deepEqual(await follow(source, { branch: 'main' }), {
    ok: true,
    commit: second,
    name: 'refs/heads/main',
  });
  t.deepEqual(await follow(source, { tag: 'v1' }), { ok: true, commit: first, name: 'refs/tags/v1' });
  t.deepEqual(await follow(source, { tag: 'light' }), { ok: true, commit: first, name: 'refs/tags/light' });
  t.deepEqual(await follow(source, { commit: first.toUpperCase() }), { ok: true, commit: first });
  const refs = await source.refs(['refs/heads/main', 'refs/tags/v1'], calm);
  t.true(refs.ok && !refs.refs.has('refs/heads/main2'));
  // One for what the server can, then one a poll.
  t.deepEqual(
    gitlab.requests.map(({ method }) => method),
    ['GET', ...Array(6).fill('POST')],
  );
  t.true(gitlab.requests.every(({ headers }) => headers['git-protocol'] === 'version=2'));
});

test('what is not there: a deleted or renamed branch, an empty repository, an unborn HEAD, half a commit id', async (t) => {
  const gitlab = await gitlabFor(t);
  const empty = await gitlab.createProject('group/empty');
  const emptySource = await sourceOf(t, empty);
  const said = async (...args: Parameters<typeof follow>) => {
    const answer = await follow(...args);
    return answer.ok ? 'found' : `${answer.failure.code}: ${answer.failure.message}; ${answer.failure.hint}`;
  };
  t.is(
    await said(emptySource),
    'RefMissing: the repository\'s default branch "main" has no commit yet; push a commit, or name the branch to follow',
  );
  t.is(
    await said(emptySource, { branch: 'dev' }),
    'RefMissing: the repository has no branch "dev"; has anything been pushed yet?',
  );
  const project = await gitlab.createProject('group/app', { unprotected: true });
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  await project.setBranch('old', commit);
  const source = await sourceOf(t, project);
  t.is(await said(source, { branch: 'old' }), 'found');
  await project.setBranch('old', undefined);
  const gone = 'was it renamed or deleted? its default branch is "main"';
  t.is(await said(source, { branch: 'old' }), `RefMissing: the repository has no branch "old"; ${gone}`);
  t.is(await said(source, { tag: 'v9' }), `RefMissing: the repository has no tag "v9"; ${gone}`);
  t.regex(
    await said(source, { commit: 'abc123' }),
    /^CommitMissing: "abc123" is not a whole commit id; write all/,
  );
  for (const branch of ['--upload-pack=touch /tmp/x', 'a\n0000', 'a b', '..', '*', ''])
    t.regex(await said(source, { branch }), /^RefMissing: the repository has no branch/, branch);
  await project.setBranch('main', undefined);
  t.regex(await said(source), /^RefMissing: the repository's default branch "main" has no commit yet/);
});

test('a branch whose name is an option is a branch like any other', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const commit = await project.commit({ 'a.yaml': 'a: 1\n' });
  await project.setBranch('--upload-pack=touch', commit);
  const source = await sourceOf(t, project);
  t.deepEqual(await follow(source, { branch: '--upload-pack=touch' }), {
    ok: true,
    commit,
    name: 'refs/heads/--upload-pack=touch',
  });
  t.deepEqual(await source.fetch(commit, calm).then(({ ok }) => ok), true);
});

test('credentials: none, wrong, revoked, without the scope, of another project; read again at every poll', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  const other = await gitlab.createProject('group/other');
  await project.commit({ 'a.yaml': 'a: 1\n' });
  let credential: { username: string; token: string } | undefined;
  const source = await sourceOf(t, project, { credential: async () => credential });
  const code = async () => {
    const answer = await source.refs([], calm);
    return answer.ok ? 'ok' : `${answer.failure.code} ${answer.failure.message}`;
  };
  t.is(await code(), `Unauthorized ${gitlab.url} wants a user name and a token (401)`);
  const good = project.createDeployToken();
  credential = { username: good.username, token: good.value };
  t.is(await code(), 'ok');
  good.revoked = true;
  t.is(await code(), `Unauthorized ${gitlab.url} refuses the user name and token (401)`);
  good.revoked = false;
  t.is(await code(), 'ok');
  credential = readToken(other);
  t.is(await code(), `NotFound there is no repository /group/app.git at ${gitlab.url} (404)`);
  const noScope = project.createDeployToken({ scopes: ['read_registry'] });
  credential = { username: noScope.username, token: noScope.value };
  t.regex(await code(), /^Forbidden .* refuses to let the repository be read \(403\)$/);
  const unreadable = await sourceOf(t, project, { credential: () => readFile('/nonexistent') as never });
  for (const answer of [await unreadable.refs([], calm), await unreadable.fetch('1'.repeat(40), calm)])
    t.is(answer.ok ? '' : answer.failure.message, "the credentials can't be read: ENOENT");
});

test('faults of the server are told by code, sentence and how long to wait, and pass', async (t) => {
  const gitlab = await gitlabFor(t);
  const project = await gitlab.createProject('group/app');
  await project.commit({ 'a.yaml': 'a: 1\n' });
  const source = await sourceOf(t, project);
  const impatient = await sourceOf(t, project, { limits: { refsTime: 1000 } });
  const foreign = text(200, 'hello');
  const at = `${gitlab.url}/group/app.git`;
  const cases: [Parameters<typeof gitlab.fault>[0], string, RegExp, number?][] = [
    [rateLimited(30), 'RateLimited', /has had too many requests \(429\)/, 30_000],
    [overloaded(50), 'Unavailable', /is not available \(503\)/, 50_000],
    [htmlError(), 'Unavailable', /is not available \(502\)/],
    ['cut', 'Unreachable', /closed the connection before its answer was complete/],
    ['hang', 'Timeout', /does not answer in time/],
    [{ latency: 60_000 }, 'Timeout', /does not answer in time/],
    [{ cutAfter: 10 }, 'Unreachable', /closed the connection/],
    [{ answer: foreign }, 'NotGit', new RegExp(`^${at} is not read as a Git repository: it answers with`)],
    [
      {
        answer: {
          status: 200,
          headers: { 'content-type': 'text/html' },
          body: '<html><title>Sign in\n· GitLab</title>',
        },
      },
      'NotGit',
      /it answers with something else than Git, an HTML page \("Sign in · GitLab"\)$/,
    ],
    [{ answer: text(418, 'teapot') }, 'NotGit', /it answers 418$/],
  ];
  for (const known of [false, true]) {
    for (const [fault, code, message, retryAfter] of cases) {
      const set = gitlab.fault(fault);
      const answer = await (code === 'Timeout' ? impatient : source).refs(['refs/heads/main'], calm);
      set.clear();
      const title = `${JSON.stringify(fault)} ${known}`;
      if (answer.ok) t.fail(title);
      else {
        t.is(answer.failure.code, code as typeof answer.failure.code, title);
        t.regex(answer.failure.message, message, title);
        t.is(answer.failure.retryAfter, retryAfter, title);
      }
    }
    t.true((await source.refs([], calm)).ok);
  }
});

test('repositories that hang delay no other of the same host', async (t) => {
  const gitlab = await gitlabFor(t);
  const [hanging, other] = [
    await gitlab.createProject('group/hangs'),
    await gitlab.createProject('group/app'),
  ];
  const commit = await other.commit({ 'a.yaml': 'a: 1\n' });
  const connections = connectionsFor(t);
  const source = await sourceOf(t, other, { connections });
  const ended = new AbortController();
  const hang = gitlab.fault('hang', { on: ({ path }) => path.startsWith('/group/hangs') });
  const stuck = await sourceOf(t, hanging, { connections });
  const waiting = Array.from({ length: 30 }, () => stuck.refs([], ended.signal));
  await waitFor(() => hang.hits === 30, { what: 'all to hang' });
  const answer = await follow(source);
  t.is(answer.ok ? answer.commit : answer.failure.message, commit);
  ended.abort(new Error('over'));
  for (const one of waiting) await t.throwsAsync(one, { message: 'over' });
});
