import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { type ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract } from './contract.ts';

const contract = new Contract('deployments', 'environments');
let gitlab: GitLab;
let project: Project;
let developer: ApiClient;
let maintainer: ApiClient;
let sha: string;

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('group/app');
  sha = await project.commit({ a: 'a' });
  developer = withToken(gitlab, project.createToken({ role: 'developer' }));
  maintainer = withToken(gitlab, project.createToken({ role: 'maintainer' }));
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

const deployment = (more: object = {}): object => ({
  environment: 'production',
  sha,
  ref: 'main',
  tag: false,
  status: 'success',
  ...more,
});

test.serial('deployments', async (t) => {
  const base = `/projects/${project.id}/deployments`;
  const check = (name: string, reply: Reply): void => contract.check(t, `deployments/${name}`, reply);
  const done = await developer.post(base, deployment());
  check('create-201', done);
  t.is(project.environments.length, 1);
  check('create-400-status', await developer.post(base, deployment({ status: 'created' })));
  t.deepEqual((await developer.post(base, deployment({ sha: 'f'.repeat(40) }))).body, {
    message: { sha: ['The commit does not exist'] },
  });
  const running = await developer.post(base, deployment({ status: 'running', environment: 'staging' }));
  const one = `${base}/${running.body.id}`;
  check('delete-400-running', await maintainer.delete(one));
  check('update-400-transition', await developer.put(one, { status: 'running' }));
  check('update-200', await developer.put(one, { status: 'success' }));
  check('update-400-transition', await developer.put(one, { status: 'running' }));
  const byPipeline = await developer.post(base, deployment({ status: 'running' }));
  project.deployments.at(-1)!.byPipeline = true;
  check('update-403-ci-managed', await developer.put(`${base}/${byPipeline.body.id}`, { status: 'success' }));
  t.is((await developer.get(`${base}/${done.body.id}`)).body.status, 'success');
  const current = await maintainer.delete(one);
  t.is(current.body.message, '400 Deployment currently deployed to environment');
  t.is((await developer.get(`${base}/999`)).body.message, '404 Not found');

  const ids = async (query: string): Promise<number[]> =>
    (await developer.get(`${base}?${query}`)).body.map(({ id }: { id: number }) => id);
  t.deepEqual(await ids('environment=staging'), [running.body.id]);
  t.deepEqual(await ids('environment=production&status=success'), [done.body.id]);
  t.deepEqual(await ids('order_by=id&sort=desc'), [byPipeline.body.id, running.body.id, done.body.id]);
  t.is((await developer.get(`${base}?updated_after=2020-01-01`)).status, 400);
  await developer.post(base, deployment({ environment: 'staging' }));
  t.is((await developer.delete(one)).status, 403);
  t.is((await maintainer.delete(one)).status, 204);
  t.is((await developer.get(one)).status, 404);
  const guest = withToken(gitlab, project.createToken({ role: 'guest' }));
  t.is((await guest.get(base)).status, 403);
  t.deepEqual((await ids('order_by=updated_at&updated_after=2020-01-01')).length, 3);
});

test.serial('environments', async (t) => {
  const base = `/projects/${project.id}/environments`;
  const check = (name: string, reply: Reply): void => contract.check(t, `environments/${name}`, reply);
  const agent = await maintainer.post(`/projects/${project.id}/cluster_agents`, { name: 'agent-1' });
  const made = await developer.post(base, { name: 'deploy', external_url: 'https://deploy.example.com' });
  check('create-201', made);
  check('400-name-taken', await developer.post(base, { name: 'deploy' }));
  check('400-slug', await developer.post(base, { name: 'foo', slug: 'foo' }));
  check('400-agent-unknown', await developer.post(base, { name: 'mepmep', cluster_agent_id: 999999 }));
  t.false(project.environments.some(({ name }) => name === 'mepmep'));
  const one = `${base}/${made.body.id}`;
  check('400-namespace-without-agent', await developer.put(one, { kubernetes_namespace: 'flux-system' }));
  const flux = 'helm.toolkit.fluxcd.io/v2/namespaces/ns/helmreleases/name';
  check(
    '400-flux-without-namespace',
    await developer.put(one, { cluster_agent_id: agent.body.id, flux_resource_path: flux }),
  );
  const chain = { cluster_agent_id: agent.body.id, kubernetes_namespace: 'ns', flux_resource_path: flux };
  check('update-200-agent', await developer.put(one, chain));
  check(
    '400-namespace-without-agent',
    await developer.put(one, { cluster_agent_id: null, flux_resource_path: null }),
  );
  t.like(
    (
      await developer.put(one, {
        name: 'other',
        kubernetes_namespace: null,
        flux_resource_path: null,
        cluster_agent_id: null,
      })
    ).body,
    {
      name: 'deploy',
      cluster_agent: null,
    },
  );
  await developer.put(one, chain);

  await developer.post(base, { name: 'review/fix-foo', tier: 'development' });
  check('list', await developer.get(`${base}?name=review%2Ffix-foo`));
  t.is((await developer.get(`${base}?name=a&search=abc`)).body.error, 'name, search are mutually exclusive');
  t.is((await developer.get(`${base}?search=rev`)).body.length, 1);
  const got = await developer.get(one);
  t.is(got.body.last_deployment, null);
  check('get', got);
  await developer.post(`/projects/${project.id}/deployments`, deployment({ environment: 'deploy' }));
  t.like((await developer.get(one)).body, { last_deployment: { status: 'success', sha } });
  check('delete-403-not-stopped', await developer.delete(one));
  t.is((await developer.post(`${one}/stop`)).body.state, 'stopped');
  t.is((await developer.delete(one)).status, 204);
});

test.serial('a job may do all of both, within the role of who started it', async (t) => {
  const gus = gitlab.createUser('gus');
  const job = asJob(gitlab, project.createJobToken());
  const base = `/projects/${project.id}`;
  const made = await job.post(`${base}/deployments`, deployment({ status: 'running' }));
  t.is(made.status, 201, made.text);
  t.is((await job.put(`${base}/deployments/${made.body.id}`, { status: 'success' })).status, 200);
  t.is((await job.get(`${base}/deployments?environment=production`)).status, 200);
  t.is((await job.get(`${base}/environments`)).status, 200);
  t.is((await asJob(gitlab, project.createJobToken(gus)).get(`${base}/environments`)).status, 404);
});

test.serial('every exchange was played', (t) => {
  // Fields that only old documentation has.
  t.deepEqual(contract.left, []);
});
