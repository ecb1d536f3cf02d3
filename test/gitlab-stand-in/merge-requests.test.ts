import test from 'ava';
import { waitFor } from '../support/control-plane/wait.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { type ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract, schemaProblems } from './contract.ts';
import { gitClient, withCredentials } from './git-client.ts';

const contract = new Contract('merge_requests', 'notes');
let gitlab: GitLab;
let project: Project;
let developer: ApiClient;
let maintainer: ApiClient;
let base: string;

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('group/app');
  base = `/projects/${project.id}/merge_requests`;
  await project.commit({ 'a.yaml': 'a: 1\n' });
  developer = withToken(gitlab, project.createToken({ role: 'developer' }));
  maintainer = withToken(gitlab, project.createToken({ role: 'maintainer' }));
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

async function branch(name: string, files: Record<string, string> = { [name]: name }): Promise<void> {
  await project.commit(files, { branch: name, from: 'main' });
}

const open = (name: string, as = developer): Promise<Reply> =>
  as.post(base, { source_branch: name, target_branch: 'main', title: `Add ${name}` });

test('opened, found, merged', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `merge_requests/${name}`, reply);
  await branch('test1');
  const made = await open('test1');
  t.is(made.status, 201, made.text);
  t.deepEqual(schemaProblems('public_api/v4/merge_request.json', made.body), []);
  t.like(made.body, {
    state: 'opened',
    sha: await project.head('test1'),
    changes_count: '1',
    detailed_merge_status: 'mergeable',
  });
  t.is((await open('test1')).status, 409);
  check('list-by-source-branch', await developer.get(`${base}?source_branch=test1&state=opened`));
  check('list-none', await developer.get(`${base}?source_branch=nope&state=opened`));
  const one = `${base}/${made.body.iid}`;
  t.is((await developer.put(`${one}/merge`)).status, 401);
  t.is((await maintainer.put(`${one}/merge`, { sha: '0'.repeat(40) })).status, 409);
  const merged = await maintainer.put(`${one}/merge`, { should_remove_source_branch: true });
  t.is(merged.status, 200, merged.text);
  t.is(merged.body.state, 'merged');
  const commit = `/projects/${project.id}/repository/commits/${merged.body.merge_commit_sha}`;
  const branches = (await developer.get(`${commit}/refs?type=branch`)).body;
  t.true(branches.some(({ name }: { name: string }) => name === 'main'));
  t.is(await project.head('test1'), undefined);
  t.is((await maintainer.put(`${one}/merge`)).status, 405);
  check('list-merged', await developer.get(`${base}?state=all&source_branch=test1`));
  t.is((await developer.get(`${base}/999`)).body.message, '404 MergeRequest Not Found');
});

test('what cannot be opened', async (t) => {
  await branch('fine');
  const ask = (source: string, target: string): Promise<Reply> =>
    developer.post(base, { source_branch: source, target_branch: target, title: 'x' });
  t.is((await ask('main', 'main')).status, 422);
  t.is((await ask('nope', 'main')).body.message, '400 Bad request - ["Source branch does not exist"]');
  t.is((await ask('fine', 'nope')).body.message, '400 Bad request - ["Target branch does not exist"]');
  const reporter = withToken(gitlab, project.createToken({ role: 'reporter' }));
  t.is((await open('fine', reporter)).status, 403);
  const draft = await developer.post(base, {
    source_branch: 'fine',
    target_branch: 'main',
    title: 'Draft: x',
  });
  t.like(draft.body, { draft: true, detailed_merge_status: 'draft_status' });
  const iids = (await developer.get(`${base}?iids[]=${draft.body.iid}&state=opened&sort=asc`)).body;
  t.like(iids, [{ iid: draft.body.iid }]);
});

test('a push moves the head, and leaves a system note', async (t) => {
  await branch('moving');
  const { body } = await open('moving');
  const sha = await project.commit({ more: 'more' }, { branch: 'moving' });
  const git = await gitClient(t);
  const url = withCredentials(project.url, 'x', gitlab.root.createToken().value);
  const ref = `refs/merge-requests/${body.iid}/head`;
  const shown = (): Promise<string> => git.ok('ls-remote', url, ref);
  await waitFor(async () => (await shown()) === `${sha}\t${ref}`, { what: 'the head to follow' });
  t.is((await developer.get(`${base}/${body.iid}`)).body.sha, sha);
  const notes = (await developer.get(`${base}/${body.iid}/notes`)).body;
  t.like(notes, [{ system: true }]);
  t.deepEqual((await developer.get(`${base}/${body.iid}/notes?activity_filter=only_comments`)).body, []);
});

