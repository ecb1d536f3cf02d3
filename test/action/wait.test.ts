import test from 'ava';
import { step } from '../support/action.ts';
import { waitFor } from '../support/cluster.ts';
import { htmlError, rateLimited, serverError } from '../support/gitlab/faults.ts';
import { company } from './world.ts';

const file = (value: string) => ({ 'k8s/web.yaml': `value: ${value}\n` });

test('a commit that the agent has applied, and one that it is still at', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  await report(commit, 'pending', 'waits for its turn');
  const running = step(t, { gitlab, project: shop, commit }, { mode: 'wait', agent: 'production', token });
  await waitFor(async () => gitlab.requests.some(({ path }) => path.includes('/statuses')), {
    what: 'a poll',
    timeout: 120_000,
  });
  await report(commit, 'running', 'being applied');
  await report(commit, 'success', '3 objects healthy');
  const done = await running;
  t.is(done.code, 0, done.log);
  t.is(done.outputs.status, 'success');
  t.is(done.outputs.commit, commit);
  t.regex(done.outputs.applied_at!, /^20\d\d-/);
  t.regex(done.log, /the agent production has applied .*: 3 objects healthy/);
  t.false(done.log.includes(token));
});

test('a failure ends it at once, in the words of the agent', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  await report(commit, 'failed', 'pod/web-1: ImagePullBackOff');
  const ended = await step(
    t,
    { gitlab, project: shop, commit },
    { mode: 'wait', agent: 'production', token },
  );
  t.is(ended.code, 1);
  t.is(ended.outputs.status, 'failed');
  t.regex(
    ended.log,
    /error: the agent production could not apply [0-9a-f]{12}: pod\/web-1: ImagePullBackOff/,
  );
});

test('a commit that contains ours counts as ours', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  const newer = await shop.commit(file('2'));
  await report(newer, 'success', 'done');
  const done = await step(t, { gitlab, project: shop, commit }, { mode: 'wait', agent: 'production', token });
  t.is(done.code, 0, done.log);
  t.is(done.outputs.commit, newer);
  t.regex(done.log, /which contains/);
});

test('superseded by one that contains ours: that one is waited for; by another one: that is said', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const base = await shop.commit(file('1'));
  const commit = await shop.commit(file('2'));
  const newer = await shop.commit(file('3'));
  await report(commit, 'pending', 'waits');
  await report(commit, 'canceled', `superseded by ${newer.slice(0, 12)}`);
  await report(newer, 'failed', 'bad');
  const run = (env = {}) =>
    step(t, { gitlab, project: shop, commit, env }, { mode: 'wait', agent: 'production', token });
  const failed = await run();
  t.is(failed.outputs.status, 'failed');
  t.is(failed.outputs.commit, newer);
  // Rolled back: the branch, too.
  await shop.setBranch('main', base);
  await report(base, 'running', 'being applied', 'gitlab-agent/other');
  const other = await shop.commit(file('4'));
  await shop.createTag('kept', newer);
  const aside = await run();
  t.is(aside.code, 1);
  t.is(aside.outputs.status, 'superseded');
  const lonely = await shop.commit(file('5'), { branch: 'lonely', from: base });
  await report(lonely, 'pending', 'waits');
  await report(lonely, 'canceled', `superseded by ${other.slice(0, 12)}`);
  const superseded = await step(
    t,
    { gitlab, project: shop, commit: lonely },
    { mode: 'wait', agent: 'production', token },
  );
  t.is(superseded.outputs.status, 'superseded');
  t.regex(superseded.log, new RegExp(`was superseded: the agent production is to run ${other.slice(0, 12)}`));
});

test('an agent that says nothing: since when, and at which commit', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const old = await shop.commit(file('1'));
  await report(old, 'success', 'done');
  const commit = await shop.commit(file('2'));
  const ended = await step(
    t,
    { gitlab, project: shop, commit },
    { mode: 'wait', agent: 'production', token, timeout: '40s' },
  );
  t.is(ended.code, 1);
  t.is(ended.outputs.status, 'timeout');
  t.regex(ended.log, new RegExp(`has said nothing since 20.* ago\\), when ${old.slice(0, 12)} was success`));
  const never = await step(
    t,
    { gitlab, project: shop, commit },
    { mode: 'wait', agent: 'staging', token, timeout: '20s' },
  );
  t.regex(never.log, /the agent staging has never reported \(no commit status gitlab-agent\/staging/);
});

