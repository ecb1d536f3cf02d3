import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { waitFor } from '../support/control-plane/wait.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { exchanges, shapeProblems } from './contract.ts';
import { gitClient, withCredentials } from './git-client.ts';

interface Received {
  headers: http.IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  body: any;
}

interface Receiver {
  url: string;
  received: Received[];
  /** Resolves to what has come, once there is so much. */
  first(count: number): Promise<Received[]>;
}

async function receiver(t: ExecutionContext, status: () => number = () => 200): Promise<Receiver> {
  const received: Received[] = [];
  const server = http.createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
    received.push({ headers: request.headers, body });
    response.writeHead(status()).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const first = (count: number): Promise<Received[]> =>
    waitFor(() => received.length >= count && received, { what: `${count} deliveries` }) as Promise<
      Received[]
    >;
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received, first };
}

let gitlab: GitLab;
let count = 0;
let now = new Date();
test.before(async () => {
  gitlab = await startGitLab({ now: () => now });
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

async function hooked(): Promise<Project> {
  count += 1;
  const project = await gitlab.createProject(`hooks/p${count}`);
  await project.commit({ 'a.yaml': 'a: 1\n' });
  return project;
}

const lower = (headers: Record<string, string> | undefined): string[] =>
  Object.keys(headers ?? {}).map((name) => name.toLowerCase());

test('a push by git and a commit by API are told', async (t) => {
  const project = await hooked();
  const { url, first } = await receiver(t);
  project.addWebhook(url, { secret: 's3cret' });
  const git = await gitClient(t);
  const token = project.createToken();
  await git.ok('clone', '--quiet', withCredentials(project.url, 'x', token.value), '.');
  await git.ok('commit', '--quiet', '--allow-empty', '--message', 'by git');
  const before = await project.head();
  await git.ok('push', '--quiet');
  const sha = await project.commit({ 'a.yaml': 'a: 2\n', 'b.yaml': '' });
  const [push, commit] = await first(2);
  const expected = exchanges['webhooks/push']!;
  t.deepEqual(
    lower(expected.headers).filter((name) => !(name in push!.headers)),
    [],
  );
  t.deepEqual(shapeProblems(expected.body, commit!.body), []);
  t.like(push!.headers, { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': 's3cret' });
  t.like(push!.body, {
    before,
    ref: 'refs/heads/main',
    total_commits_count: 1,
    user_id: token.user.id,
    ref_protected: true,
  });
  t.like(commit!.body, { after: sha, checkout_sha: sha, project: { path_with_namespace: project.path } });
  t.like(commit!.body.commits[0], { id: sha, added: ['b.yaml'], modified: ['a.yaml'], removed: [] });
});

test('branches that come and go, many commits, tags', async (t) => {
  const project = await hooked();
  const { url, first } = await receiver(t);
  project.addWebhook(url, { tags: true });
  const zeros = '0'.repeat(40);
  const main = await project.head();
  await project.setBranch('new', main);
  t.like((await first(1))[0]!.body, { before: zeros, after: main, commits: [] });
  await project.setBranch('new', undefined);
  t.like((await first(2))[1]!.body, { before: main, after: zeros, checkout_sha: null, commits: [] });
  const git = await gitClient(t);
  await git.ok('clone', '--quiet', withCredentials(project.url, 'x', project.createToken().value), '.');
  for (let index = 0; index < 22; index += 1)
    await git.ok('commit', '--quiet', '--allow-empty', '--message', `${index}`);
  await git.ok('push', '--quiet');
  const { commits, total_commits_count } = (await first(3))[2]!.body;
  t.is(total_commits_count, 22);
  t.deepEqual(commits.map(({ title }: { title: string }) => title).at(0), '2');
  t.is(commits.length, 20);
  const target = await project.createTag('v1', 'main', 'one');
  const { headers, body } = (await first(4))[3]!;
  t.is(headers['x-gitlab-event'], 'Tag Push Hook');
  t.is(headers['x-gitlab-token'], undefined);
  t.deepEqual(shapeProblems(exchanges['webhooks/tag-push']!.body, body), []);
  t.like(body, { after: target, checkout_sha: await project.head() });
});

test('nothing is told of a push of more than three refs, nor of branches that are filtered', async (t) => {
  const project = await hooked();
  const { url, first, received } = await receiver(t);
  project.addWebhook(url, { branches: 'release-*' });
  const git = await gitClient(t);
  await git.ok('clone', '--quiet', withCredentials(project.url, 'x', project.createToken().value), '.');
  const push = (...names: string[]): Promise<string> =>
    git.ok('push', '--quiet', 'origin', ...names.map((name) => `HEAD:refs/heads/${name}`));
  await push('release-1', 'release-2', 'release-3', 'release-4');
  await push('other');
  await push('release-5', 'release-6');
  await first(2);
  t.deepEqual(received.map(({ body }) => body.ref).sort(), ['refs/heads/release-5', 'refs/heads/release-6']);
});

test('a receiver that fails four times is left alone for a minute', async (t) => {
  const project = await hooked();
  let status = 500;
  const { url, first, received } = await receiver(t, () => status);
  const hook = project.addWebhook(url);
  for (let index = 1; index <= 4; index += 1) {
    await project.commit({ a: `${index}` });
    await first(index);
    await waitFor(() => hook.failures === index, { what: 'the failure to be noticed' });
  }
  await project.commit({ a: '5' });
  t.truthy(hook.disabledUntil);
  now = new Date(now.getTime() + 61_000);
  status = 200;
  await project.commit({ a: '6' });
  await first(5);
  t.is(received.length, 5);
  await waitFor(() => hook.failures === 0, { what: 'the hook to be good again' });
});
