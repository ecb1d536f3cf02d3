import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { gitClient, withCredentials } from './git-client.ts';

let gitlab: GitLab;
let project: Project;
let open: Project;
let credentials: Record<string, () => [username: string, password: string]>;

test.before(async () => {
  gitlab = await startGitLab();
  const ann = gitlab.createUser('ann');
  const guest = gitlab.createUser('gus');
  const stranger = gitlab.createUser('sam');
  project = await gitlab.createProject('group/sub/manifests', {
    members: { ann: 'developer', gus: 'guest' },
  });
  open = await gitlab.createProject('group/open', { visibility: 'public' });
  const other = await gitlab.createProject('group/other');
  for (const each of [project, open, other]) await each.commit({ 'a.yaml': 'a: 1\n' });
  const blocked = gitlab.createUser('bob');
  project.addMember('bob', 'developer');
  blocked.blocked = true;
  const ended = project.createJobToken(ann);
  ended.running = false;
  const revoked = ann.createToken();
  revoked.revoked = true;
  const deploy = project.createDeployToken();
  credentials = {
    api: () => ['anything', ann.createToken().value],
    read_repository: () => ['x', ann.createToken({ scopes: ['read_repository'] }).value],
    write_repository: () => ['x', ann.createToken({ scopes: ['write_repository'] }).value],
    read_api: () => ['x', ann.createToken({ scopes: ['read_api'] }).value],
    oauth: () => ['oauth2', ann.createOAuthToken().value],
    'project token': () => [
      'x',
      project.createToken({ role: 'reporter', scopes: ['read_repository'] }).value,
    ],
    "another project's token": () => ['x', other.createToken().value],
    'deploy token': () => [deploy.username, deploy.value],
    'deploy token, other name': () => ['deploy', deploy.value],
    "another project's deploy token": () => {
      const token = other.createDeployToken();
      return [token.username, token.value];
    },
    'deploy token for the registry': () => {
      const token = project.createDeployToken({ scopes: ['read_registry'] });
      return [token.username, token.value];
    },
    job: () => ['gitlab-ci-token', project.createJobToken(ann).value],
    'job with another name': () => ['ann', project.createJobToken(ann).value],
    "another project's job": () => ['gitlab-ci-token', other.createJobToken(ann).value],
    'ended job': () => ['gitlab-ci-token', ended.value],
    expired: () => ['x', ann.createToken({ expiresAt: '2020-01-01' }).value],
    revoked: () => ['x', revoked.value],
    blocked: () => ['x', blocked.createToken().value],
    wrong: () => ['ann', 'wrong'],
    guest: () => ['x', guest.createToken().value],
    stranger: () => ['x', stranger.createToken().value],
  };
});

test.after.always(() => gitlab?.[Symbol.asyncDispose]());

async function discover(
  of: { path: string },
  service: string,
  pair?: [username: string, password: string],
): Promise<{ status: number; body: string; response: Response }> {
  const authorization = pair && { authorization: `Basic ${Buffer.from(pair.join(':')).toString('base64')}` };
  const response = await fetch(`${gitlab.url}/${of.path}.git/info/refs?service=${service}`, {
    headers: { ...authorization },
    redirect: 'manual',
  });
  return { status: response.status, body: await response.text(), response };
}

// Who, then the status of a fetch from a private project, of a push to it, and of a fetch from a public one.
const table: [who: string, fetch: number, push: number, open: number][] = [
  ['api', 200, 200, 200],
  ['read_repository', 200, 403, 200],
  ['write_repository', 200, 200, 200],
  ['read_api', 401, 401, 401],
  ['oauth', 200, 200, 200],
  ['project token', 200, 403, 200],
  ["another project's token", 401, 401, 200],
  ['deploy token', 200, 403, 200],
  ['deploy token, other name', 401, 401, 401],
  ["another project's deploy token", 404, 403, 200],
  ['deploy token for the registry', 403, 403, 403],
  ['job', 200, 403, 200],
  ['job with another name', 401, 401, 401],
  ["another project's job", 404, 404, 200],
  ['ended job', 401, 401, 401],
  ['expired', 401, 401, 401],
  ['revoked', 401, 401, 401],
  ['blocked', 401, 401, 401],
  ['wrong', 401, 401, 401],
  ['guest', 403, 403, 200],
  ['stranger', 404, 404, 200],
];

