import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type StepOptions, type StepResult, step, temporaryDirectory } from '../support/action.ts';
import type { MergeRequest } from '../support/gitlab/merge-requests.ts';
import type { Project } from '../support/gitlab/project.ts';
import { CONFIG, type Company, company, config } from './world.ts';

const configMap = (name: string, data: Record<string, string>) =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data })}\n`;
const secret = (value: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: shop}\nstringData: {password: ${value}}\n`;

/** Variables of a pipeline for a merge request. */
function forRequest(request: MergeRequest, base: string, pipeline = 1001): Record<string, string> {
  return {
    CI_PIPELINE_ID: String(pipeline),
    CI_MERGE_REQUEST_IID: String(request.iid),
    CI_MERGE_REQUEST_PROJECT_PATH: request.target.path,
    CI_MERGE_REQUEST_TARGET_BRANCH_NAME: request.targetBranch,
    CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
    CI_MERGE_REQUEST_EVENT_TYPE: 'detached',
  };
}

interface Case extends Company {
  base: string;
  commit: string;
  request: MergeRequest;
  run: (inputs?: Record<string, string>, options?: Partial<StepOptions>) => Promise<StepResult>;
}

async function opened(t: ExecutionContext, before: object, after: object): Promise<Case> {
  const world = await company(t);
  const { gitlab, shop, token } = world;
  const base = await shop.commit(before as Record<string, string>);
  const commit = await shop.commit(after as Record<string, string>, { branch: 'change', from: 'main' });
  const request = await shop.openMergeRequest({ sourceBranch: 'change' });
  return {
    ...world,
    base,
    commit,
    request,
    run: (inputs = {}, options = {}) =>
      step(
        t,
        { gitlab, project: shop, commit, env: forRequest(request, base), ...options },
        { mode: 'diff', token, ...inputs },
      ),
  };
}

const BEFORE = {
  'k8s/a.yaml': configMap('a', { x: '1' }),
  'k8s/b.yaml': configMap('b', { x: '1' }),
  'k8s/key.yaml': secret('canary-one'),
};
const AFTER = {
  'k8s/a.yaml': configMap('a', { x: '2' }),
  'k8s/b.yaml': null,
  'k8s/c.yaml': configMap('c', { x: '1' }),
  'k8s/key.yaml': secret('canary-two'),
};

test('a merge request gets its note, reports and outputs, and no secret', async (t) => {
  const { request, run, token } = await opened(t, BEFORE, AFTER);
  const done = await run({ paths: 'k8s' });
  t.is(done.code, 0, done.log);
  t.like(done.outputs, { has_changes: 'true', create: '1', update: '2', delete: '1', unknown: '0' });
  const [note, ...others] = request.notes.filter(({ system }) => !system);
  t.deepEqual(others, []);
  t.is(done.outputs.note_url, `${request.target.webUrl}/-/merge_requests/1#note_${note!.id}`);
  t.regex(
    note!.body,
    /^<!-- gitlab-agent diff="-\/-" part="1" pipeline="1001" -->\n### Kubernetes diff: 1 to delete, /,
  );
  t.true(note!.body.indexOf('**Deletes:**') < note!.body.indexOf('| Action |'));
  t.regex(note!.body, /\[Full report\]\(.*artifacts\/file\/gitlab-agent-report\/diff\.html\)/);
  const directory = join(done.directory, done.outputs.report_path!);
  const files = ['diff.md', 'diff.html', 'diff.json', 'codequality.json'].map((name) =>
    readFileSync(join(directory, name), 'utf8'),
  );
  t.is(JSON.parse(files[2]!).kind, 'DiffReport');
  t.like(JSON.parse(files[3]!), [
    {
      severity: 'major',
      check_name: 'gitlab-agent/delete',
      location: { path: 'k8s/b.yaml', lines: { begin: 1 } },
    },
  ]);
  for (const text of [done.log, note!.body, ...files]) {
    t.false(text.includes('canary'), 'no secret value');
    t.false(text.includes(Buffer.from('canary-two').toString('base64')));
    t.false(text.includes(token));
  }
});

