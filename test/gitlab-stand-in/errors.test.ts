import test from 'ava';
import { json } from '../support/gitlab/answer.ts';
import { endpointLimited, overloaded, rateLimited, serverError } from '../support/gitlab/faults.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract } from './contract.ts';

const contract = new Contract('errors', 'git');
let gitlab: GitLab;
let project: Project;
let root: ApiClient;

test.before(async () => {
  gitlab = await startGitLab();
  gitlab.createUser('ann');
  project = await gitlab.createProject('root/test');
  await project.commit({ a: 'a' });
  root = withToken(gitlab, gitlab.root.createToken());
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

test('the shapes of errors', async (t) => {
  const check = (name: string, reply: Reply, same = {}): void =>
    contract.check(t, `errors/${name}`, reply, same);
  const path = `/projects/${project.id}`;
  const ann = gitlab.user('ann');
  check('400-missing-param', await root.post(`${path}/cluster_agents`));
  check('401-expired-token', await withToken(gitlab, ann.createToken({ expiresAt: '2020-01-01' })).get(path));
  check('401-no-or-bad-token', await withToken(gitlab, { value: 'glpat-wrong' }).get(path));
  const revoked = ann.createToken();
  revoked.revoked = true;
  check('401-revoked-token', await withToken(gitlab, revoked).get(path));
  const reporter = withToken(gitlab, project.createToken({ role: 'reporter' }));
  const sha = await project.head();
  check('403-forbidden', await reporter.post(`${path}/statuses/${sha}`, { state: 'success' }));
  const reader = withToken(gitlab, ann.createToken({ scopes: ['read_api'] }));
  check('403-insufficient-scope', await reader.post(`${path}/statuses/${sha}`, { state: 'success' }), {
    sudo: 'api',
  });
  check('404-project', await root.get('/projects/404404'));
  check('404-project', await reader.get(path));
  check('404-record', await root.get(`${path}/cluster_agents/999`));
  check('404-unknown-route', await root.get('/projects/root/test/repository/tree'));
  check('410-api-v3', await root.get('/api/v3/projects'));
  const agent = await root.post(`${path}/cluster_agents`, { name: 'a' });
  const old = { 'if-unmodified-since': 'Fri, 19 Jan 1990 00:11:22 GMT' };
  check(
    '412-precondition',
    await root.send('DELETE', `${path}/cluster_agents/${agent.body.id}`, undefined, old),
  );
  const now = { 'if-unmodified-since': new Date().toUTCString() };
  t.is((await root.send('DELETE', `${path}/cluster_agents/${agent.body.id}`, undefined, now)).status, 204);
  const wrongVerb = await root.delete(path);
  t.is(wrongVerb.status, 405);
  t.deepEqual(wrongVerb.body, { error: '405 Not Allowed' });
  t.is(
    (await root.send('POST', `${path}/cluster_agents`, '{', { 'content-type': 'application/json' })).status,
    400,
  );
  t.is((await root.get('/projects/%ff')).status, 400);
  t.is((await root.get(`${path}/repository/commits/%00`)).status, 400);
});

test('the errors that are set', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `errors/${name}`, reply);
  const path = `/projects/${project.id}?set`;
  const on = (request: { path: string }): boolean => request.path.endsWith('?set');
  const once = { on, times: 1 };
  gitlab.fault({ answer: json(409, { message: '409 Conflict: Resource lock' }) }, once);
  check('409-resource-lock', await root.get(path));
  gitlab.fault(endpointLimited(), once);
  check('429-application-limiter', await root.get(path));
  gitlab.fault(rateLimited(), once);
  check('429-rack-attack', await root.get(path));
  gitlab.fault(serverError(), once);
  check('500', await root.get(path));
  gitlab.fault(overloaded(), once);
  check('503-gitaly-exhausted', await root.get(path));
});

test('done, but told otherwise', async (t) => {
  const there = await gitlab.createProject('group/told');
  const on = ({ path, method }: { path: string; method: string }): boolean =>
    method === 'POST' && path.includes(`/${there.id}/cluster_agents`);
  gitlab.fault({ answerAfter: json(502, {}) }, { on, times: 1 });
  t.is((await root.post(`/projects/${there.id}/cluster_agents`, { name: 'a' })).status, 502);
  t.is(there.agents.length, 1);
});

test('a renamed project', async (t) => {
  const moving = await gitlab.createProject('gitlab-org/old-path-project');
  moving.rename('gitlab-org/new-path');
  const reply = await root.get('/projects/gitlab-org%2Fold-path-project');
  contract.check(t, 'errors/301-moved-project', reply, {
    'https://gitlab.example.com': gitlab.url,
    'projects/81': `projects/${moving.id}`,
  });
  const deep = await root.get('/projects/gitlab-org%2Fold-path-project/repository/branches?per_page=5');
  t.is(
    deep.headers.get('location'),
    `${gitlab.url}/api/v4/projects/${moving.id}/repository/branches?per_page=5`,
  );
  t.is((await root.get('/projects/gitlab-org%2Fnew-path')).body.id, moving.id);
  const write = await root.post('/projects/gitlab-org%2Fold-path-project/cluster_agents', { name: 'a' });
  t.is(write.status, 405);
  const stranger = withToken(gitlab, gitlab.user('ann').createToken());
  t.is((await stranger.get('/projects/gitlab-org%2Fold-path-project')).status, 404);
});