for (const [who, fetched, pushed, opened] of table) {
  test(`${who}: fetch ${fetched}, push ${pushed}, fetch from a public project ${opened}`, async (t) => {
    const pair = credentials[who]!();
    t.is((await discover(project, 'git-upload-pack', pair)).status, fetched);
    t.is((await discover(project, 'git-receive-pack', pair)).status, pushed);
    t.is((await discover(open, 'git-upload-pack', pair)).status, opened);
  });
}

test('nobody in particular reads public projects only', async (t) => {
  t.is((await discover(open, 'git-upload-pack')).status, 200);
  t.is((await discover(open, 'git-receive-pack')).status, 401);
  t.is((await discover({ path: 'no/such' }, 'git-upload-pack')).status, 401);
  const { status, body, response } = await discover(project, 'git-upload-pack');
  t.is(status, 401);
  t.is(response.headers.get('www-authenticate'), 'Basic realm="GitLab"');
  t.regex(body, /^HTTP Basic: Access denied\./);
});

test('what is said', async (t) => {
  const hidden = await discover(project, 'git-upload-pack', credentials.stranger!());
  t.is(
    hidden.body,
    "The project you were looking for could not be found or you don't have permission to view it.",
  );
  const readOnly = await discover(project, 'git-receive-pack', credentials['project token']!());
  t.is(readOnly.body, 'You are not allowed to upload code.');
  const guest = await discover(project, 'git-receive-pack', credentials.guest!());
  t.is(guest.body, 'You are not allowed to push code to this project.');
  t.is((await discover(project, 'git-archive', credentials.api!())).status, 403);
});

test('a job of a listed project may fetch, if its user may', async (t) => {
  const here = await gitlab.createProject('group/listed', { members: { ann: 'reporter' } });
  const there = await gitlab.createProject('group/pipelines');
  await here.commit({ a: 'a' });
  here.jobTokenProjects.add(there);
  const ann = gitlab.createUser('not-a-member');
  const member = gitlab.createUser('member');
  here.addMember('member', 'reporter');
  const status = async (token: { value: string }): Promise<number> =>
    (await discover(here, 'git-upload-pack', ['gitlab-ci-token', token.value])).status;
  t.is(await status(there.createJobToken(member)), 200);
  t.is(await status(there.createJobToken(ann)), 404);
});

test('clone, protocol v2, shallow, by SHA, with a filter', async (t) => {
  const deep = await gitlab.createProject('group/deep');
  const first = await deep.commit({ 'dir/a.yaml': 'a: 1\n', 'run.sh': { content: 'x', executable: true } });
  await deep.commit({ 'dir/a.yaml': null, 'b"\n.yaml': 'b: 1\n', link: { symlink: 'run.sh' } });
  const token = deep.createToken({ role: 'reporter', scopes: ['read_repository'] });
  const url = withCredentials(deep.url, 'x', token.value);
  const git = await gitClient(t, { GIT_TRACE_PACKET: '1' });
  const clone = await git.run('clone', '--quiet', url, 'all');
  t.is(clone.code, 0, clone.stderr);
  t.regex(clone.stderr, /clone< version 2/);
  t.is(
    await git.ok('-C', 'all', 'log', '--format=%s|%an|%ae'),
    'Change manifests|Administrator|root@example.com\nChange manifests|Administrator|root@example.com',
  );
  const listed = (await git.ok('-C', 'all', 'ls-tree', '-r', '-z', 'HEAD')).split('\0').filter(Boolean);
  t.deepEqual(
    listed.map((line) => line.replace(/ blob \w+\t/, ' ')),
    ['100644 b"\n.yaml', '120000 link', '100755 run.sh'],
  );

  await git.ok('init', '--quiet', '--bare', 'one.git');
  await git.ok('-C', 'one.git', 'fetch', '--quiet', '--depth=1', '--filter=blob:none', url, first);
  t.is(await git.ok('-C', 'one.git', 'rev-parse', 'FETCH_HEAD'), first);
  t.is(await git.ok('-C', 'one.git', 'rev-list', '--count', 'FETCH_HEAD'), '1');
});

