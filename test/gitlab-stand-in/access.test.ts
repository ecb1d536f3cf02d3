import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract, schemaProblems } from './contract.ts';

const contract = new Contract(
  'projects',
  'metadata',
  'personal_access_tokens',
  'project_access_tokens',
  'deploy_tokens',
);
let gitlab: GitLab;
let project: Project;
let maintainer: ApiClient;

test.before(async () => {
  gitlab = await startGitLab();
  gitlab.createUser('ann');
  project = await gitlab.createProject('group/sub/app', { members: { ann: 'maintainer' } });
  await project.commit({ a: 'a' });
  maintainer = withToken(gitlab, gitlab.user('ann').createToken());
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

test('the project, by id and by path', async (t) => {
  const byPath = await maintainer.get('/projects/group%2Fsub%2Fapp');
  contract.check(t, 'projects/get', byPath);
  t.deepEqual((await maintainer.get(`/projects/${project.id}`)).body, byPath.body);
  t.like(byPath.body, {
    path_with_namespace: 'group/sub/app',
    http_url_to_repo: project.url,
    default_branch: 'main',
    empty_repo: false,
    namespace: { full_path: 'group/sub', kind: 'group' },
    permissions: { project_access: { access_level: 40 } },
  });
  const empty = await gitlab.createProject('group/empty', { visibility: 'public' });
  const anonymous = (await new ApiClient(gitlab).get(`/projects/${empty.id}`)).body;
  t.is(anonymous.default_branch, null);
  t.false('permissions' in anonymous || 'visibility' in anonymous);
});

test('who sees a project, and who reads its code', async (t) => {
  const roles = ['guest', 'reporter'] as const;
  const people = {
    nobody: new ApiClient(gitlab),
    stranger: withToken(gitlab, gitlab.createUser('eve').createToken()),
  };
  const table: [visibility: 'private' | 'internal' | 'public', who: string, project: number, code: number][] =
    [
      ['private', 'nobody', 404, 404],
      ['private', 'stranger', 404, 404],
      ['private', 'guest', 200, 403],
      ['private', 'reporter', 200, 200],
      ['internal', 'nobody', 404, 404],
      ['internal', 'stranger', 200, 200],
      ['public', 'nobody', 200, 200],
    ];
  for (const [visibility, who, seen, read] of table) {
    const there = await gitlab.createProject(`group/${visibility}-${who}`, { visibility });
    await there.commit({ a: 'a' });
    const role = roles.find((name) => name === who);
    const client = role ? withToken(gitlab, there.createToken({ role })) : people[who as keyof typeof people];
    t.is((await client.get(`/projects/${there.id}`)).status, seen, `${visibility} ${who}`);
    t.is((await client.get(`/projects/${there.id}/repository/tree`)).status, read, `${visibility} ${who}`);
  }
});

test('version, metadata, user, job', async (t) => {
  contract.check(t, 'metadata/get', await maintainer.get('/metadata'));
  const version = await maintainer.get('/version');
  t.deepEqual(version.body, (await maintainer.get('/metadata')).body);
  t.deepEqual(schemaProblems('public_api/v4/metadata.json', version.body), []);
  t.is((await new ApiClient(gitlab).get('/version')).status, 401);
  const narrow = withToken(gitlab, gitlab.user('ann').createToken({ scopes: ['read_user'] }));
  t.is((await narrow.get('/version')).status, 200);
  t.like((await narrow.get('/user')).body, { username: 'ann', state: 'active' });
  t.like((await narrow.get(`/projects/${project.id}`)).body, {
    error: 'insufficient_scope',
    scope: 'api read_api',
  });
  const job = asJob(gitlab, project.createJobToken());
  t.is((await job.get('/job')).body.status, 'running');
  t.is((await job.get('/version')).status, 401);
  t.is((await job.get('/personal_access_tokens/self')).status, 401);
});

test('what a token says of itself', async (t) => {
  const check = (name: string, reply: Reply): void =>
    contract.check(t, `personal_access_tokens/${name}`, reply);
  for (const token of [
    gitlab.user('ann').createToken({ scopes: ['read_repository'] }),
    project.createToken({ scopes: ['read_user'], expiresAt: '2999-01-01' }),
  ]) {
    const reply = await withToken(gitlab, token).get('/personal_access_tokens/self');
    check('self', reply);
    t.like(reply.body, { id: token.id, active: true, expires_at: token.expiresAt });
  }
  const bearer = { authorization: `Bearer ${gitlab.user('ann').createOAuthToken().value}` };
  check('self-400-not-pat', await new ApiClient(gitlab, bearer).get('/personal_access_tokens/self'));
});

test('each way to send a token', async (t) => {
  const { value } = gitlab.user('ann').createToken();
  const path = `/projects/${project.id}`;
  const anonymous = new ApiClient(gitlab);
  for (const reply of [
    await anonymous.send('GET', path, undefined, { 'private-token': value }),
    await anonymous.send('GET', path, undefined, { authorization: `Bearer ${value}` }),
    await anonymous.get(`${path}?private_token=${value}`),
    await anonymous.get(`${path}?access_token=${value}`),
  ])
    t.is(reply.status, 200);
  const { value: job } = project.createJobToken();
  for (const reply of [
    await anonymous.send('GET', `${path}/deployments`, undefined, { 'job-token': job }),
    await anonymous.send('GET', `${path}/deployments`, undefined, { authorization: `Bearer ${job}` }),
    await anonymous.get(`${path}/deployments?job_token=${job}`),
  ])
    t.is(reply.status, 200);
  t.is((await anonymous.send('GET', path, undefined, { 'private-token': job })).status, 404);
  t.is((await anonymous.send('GET', `${path}/deployments`, undefined, { 'job-token': 'x' })).status, 401);
  const deploy = project.createDeployToken().value;
  t.is((await anonymous.send('GET', path, undefined, { 'deploy-token': deploy })).status, 404);
});

test('project access tokens', async (t) => {
  const check = (name: string, reply: Reply): void =>
    contract.check(t, `project_access_tokens/${name}`, reply);
  const base = `/projects/${project.id}/access_tokens`;
  const made = await maintainer.post(base, {
    name: 'test_token',
    scopes: ['api', 'read_repository'],
    access_level: 30,
  });
  check('create-201', made);
  check('list', await maintainer.get(base));
  t.is((await maintainer.post(base, { name: 'x', scopes: ['api'], access_level: 50 })).status, 400);
  t.is((await maintainer.post(base, { scopes: ['api'] })).body.error, 'name is missing');
  const own = withToken(gitlab, { value: made.body.token });
  t.is((await own.get(base)).status, 401);
  t.is((await own.get(`${base}/self`)).body.id, made.body.id);
  const rotated = await own.post(`${base}/self/rotate`);
  check('rotate-200', rotated);
  t.like((await own.get('/user')).body, { error: 'invalid_token' });
  const next = withToken(gitlab, { value: rotated.body.token });
  t.is((await next.get('/user')).status, 200);
  // The old one once more: somebody else has it, and the whole family ends.
  t.is((await maintainer.post(`${base}/${made.body.id}/rotate`)).status, 400);
  t.is((await next.get('/user')).status, 401);
  const other = await maintainer.post(base, { name: 'y', scopes: ['read_api'] });
  t.is((await maintainer.delete(`${base}/${other.body.id}`)).status, 204);
  const inactive = (await maintainer.get(`${base}?state=inactive`)).body;
  t.is(inactive.length, 3);
});

test('a project access token as 19 shows it', async (t) => {
  await using newer = await startGitLab({ version: '19.0.0-ee' });
  const there = await newer.createProject('group/app');
  const root = withToken(newer, newer.root.createToken());
  const { id } = (await root.post(`/projects/${there.id}/access_tokens`, { name: 'token', scopes: ['api'] }))
    .body;
  contract.check(
    t,
    'project_access_tokens/get-19x-shape',
    await root.get(`/projects/${there.id}/access_tokens/${id}`),
  );
});

test('deploy tokens', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `deploy_tokens/${name}`, reply);
  const base = `/projects/${project.id}/deploy_tokens`;
  const body = {
    name: 'My deploy token',
    expires_at: '2999-01-01',
    username: 'custom-user',
    scopes: ['read_repository'],
  };
  const made = await maintainer.send('POST', `${base}/`, body);
  check('create-201', made);
  check('list', await maintainer.get(base));
  t.regex(
    (await maintainer.post(base, { name: 'x', scopes: ['read_repository'] })).body.username,
    /^gitlab\+deploy-token-\d+$/,
  );
  t.is((await maintainer.delete(`${base}/${made.body.id}`)).status, 204);
  t.true((await maintainer.get(`${base}/${made.body.id}`)).body.revoked);
  const developer = withToken(gitlab, project.createToken({ role: 'developer' }));
  t.is((await developer.post(base, body)).status, 403);
});

test.after('every exchange was played', (t) => {
  t.deepEqual(contract.left, []);
});
