import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { type ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract } from './contract.ts';

const contract = new Contract('cluster_agents', 'agent_tokens');
let gitlab: GitLab;
let project: Project;
let developer: ApiClient;
let maintainer: ApiClient;
let base: string;

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('root/test');
  base = `/projects/${project.id}/cluster_agents`;
  developer = withToken(gitlab, project.createToken({ role: 'developer' }));
  maintainer = withToken(gitlab, project.createToken({ role: 'maintainer' }));
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

test.serial('agents', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `cluster_agents/${name}`, reply);
  const made = await maintainer.post(base, { name: 'agent-1' });
  check('create-201', made);
  const one = `${base}/${made.body.id}`;
  check('create-400-bad-name', await maintainer.post(base, { name: '#4^x' }));
  check('create-400-name-taken', await maintainer.post(base, { name: 'agent-1' }));
  t.is((await maintainer.post(base, { name: 'x'.repeat(64) })).status, 400);
  t.is((await maintainer.post(base, {})).body.error, 'name is missing');
  check('create-403', await developer.post(base, { name: 'x' }));
  check('get', await developer.get(one));
  check('get-404', await developer.get(`${base}/999`));
  t.is((await developer.get(`${base}/agent-1`)).body.error, 'agent_id is invalid');
  await maintainer.post(base, { name: 'agent-2' });
  const list = await developer.get(base);
  check('list', list);
  t.is(list.headers.get('x-total'), '2');
  const guest = withToken(gitlab, project.createToken({ role: 'guest' }));
  check('list-404-guest', await guest.get(base));
  t.is((await guest.get(one)).body.message, '404 Not found');
  t.is((await asJob(gitlab, project.createJobToken()).get(base)).status, 401);
  t.is((await developer.delete(one)).status, 403);
  check('delete-204', await maintainer.delete(one));
  t.is((await developer.get(one)).status, 404);
});

test.serial('agent tokens', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `agent_tokens/${name}`, reply);
  const agent = await maintainer.post(base, { name: 'with-tokens' });
  const tokens = `${base}/${agent.body.id}/tokens`;
  const made = await maintainer.post(tokens, { name: 'abcd', description: 'Some token' });
  check('create-201', made);
  t.regex(made.body.token, /^glagent-/);
  check('get', await developer.get(`${tokens}/${made.body.id}`));
  await maintainer.post(tokens, { name: 'foobar' });
  check('create-400-two-active', await maintainer.post(tokens, { name: 'third' }));
  const list = await developer.get(tokens);
  check('list', list);
  t.false(list.text.includes('last_used_at') || list.text.includes('glagent-'));
  t.is((await developer.delete(`${tokens}/${made.body.id}`)).status, 403);
  check('revoke-204', await maintainer.delete(`${tokens}/${made.body.id}`));
  check('get-404-revoked', await developer.get(`${tokens}/${made.body.id}`));
  t.is((await developer.get(tokens)).body.length, 1);
  t.is((await maintainer.post(tokens, { name: 'third' })).status, 201);
});

test.serial('every exchange was played', (t) => {
  // `is_receptive` is of the Enterprise edition's receptive agents, which this project does not register.
  t.deepEqual(contract.left, ['cluster_agents/get-with-is-receptive']);
});