test('the note is updated in place; a newer pipeline wins; nothing to change says so', async (t) => {
  const { request, run, shop, base, gitlab, token } = await opened(t, BEFORE, AFTER);
  await run();
  const comments = () => request.notes.filter(({ system }) => !system);
  const { id } = comments()[0]!;
  const same = gitlab.requests.length;
  await run();
  t.false(gitlab.requests.slice(same).some(({ kind, method }) => kind === 'rest' && method !== 'GET'));
  const back = await shop.commit({ ...BEFORE, 'k8s/c.yaml': null }, { branch: 'change' });
  const none = await step(
    t,
    { gitlab, project: shop, commit: back, env: forRequest(request, base, 1002) },
    { mode: 'diff', token },
  );
  t.is(none.outputs.has_changes, 'false');
  t.is(comments().length, 1);
  t.is(comments()[0]!.id, id);
  t.regex(comments()[0]!.body, /pipeline="1002" -->\n### Kubernetes diff: nothing to change, 3 unchanged/);
  const old = await run();
  t.is(old.code, 0);
  t.regex(old.log, /a newer pipeline has written its note already/);
  t.regex(comments()[0]!.body, /pipeline="1002"/);
});

test('notes of others, deleted and edited ones, and one for each agent and entry', async (t) => {
  const { request, run, gitlab, shop } = await opened(t, BEFORE, AFTER);
  const comments = () => request.notes.filter(({ system }) => !system);
  await run();
  const [own] = comments();
  const copy = { ...own!, id: 9_000, author: gitlab.createUser('eve') };
  request.notes.push(copy);
  own!.body = `${own!.body.split('\n')[0]}\nedited by a maintainer`;
  await run();
  t.regex(own!.body, /### Kubernetes diff/);
  t.is(copy.body, comments().find(({ id }) => id === 9_000)!.body, 'somebody else wrote it');
  request.notes.splice(request.notes.indexOf(own!), 1);
  await run();
  t.is(comments().length, 2);
  await run({ agent: 'production', entry: 'shop' });
  await run({ agent: 'staging', entry: 'shop' });
  t.is(comments().length, 4);
  t.regex(comments().at(-1)!.body, /Kubernetes diff for `staging\/shop`/);
  t.is(shop.mergeRequests.length, 1);
});

test('two pipelines at once leave one right note', async (t) => {
  const { request, base, gitlab, shop, token, commit } = await opened(t, BEFORE, AFTER);
  const newer = await shop.commit({ 'k8s/d.yaml': configMap('d', {}) }, { branch: 'change' });
  const run = (sha: string, pipeline: number) =>
    step(
      t,
      { gitlab, project: shop, commit: sha, env: forRequest(request, base, pipeline) },
      { mode: 'diff', token },
    );
  for (let round = 1; round <= 3; round += 1) {
    const results = await Promise.all([run(commit, round * 2), run(newer, round * 2 + 1)]);
    t.deepEqual(
      results.map(({ code }) => code),
      [0, 0],
    );
    const comments = request.notes.filter(({ system }) => !system);
    t.is(comments.length, 1);
    t.regex(comments[0]!.body, new RegExp(`pipeline="${round * 2 + 1}"`));
    t.regex(comments[0]!.body, /2 to create/);
  }
});

test('on a merge request of a fork, and with a token that may not write', async (t) => {
  const { gitlab, shop, token } = await company(t);
  const base = await shop.commit(BEFORE);
  const fork: Project = await shop.fork('eve/shop');
  const commit = await fork.commit(AFTER, { branch: 'change', from: base });
  const request = await shop.openMergeRequest({ source: fork, sourceBranch: 'change' });
  const env = forRequest(request, base);
  const run = (inputs: Record<string, string>, more = {}) =>
    step(t, { gitlab, project: fork, commit, env: { ...env, ...more } }, { mode: 'diff', ...inputs });
  const done = await run({ token });
  t.is(done.code, 0, done.log);
  t.is(request.notes.filter(({ system }) => !system).length, 1);
  t.true(done.outputs.note_url!.startsWith(`${shop.webUrl}/-/merge_requests/`));
  const { value } = fork.createJobToken();
  const job = await run({}, { CI_JOB_TOKEN: value });
  t.is(job.code, 0, job.log);
  t.regex(
    job.log,
    /^warning: no note is written on the merge request: a job token can't do that; give a project/,
  );
  const insisting = await run({ comment: 'true' }, { CI_JOB_TOKEN: value });
  t.is(insisting.code, 2);
  t.regex(insisting.log, /error: a job token can't write notes on merge requests/);
  const reading = gitlab.root.createToken({ scopes: ['read_api', 'read_repository'] }).value;
  const refused = await run({ token: reading, agent: 'other' });
  t.is(refused.code, 1);
  t.regex(
    refused.log,
    /error: the note was not written: GitLab answered 403.*\nhint: notes need a token with the scope api/,
  );
  t.is(refused.outputs.create, '1', 'the rest is done all the same');
  t.true(existsSync(join(refused.directory, 'gitlab-agent-report', 'diff.html')));
});

test('against what the agent has applied: the newest deployment, else the newest good commit', async (t) => {
  const { gitlab, shop, agents, token, report, deployed } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  const first = await shop.commit(BEFORE);
  const second = await shop.commit(AFTER);
  const third = await shop.commit({ 'k8s/d.yaml': configMap('d', {}) });
  const run = (inputs = {}) =>
    step(
      t,
      { gitlab, project: shop, commit: third },
      { mode: 'diff', token, agent: 'production', config_project: 'group/agents', ...inputs },
    );
  const nothing = await run();
  t.is(nothing.code, 1);
  t.regex(nothing.log, /there is no applied revision to compare with: production has applied none/);
  await report(first, 'success', 'done');
  await report(second, 'failed', 'bad');
  t.like((await run()).outputs, { create: '2', delete: '1', update: '2' });
  await deployed(second, 'success');
  t.like((await run({ environment: 'production' })).outputs, { create: '1', delete: '0', update: '0' });
  const { value } = shop.createJobToken();
  const job = await step(
    t,
    { gitlab, project: shop, commit: third, env: { CI_JOB_TOKEN: value } },
    { mode: 'diff', environment: 'production' },
  );
  t.is(job.code, 0, job.log);
  t.is(job.outputs.create, '1');
});

test('what was applied is looked for in the manifest project, on its own branch or on the one that the agent follows', async (t) => {
  const { gitlab, shop, agents, token, report } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  const app = await gitlab.createProject('group/app', { defaultBranch: 'trunk' });
  const source = await app.commit({ 'main.c': '' });
  const first = await shop.commit(BEFORE);
  const second = await shop.commit(AFTER);
  const run = (inputs = {}) =>
    step(
      t,
      { gitlab, project: app, commit: source },
      {
        mode: 'diff',
        token,
        agent: 'production',
        config_project: 'group/agents',
        manifest_project: 'group/shop',
        commit: second,
        ...inputs,
      },
    );
  await report(first, 'success', 'done');
  const done = await run();
  t.is(done.code, 0, done.log);
  t.like(done.outputs, { create: '1', delete: '1', update: '2' });

  await shop.setBranch('live', second);
  const third = await shop.commit({ 'k8s/d.yaml': configMap('d', {}) }, { branch: 'live' });
  await report(third, 'success', 'done');
  await agents.commit({ [CONFIG]: config('      ref: {branch: live}') });
  t.like((await run()).outputs, { create: '0', delete: '1', update: '0' });
});

test('the repository that is checked out is read where it has both commits', async (t) => {
  const { run, shop, gitlab, commit } = await opened(t, BEFORE, AFTER);
  const directory = temporaryDirectory(t);
  execFileSync('git', ['clone', '--quiet', shop.directory, directory]);
  execFileSync('git', ['checkout', '--quiet', commit], { cwd: directory });
  const before = gitlab.requests.length;
  const done = await run({ comment: 'false' }, { directory });
  t.is(done.code, 0, done.log);
  t.is(done.outputs.create, '1');
  t.deepEqual(
    gitlab.requests.slice(before).filter(({ kind }) => kind === 'git'),
    [],
  );
});

test('fail_on, and manifests that are wrong', async (t) => {
  const { run, shop, request, base, gitlab, token } = await opened(t, BEFORE, AFTER);
  t.is((await run({ fail_on: 'replace,unknown' })).code, 0);
  const failing = await run({ fail_on: 'delete\nreplace' });
  t.is(failing.code, 1);
  t.regex(failing.log, /error: there are objects that fail_on names \(delete\): 1 to delete, /);
  t.truthy(failing.outputs.note_url);
  t.is((await run({ fail_on: 'any' })).code, 1);
  t.regex(
    (await run({ paths: 'k9s' })).log,
    /error: k9s: there is no such path in any of the compared revisions/,
  );
  t.regex(
    (await run({ paths: 'k8s', kustomize: 'true' })).log,
    /error: k8s: there is no such kustomization in any of the compared revisions/,
  );
  const broken = await shop.commit({ 'k8s/bad.yaml': 'kind: [\n' }, { branch: 'change' });
  const wrong = await step(
    t,
    { gitlab, project: shop, commit: broken, env: forRequest(request, base) },
    { mode: 'diff', token },
  );
  t.is(wrong.code, 1);
  t.regex(wrong.log, /error: k8s\/bad\.yaml:\d+:\d+: /);
});
