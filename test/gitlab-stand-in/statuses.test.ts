import test from 'ava';
import { json } from '../support/gitlab/answer.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { type ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract } from './contract.ts';

const contract = new Contract('statuses');
let gitlab: GitLab;
let project: Project;
let maintainer: ApiClient;
let developer: ApiClient;
let count = 0;

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('group/manifests');
  await project.commit({ a: 'a' });
  maintainer = withToken(gitlab, project.createToken({ role: 'maintainer' }));
  developer = withToken(gitlab, project.createToken({ role: 'developer' }));
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

/** A commit of its own, on a branch that is not protected. */
async function commit(branch = `b${count + 1}`): Promise<{
  sha: string;
  branch: string;
  post: (body: object, as?: ApiClient) => Promise<Reply>;
  list: (query?: string) => Promise<Reply>;
}> {
  count += 1;
  const sha = await project.commit({ [`f${count}`]: `${count}` }, { branch });
  return {
    sha,
    branch,
    post: (body, as = developer) => as.post(`/projects/${project.id}/statuses/${sha}`, body),
    list: (query = '') => developer.get(`/projects/${project.id}/repository/commits/${sha}/statuses${query}`),
  };
}

test('each state from each state, as the state machine has it', async (t) => {
  const said: Record<string, string> = { pending: 'enqueue', running: 'run', skipped: 'skip' };
  const table: [from: 'pending' | 'running', to: string, works: boolean][] = [
    ['pending', 'pending', false],
    ['pending', 'running', true],
    ['pending', 'success', true],
    ['pending', 'failed', true],
    ['pending', 'canceled', true],
    ['pending', 'skipped', true],
    ['running', 'pending', false],
    ['running', 'running', false],
    ['running', 'success', true],
    ['running', 'failed', true],
    ['running', 'canceled', true],
    ['running', 'skipped', false],
  ];
  for (const [from, to, works] of table) {
    const { post } = await commit();
    const first = await post({ state: from, name: 'x', description: 'first' });
    const second = await post({ state: to, name: 'x', description: 'second' });
    t.is(second.status, works ? 201 : 400, `${from} → ${to}: ${second.text}`);
    if (works) t.like(second.body, { id: first.body.id, status: to, description: 'second' });
    else
      t.is(
        second.body.message,
        `Cannot transition status via :${said[to]} from :${from} (Reason(s): Status cannot transition via "${said[to]}")`,
      );
  }
});

test('what is finished is superseded by a new one', async (t) => {
  for (const end of ['success', 'failed', 'canceled', 'skipped']) {
    const { post, list } = await commit();
    const first = await post({ state: end, name: 'x' });
    const second = await post({ state: 'pending', name: 'x' });
    t.is(second.status, 201);
    t.not(second.body.id, first.body.id);
    t.deepEqual(
      (await list()).body.map(({ id }: { id: number }) => id),
      [second.body.id],
    );
    t.is((await list('?all=true')).body.length, 2);
  }
});

test('a refused transition applies nothing, a blank value changes nothing', async (t) => {
  const { post, list } = await commit();
  await post({ state: 'running', description: 'first', target_url: 'https://a.example' });
  t.is((await post({ state: 'running', description: 'second', coverage: 3 })).status, 400);
  t.like((await list()).body[0], { description: 'first', coverage: null });
  t.is((await post({ state: 'success', description: '', target_url: null })).status, 201);
  t.like((await list()).body[0], { description: 'first', target_url: 'https://a.example' });
});

test("another user's status of the same name is another status", async (t) => {
  const { post, list } = await commit();
  const mine = await post({ state: 'running' });
  const theirs = await post({ state: 'running' }, maintainer);
  t.is(theirs.status, 201);
  t.not(theirs.body.id, mine.body.id);
  t.is((await list()).body.length, 1);
});

test('times: started with running, finished with the end', async (t) => {
  const { post } = await commit();
  t.like((await post({ state: 'pending' })).body, { started_at: null, finished_at: null });
  t.truthy((await post({ state: 'running' })).body.started_at);
  t.truthy((await post({ state: 'success' })).body.finished_at);
});

test('the exchanges', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `statuses/${name}`, reply);
  const one = await commit();
  check('post-201', await developer.post(`/projects/${project.id}/statuses/${one.sha}?state=success`));
  const full = {
    context: 'coverage',
    description: 'test',
    coverage: 80.0,
    target_url: 'http://gitlab.com/status',
  };
  check('post-201-full', await one.post({ state: 'success', ref: one.branch, ...full }));
  check('list', await one.list());

  const two = await commit();
  check('post-400-bad-state', await two.post({ state: 'invalid' }));
  t.is((await two.post({})).body.error, 'state is missing, state does not have a valid value');
  check('post-400-target-url', await two.post({ state: 'pending', target_url: 'git://example.com' }));
  await two.post({ state: 'pending', name: 'coverage' });
  check('post-400-pending-twice', await two.post({ state: 'pending', name: 'coverage' }));
  await two.post({ state: 'running', name: 'coverage' });
  check('post-400-same-state', await two.post({ state: 'running', name: 'coverage' }));
  check('post-404-pipeline', await two.post({ state: 'running', pipeline_id: 9999 }));
  check(
    'post-404-commit',
    await developer.post(`/projects/${project.id}/statuses/invalid_sha`, { state: 'running' }),
  );
  t.is((await two.post({ state: 'success', description: 'x'.repeat(256) })).status, 400);

  const three = await commit();
  project.addPipeline(three.sha, three.branch, ['test-job']);
  check('post-400-name-taken', await three.post({ state: 'pending', name: 'test-job' }));
  t.is((await three.post({ state: 'pending', name: 'mine' })).status, 201);

  const main = await commit('main');
  check('post-403-protected', await main.post({ state: 'running', ref: 'main' }));
  t.is((await main.post({ state: 'running' }, maintainer)).status, 201);

  const gone = await commit();
  await project.setBranch(gone.branch, undefined);
  check('post-404-no-ref', await gone.post({ state: 'running' }));

  const on = ({ path }: { path: string }): boolean => path.includes(main.sha);
  const fault = (status: number, message: string): void =>
    void gitlab.fault({ answer: json(status, { message }) }, { on, times: 1 });
  fault(409, 'Another update to this commit status is in progress');
  check('post-409', await main.post({ state: 'success' }, maintainer));
  fault(422, 'The number of jobs has exceeded the limit');
  check('post-422-too-many-jobs', await main.post({ state: 'success' }, maintainer));
  t.deepEqual(contract.left, []);
});

test('who may: a developer with scope api, no reporter, no reader, no job', async (t) => {
  const { post, sha } = await commit();
  const state = { state: 'success' };
  const reporter = withToken(gitlab, project.createToken({ role: 'reporter' }));
  t.deepEqual((await post(state, reporter)).body, { message: '403 Forbidden' });
  const reader = withToken(gitlab, project.createToken({ role: 'developer', scopes: ['read_api'] }));
  t.like((await post(state, reader)).body, { error: 'insufficient_scope', scope: 'api' });
  const job = await post(state, asJob(gitlab, project.createJobToken()));
  t.is(job.status, 401);
  t.deepEqual(job.body, { message: '401 Unauthorized' });
  const listed = await reader.get(`/projects/${project.id}/repository/commits/${sha}/statuses`);
  t.is(listed.status, 200);
});
