import test from 'ava';
import { step } from '../support/action.ts';
import { CONFIG, company, config } from './world.ts';

const file = (value: string) => ({ 'k8s/web.yaml': `value: ${value}\n` });
const POINT = { mode: 'deploy', strategy: 'config', config_project: 'group/agents', agent: 'production' };

async function textOf(project: { directory: string }, path: string, branch = 'main'): Promise<string> {
  const { gitText } = await import('../support/gitlab/git-process.ts');
  return await gitText(['show', `${branch}:${path}`], { cwd: project.directory });
}

test('points the entry at the commit and waits; the layout stays, and the second time nothing is committed', async (t) => {
  const { gitlab, shop, agents, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  const other = await shop.commit(file('2'));
  const before = config(`      ref:\n        commit: ${other} # was it`);
  await agents.commit({ [CONFIG]: before });
  // The agent has been elsewhere since it said that.
  await report(commit, 'failed', 'an old story');
  await report(other, 'success', 'done');
  const running = step(t, { gitlab, project: shop, commit }, { ...POINT, token });
  const { waitFor } = await import('../support/cluster.ts');
  await waitFor(async () => (await textOf(agents, CONFIG)).includes(commit), {
    what: 'the pointing',
    timeout: 120_000,
  });
  await report(commit, 'pending', 'waits for its turn');
  await report(commit, 'success', '3 objects healthy');
  const done = await running;
  t.is(done.code, 0, done.log);
  t.is(await textOf(agents, CONFIG), before.replace(other, commit));
  const head = await agents.head();
  const again = await step(t, { gitlab, project: shop, commit }, { ...POINT, token });
  t.is(again.code, 0, again.log);
  t.is(await agents.head(), head);
  t.regex(again.log, /points there already/);
  const { gitText } = await import('../support/gitlab/git-process.ts');
  const message = await gitText(['log', '-1', '--format=%B', 'main'], { cwd: agents.directory });
  t.regex(
    message,
    /^Point production at [0-9a-f]{12}\n\ngroup\/shop@[0-9a-f]{40}\nAsked for by ada\nPipeline: http/,
  );
});

test('what the agent said of the commit stands, unless it has been elsewhere since', async (t) => {
  const { gitlab, shop, agents, token, report } = await company(t);
  const commit = await shop.commit(file('1'));
  const refTo = (sha: string) => ({ [CONFIG]: config(`      ref: {commit: ${sha}}`) });
  const run = (timeout: string) => step(t, { gitlab, project: shop, commit }, { ...POINT, token, timeout });
  // It follows the branch, and was there before the job: it says nothing new.
  await agents.commit({ [CONFIG]: config() });
  await report(commit, 'success', 'by the branch');
  const pinned = await run('5m');
  t.is(pinned.code, 0, pinned.log);
  t.regex(pinned.log, /by the branch/);

  // Pointed elsewhere and back before the agent looked.
  const other = await shop.commit(file('2'));
  await agents.commit(refTo(other));
  const unseen = await run('5m');
  t.is(unseen.code, 0, unseen.log);

  // A rollback, and a job that was cut off after it had pointed back again.
  await agents.commit(refTo(other));
  await report(other, 'success', 'done');
  await agents.commit(refTo(commit));
  const early = await run('30s');
  t.is(early.outputs.status, 'timeout', early.log);
  t.regex(early.log, /points there already/);
  await report(commit, 'pending', 'waits for its turn');
  await report(commit, 'success', 'the second time');
  const done = await run('5m');
  t.is(done.code, 0, done.log);
  t.regex(done.log, /the second time/);
});

test('a protected branch: which right is missing, or a merge request, once', async (t) => {
  const { gitlab, shop, agents } = await company(t);
  const commit = await shop.commit(file('1'));
  await agents.commit({ [CONFIG]: config() });
  const { value: token, user } = gitlab.createUser('bob').createToken({ scopes: ['api'] });
  for (const project of [shop, agents]) project.addMember(user.username, 'developer');
  const run = (inputs = {}) =>
    step(t, { gitlab, project: shop, commit }, { ...POINT, token, wait: 'false', ...inputs });
  const refused = await run();
  t.is(refused.code, 1);
  t.regex(
    refused.log,
    /was not changed: GitLab answered 403.*\nhint: the token must be allowed to push to the protected branch main/,
  );
  for (let round = 1; round <= 2; round += 1) {
    const proposed = await run({ merge_request: 'true' });
    t.is(proposed.code, 0, proposed.log);
    t.is(proposed.outputs.status, 'proposed');
    t.regex(proposed.outputs.merge_request_url!, /merge_requests\/1$/);
  }
  t.is(agents.mergeRequests.length, 1);
  t.true((await textOf(agents, CONFIG, agents.mergeRequests[0]!.sourceBranch)).includes(commit));
});

test('what is wrong with the configuration is said with its place', async (t) => {
  const { gitlab, shop, agents, token } = await company(t);
  const commit = await shop.commit(file('1'));
  await agents.commit({ 'README.md': 'x' });
  const run = (inputs = {}) =>
    step(t, { gitlab, project: shop, commit }, { ...POINT, token, wait: 'false', ...inputs });
  t.regex(
    (await run()).log,
    /branch main of group\/agents has no \.gitlab\/agents\/production\/config\.yaml/,
  );
  await agents.commit({ [CONFIG]: 'gitops:\n  manifest_project: []\n' });
  t.regex((await run()).log, /config\.yaml:2:3: unknown key "manifest_project"/);
  await agents.commit({ [CONFIG]: config() });
  t.regex((await run({ entry: 'shoop' })).log, /no entry is called shoop/);
  const other = await run({ manifest_project: 'group/other', commit, entry: 'shop' });
  t.regex(other.log, /the entry shop is of group\/shop, and the manifests are to be those of group\/other/);
  t.is(await textOf(agents, CONFIG), config(), 'the commit of one project is no ref of another');
  t.regex(
    (await run({ config_project: 'group/agent' })).log,
    /group\/agent can't be read: GitLab answered 404/,
  );
});

test('branch: moved by a push, fast-forward only unless forced', async (t) => {
  const { gitlab, shop, token } = await company(t);
  const first = await shop.commit(file('1'));
  const second = await shop.commit(file('2'));
  const third = await shop.commit(file('3'));
  const aside = await shop.commit(file('4'), { branch: 'aside', from: first });
  await shop.setBranch('production', first);
  const run = (commit: string, inputs = {}, options = {}) =>
    step(
      t,
      { gitlab, project: shop, commit, ...options },
      { mode: 'deploy', strategy: 'branch', branch: 'production', token, wait: 'false', ...inputs },
    );
  const moved = await run(second);
  t.is(moved.code, 0, moved.log);
  t.is(await shop.head('production'), second);
  t.is((await run(first)).code, 0, 'it is in there already');
  t.is(await shop.head('production'), second);
  const refused = await run(aside);
  t.is(refused.code, 1);
  t.regex(
    refused.log,
    /production is at [0-9a-f]{12}, which [0-9a-f]{12} does not contain: the branch was not moved/,
  );
  t.is((await run(aside, { force: 'true' })).code, 0);
  t.is(await shop.head('production'), aside);
  t.is((await run(first, { force: 'true' })).code, 0);
  t.is(await shop.head('production'), first, 'back');
  t.is((await run(third, { branch: 'new/one' })).code, 0);
  t.is(await shop.head('new/one'), third);
  shop.protect('production', { push: 'none' });
  const guarded = await run(third);
  t.is(guarded.code, 1);
  t.regex(guarded.log, /GitLab refuses the push: You are not allowed to push code to protected branches/);
});

test('branch with a job token: what it may and what it does not start is said', async (t) => {
  const { gitlab, shop } = await company(t);
  const first = await shop.commit(file('1'));
  const second = await shop.commit(file('2'));
  await shop.setBranch('production', first);
  const { value } = shop.createJobToken();
  const run = () =>
    step(
      t,
      { gitlab, project: shop, commit: second, env: { CI_JOB_TOKEN: value } },
      { mode: 'deploy', strategy: 'branch', branch: 'production', wait: 'false' },
    );
  const refused = await run();
  t.is(refused.code, 1);
  t.regex(
    refused.log,
    /GitLab refuses the push: You are not allowed to push code to this project.*\nhint: a job token/,
  );
  shop.jobTokenPush = true;
  const moved = await run();
  t.is(moved.code, 0, moved.log);
  t.regex(moved.log, /a push with a job token starts no pipeline/);
  t.is(await shop.head('production'), second);
});

test('images: set in manifests and kustomizations by one commit, then pointed at', async (t) => {
  const { gitlab, shop, agents, token } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  await shop.commit({
    'k8s/web.yaml':
      'spec:\n  containers:\n  - image: "registry.example.com/web:1" # ours\n  - image: other:1\n',
    'k8s/kustomization.yaml': 'images:\n- name: registry.example.com/web\n  newTag: "1"\n',
    'notes.yaml': 'x: {{ broken\n',
  });
  const app = await gitlab.createProject('group/app');
  const source = await app.commit({ 'main.c': '' });
  const inputs = {
    ...POINT,
    token,
    manifest_project: 'group/shop',
    images: 'registry.example.com/web:2',
    wait: 'false',
  };
  const done = await step(t, { gitlab, project: app, commit: source }, inputs);
  t.is(done.code, 0, done.log);
  const head = (await shop.head())!;
  t.is(done.outputs.commit, head);
  t.is(
    await textOf(shop, 'k8s/web.yaml'),
    'spec:\n  containers:\n  - image: "registry.example.com/web:2" # ours\n  - image: other:1\n',
  );
  t.is(
    await textOf(shop, 'k8s/kustomization.yaml'),
    'images:\n- name: registry.example.com/web\n  newTag: "2"\n',
  );
  t.true((await textOf(agents, CONFIG)).includes(head));
  const again = await step(t, { gitlab, project: app, commit: source }, inputs);
  t.is(again.code, 0, again.log);
  t.is(await shop.head(), head);
  const unknown = await step(t, { gitlab, project: app, commit: source }, { ...inputs, images: 'nothing:1' });
  t.is(unknown.code, 1);
  t.regex(unknown.log, /no manifest of group\/shop uses the image nothing/);
});