test('many pushes at once, then the branch goes: the last head stays', async (t) => {
  const fork = await project.fork('cem/app');
  await fork.commit({ x: '0' }, { branch: 'busy', from: 'main' });
  const request = await project.openMergeRequest({ source: fork, sourceBranch: 'busy' });
  const shas = await Promise.all([1, 2, 3, 4, 5].map((n) => fork.commit({ x: `${n}` }, { branch: 'busy' })));
  const last = (await fork.head('busy'))!;
  t.true(shas.includes(last));
  const head = `refs/merge-requests/${request.iid}/head`;
  const isLast = async (): Promise<boolean> => request.sha === last && (await project.resolve(head)) === last;
  await waitFor(isLast, { what: 'the last head' });
  await fork.setBranch('busy', undefined);
  t.true(await isLast());
});

test('conflicts cannot be merged', async (t) => {
  await branch('conflict', { 'a.yaml': 'a: 2\n' });
  const { body } = await open('conflict');
  await project.commit({ 'a.yaml': 'a: 3\n' });
  t.is((await maintainer.put(`${base}/${body.iid}/merge`)).status, 422);
  t.is((await developer.get(`${base}/${body.iid}`)).body.detailed_merge_status, 'conflict');
});

test('from a fork; several forks share a branch name', async (t) => {
  const forks = [await project.fork('ann/app'), await project.fork('bob/app')];
  for (const fork of forks) {
    await fork.commit({ [fork.path]: 'x' }, { branch: 'patch', from: 'main' });
    await project.openMergeRequest({ source: fork, sourceBranch: 'patch' });
  }
  const all = (await developer.get(`${base}?source_branch=patch`)).body;
  t.is(all.length, 2);
  const mine = (await developer.get(`${base}?source_branch=patch&source_project_id=${forks[0]!.id}`)).body;
  t.like(mine, [
    { source_project_id: forks[0]!.id, target_project_id: project.id, sha: await forks[0]!.head('patch') },
  ]);
  t.is((await maintainer.put(`${base}/${mine[0].iid}/merge`)).status, 200);
});

test('notes', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `notes/${name}`, reply);
  await branch('noted');
  const { iid } = (await open('noted')).body;
  const notes = `${base}/${iid}/notes`;
  const made = await developer.post(notes, { body: 'note' });
  check('create-201', made);
  const one = `${notes}/${made.body.id}`;
  check('get', await developer.get(one));
  check('list', await developer.get(`${notes}?sort=asc&order_by=created_at`));
  check('update-200', await developer.put(one, { body: 'other' }));
  check('400-blank', await developer.post(notes, { body: '' }));
  check('404-mr', await developer.post(`${base}/999/notes`, { body: 'x' }));
  check('404-note', await developer.put(`${notes}/999`, { body: 'x' }));
  t.is((await developer.post(notes, { body: 'x'.repeat(1_000_001) })).status, 400);
  t.is((await developer.post(notes, { body: 'x'.repeat(1_000_000) })).status, 201);

  const other = withToken(gitlab, project.createToken({ role: 'developer' }));
  t.is((await other.put(one, { body: 'theirs' })).status, 403);
  t.is((await maintainer.put(one, { body: 'moderated' })).status, 200);
  const job = asJob(gitlab, project.createJobToken());
  t.is((await job.get(notes)).status, 200);
  t.is((await job.post(notes, { body: 'x' })).status, 401);
  t.is((await developer.delete(one)).status, 204);
  t.is((await developer.get(one)).body.message, '404 Not found');
});

test('quick actions are carried out and leave the text, but not out of code', async (t) => {
  await branch('quick');
  const { iid } = (await open('quick')).body;
  const notes = `${base}/${iid}/notes`;
  const request = project.mergeRequests.find((one) => one.iid === iid)!;
  contract.check(
    t,
    'notes/create-202-quick-action-only',
    await developer.post(notes, { body: '/label ~bug' }),
  );
  const fenced = '````\n/close\n```\n/close\n````\n    /close\n`/close`\n<!--\n/close\n-->';
  t.is((await developer.post(notes, { body: fenced })).body.body, fenced);
  t.is(request.state, 'opened');
  const mixed = await developer.post(notes, { body: 'text\n/close\nmore' });
  t.is(mixed.body.body, 'text\nmore');
  t.is(request.state, 'closed');
  t.deepEqual(request.quickActions, ['/label ~bug', '/close']);
});

test('a page of notes may be short while there is a next one', async (t) => {
  const open = await gitlab.createProject('group/open', { visibility: 'public' });
  await open.commit({ a: 'a' });
  await open.commit({ b: 'b' }, { branch: 'b', from: 'main' });
  const request = await open.openMergeRequest({ sourceBranch: 'b' });
  const notes = `/projects/${open.id}/merge_requests/${request.iid}/notes`;
  const member = withToken(gitlab, open.createToken({ role: 'developer' }));
  for (const internal of [false, true, false]) await member.post(notes, { body: 'x', internal });
  const passer = withToken(gitlab, gitlab.createUser('passer').createToken());
  const page = await passer.get(`${notes}?per_page=2&sort=asc`);
  t.is(page.body.length, 1);
  t.is(page.headers.get('x-next-page'), '2');
  t.is((await member.get(`${notes}?per_page=2&sort=asc`)).body.length, 2);
});

test.after('every exchange was played', (t) => {
  t.deepEqual(contract.left, []);
});