test('over TLS, with the authority of its own', async (t) => {
  await using secure = await startGitLab({ tls: true });
  const there = await secure.createProject('group/project');
  const sha = await there.commit({ a: 'a' });
  const url = withCredentials(there.url, 'x', there.createToken().value);
  const trusting = await gitClient(t, { GIT_SSL_CAINFO: secure.caFile! });
  t.is(await trusting.ok('ls-remote', url, 'refs/heads/main'), `${sha}\trefs/heads/main`);
  const untrusting = await (await gitClient(t)).run('ls-remote', url);
  t.is(untrusting.code, 128);
  t.regex(untrusting.stderr, /certificate/);
  t.true((await readFile(secure.caFile!, 'utf8')).startsWith('-----BEGIN CERTIFICATE'));
});

test('renamed: the old path goes on, until it is taken', async (t) => {
  const moving = await gitlab.createProject('group/old');
  const sha = await moving.commit({ a: 'a' });
  const token = gitlab.root.createToken();
  moving.rename('group/new');
  const git = await gitClient(t);
  const at = (path: string): Promise<string> =>
    git.ok('ls-remote', withCredentials(`${gitlab.url}/${path}.git`, 'x', token.value), 'refs/heads/main');
  t.is(await at('group/new'), `${sha}\trefs/heads/main`);
  t.is(await at('group/old'), `${sha}\trefs/heads/main`);
  const taken = await gitlab.createProject('group/old');
  const other = await taken.commit({ b: 'b' });
  t.is(await at('group/old'), `${other}\trefs/heads/main`);
});

test('a removed project is gone', async (t) => {
  const gone = await gitlab.createProject('group/gone', { visibility: 'public' });
  gone.rename('group/gone-too');
  await gone.remove();
  for (const path of ['group/gone', 'group/gone-too'])
    t.is((await discover({ path }, 'git-upload-pack', credentials.api!())).status, 404);
  t.is((await fetch(`${gitlab.url}/%ff.git/info/refs?service=git-upload-pack`)).status, 404);
});

test('an address without .git is sent on', async (t) => {
  const response = await fetch(`${gitlab.url}/group/open/info/refs?service=git-upload-pack`, {
    redirect: 'manual',
  });
  t.is(response.status, 301);
  t.is(response.headers.get('location'), `${gitlab.url}/group/open.git/info/refs?service=git-upload-pack`);
  const git = await gitClient(t);
  await git.ok('clone', '--quiet', `${gitlab.url}/group/open`);
  t.is(await readFile(join(git.directory, 'open/a.yaml'), 'utf8'), 'a: 1\n');
});

test('a compressed request, as git sends long ones, and ls-refs alone', async (t) => {
  const lines = ['command=ls-refs\n', '0001', 'peel\n', 'ref-prefix refs/heads/\n'];
  const framed = lines.map((line) =>
    line === '0001' ? line : (line.length + 4).toString(16).padStart(4, '0') + line,
  );
  const ask = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${open.url}/git-upload-pack`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-git-upload-pack-request',
        'git-protocol': 'version=2',
        ...headers,
      },
    });
  const request = `${framed.join('')}0000`;
  const plain = await (await ask(request)).text();
  t.regex(plain, /^003d[0-9a-f]{40} refs\/heads\/main\n0000$/);
  t.is(await (await ask(new Uint8Array(gzipSync(request)), { 'content-encoding': 'gzip' })).text(), plain);
});