test('entries that share a project have statuses of their own', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  await report(commit, 'success', 'done', 'gitlab-agent/production/web');
  await report(commit, 'failed', 'bad', 'gitlab-agent/production/batch');
  const run = (entry: string) =>
    step(t, { gitlab, project: shop, commit }, { mode: 'wait', agent: 'production', entry, token });
  t.is((await run('web')).code, 0);
  t.is((await run('batch')).outputs.status, 'failed');
});

test('with an environment a job token is enough, also for a commit that contains ours', async (t) => {
  const { gitlab, shop, deployed } = await company(t);
  const old = await shop.commit(file('0'));
  await deployed(old, 'success');
  const commit = await shop.commit(file('1'));
  const { value } = shop.createJobToken();
  const run = (inputs: Record<string, string> = {}) =>
    step(
      t,
      { gitlab, project: shop, commit, env: { CI_JOB_TOKEN: value } },
      { mode: 'wait', environment: 'production', ...inputs },
    );
  const silent = await run({ timeout: '20s' });
  t.is(silent.outputs.status, 'timeout');
  t.regex(silent.log, new RegExp(`when ${old.slice(0, 12)} was success`));
  const newer = await shop.commit(file('2'));
  await deployed(newer, 'success');
  const done = await run();
  t.is(done.code, 0, done.log);
  t.is(done.outputs.commit, newer);
  t.false(done.log.includes(value));
  const bad = await shop.commit(file('3'));
  await deployed(bad, 'failed');
  const failed = await step(
    t,
    { gitlab, project: shop, commit: bad, env: { CI_JOB_TOKEN: value } },
    { mode: 'wait', environment: 'production' },
  );
  t.is(failed.outputs.status, 'failed');
  t.regex(failed.log, /deployments do not say why\nhint: its commit status does/);
  const statuses = gitlab.requests.filter(({ path }) => path.includes('/statuses'));
  t.is(statuses.length, 0, 'nothing that a job token can not ask');
});

test('what a job token can not do is said before anything is asked', async (t) => {
  const { gitlab, shop } = await company(t);
  const commit = await shop.commit(file('1'));
  const { value } = shop.createJobToken();
  const before = gitlab.requests.length;
  const ended = await step(
    t,
    { gitlab, project: shop, commit, env: { CI_JOB_TOKEN: value } },
    { mode: 'wait', agent: 'production' },
  );
  t.is(ended.code, 2);
  t.regex(ended.log, /a job token can't read commit statuses\nhint: name the environment .* read_api/);
  t.is(gitlab.requests.length, before);
});

test('outages and limits are waited out, wrong tokens are not', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  await report(commit, 'success', 'done');
  const on = ({ kind }: { kind: string }) => kind === 'rest';
  const run = () =>
    step(t, { gitlab, project: shop, commit }, { mode: 'wait', agent: 'production', token, timeout: '10m' });
  for (const fault of [htmlError(), serverError(), rateLimited(30), 'cut', { cutAfter: 20 }] as const) {
    const set = gitlab.fault(fault, { on, times: 6 });
    const done = await run();
    t.is(done.code, 0, `${JSON.stringify(fault)}: ${done.log}`);
    t.is(set.hits, 6);
    set.clear();
  }
  const limited = gitlab.fault(rateLimited(30), { on });
  const started = Date.now();
  const ended = await step(
    t,
    { gitlab, project: shop, commit },
    { mode: 'wait', agent: 'production', token, timeout: '40s' },
  );
  t.is(ended.outputs.status, 'timeout');
  t.true(limited.hits < 12, `${limited.hits} requests though it says to wait 30 s`);
  t.true(Date.now() - started < 20_000);
  limited.clear();
  const wrong = await step(
    t,
    { gitlab, project: shop, commit },
    { mode: 'wait', agent: 'production', token: 'glpat-wrong-token-of-somebody' },
  );
  t.is(wrong.code, 1);
  t.regex(
    wrong.log,
    /error: what the agent production reports can't be read: GitLab answered 401.*\nhint: the token/,
  );
});