test('git', async (t) => {
  const get = async (path: string, service: string, pair?: string): Promise<Reply> =>
    new ApiClient(gitlab).send('GET', `/api/../${path}.git/info/refs?service=${service}`, undefined, {
      ...(pair ? { authorization: `Basic ${btoa(pair)}` } : {}),
    });
  const same = { 'https://gitlab.example.com': gitlab.url };
  contract.check(t, 'git/401-bad-credentials', await get('root/test', 'git-upload-pack', 'x:wrong'), same);
  const token = project.createToken({ role: 'reporter', scopes: ['write_repository'] });
  contract.check(t, 'git/403-push', await get('root/test', 'git-receive-pack', `x:${token.value}`));
  const stranger = gitlab.user('ann').createToken();
  contract.check(t, 'git/404-project', await get('root/test', 'git-upload-pack', `x:${stranger.value}`));
});

// What the token of a job opens, on a private project of its own, and what it gets elsewhere.
const jobTable: [method: 'GET' | 'POST' | 'PUT', path: string, status: number][] = [
  ['GET', '/repository/branches', 200],
  ['GET', '/repository/commits/main', 200],
  ['GET', '/repository/commits/main/merge_requests', 200],
  ['GET', '/repository/tags', 200],
  ['GET', '/repository/files/a/raw', 200],
  ['GET', '/merge_requests', 200],
  ['GET', '/merge_requests/1', 200],
  ['GET', '/merge_requests/1/notes', 200],
  ['GET', '/deployments', 200],
  ['GET', '/environments', 200],
  ['GET', '', 404],
  ['GET', '/repository/branches/main', 404],
  ['GET', '/repository/commits', 404],
  ['GET', '/repository/commits/main/statuses', 404],
  ['GET', '/repository/files/a?ref=main', 404],
  ['GET', '/repository/tree', 404],
  ['GET', '/repository/compare?from=main&to=main', 404],
  ['GET', '/cluster_agents', 401],
  ['GET', '/access_tokens', 401],
  ['POST', '/repository/commits', 401],
  ['POST', '/statuses/main', 401],
  ['POST', '/merge_requests/1/notes', 401],
];

test('a job may do very little', async (t) => {
  const there = await gitlab.createProject('group/jobs');
  const other = await gitlab.createProject('group/other');
  await there.commit({ a: 'a' });
  await there.commit({ b: 'b' }, { branch: 'b', from: 'main' });
  await there.openMergeRequest({ sourceBranch: 'b' });
  const job = asJob(gitlab, there.createJobToken());
  const stranger = asJob(gitlab, other.createJobToken());
  for (const [method, path, status] of jobTable) {
    const url = `/projects/${there.id}${path}`;
    const reply = await job.send(method, url, method === 'GET' ? undefined : {});
    t.is(reply.status, status, `${method} ${path}: ${reply.text}`);
    if (status === 404) t.deepEqual(reply.body, { message: '404 Project Not Found' }, path);
    if (status === 401) t.deepEqual(reply.body, { message: '401 Unauthorized' }, path);
    if (status === 200) t.is((await stranger.send(method, url)).status, 404, path);
  }
  there.jobTokenProjects.add(other);
  t.is((await stranger.get(`/projects/${there.id}/deployments`)).status, 200);
  there.visibility = 'public';
  t.is((await job.get(`/projects/${there.id}/repository/tree`)).status, 200);
  t.is((await job.get(`/projects/${there.id}`)).status, 200);
});

test('pages', async (t) => {
  const there = await gitlab.createProject('group/pages');
  const path = `/projects/${there.id}/cluster_agents`;
  for (let index = 1; index <= 45; index += 1) await root.post(path, { name: `a${index}` });
  const headers = async (query: string): Promise<Record<string, string | null>> => {
    const reply = await root.get(`${path}?${query}`);
    const names = ['x-page', 'x-per-page', 'x-next-page', 'x-prev-page', 'x-total', 'x-total-pages'];
    return Object.fromEntries(names.map((name) => [name.slice(2), reply.headers.get(name)]));
  };
  const totals = { total: '45', 'total-pages': '3' };
  t.deepEqual(await headers(''), {
    page: '1',
    'per-page': '20',
    'next-page': '2',
    'prev-page': '',
    ...totals,
  });
  t.deepEqual(await headers('page=3'), {
    page: '3',
    'per-page': '20',
    'next-page': '',
    'prev-page': '2',
    ...totals,
  });
  t.like(await headers('per_page=1000'), { 'per-page': '100', 'total-pages': '1' });
  const seen: number[] = [];
  for (let next: string | undefined = `${path}?per_page=10`; next !== undefined; ) {
    const reply: Reply = await root.get(next);
    seen.push(...reply.body.map(({ id }: { id: number }) => id));
    next = /<[^>]*(\/api\/v4[^>]*)>; rel="next"/.exec(reply.headers.get('link')!)?.[1];
  }
  t.is(new Set(seen).size, 45);
  const link = (
    await root.get(`${path}?page=2&per_page=10&private_token=${gitlab.root.createToken().value}`)
  ).headers.get('link')!;
  t.deepEqual(
    [...link.matchAll(/rel="(\w+)"/g)].map(([, rel]) => rel),
    ['prev', 'next', 'first', 'last'],
  );
  t.false(link.includes('private_token'));
});

test.after('every exchange was played', (t) => {
  t.deepEqual(contract.left, []);
});
