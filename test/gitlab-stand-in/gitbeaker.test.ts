/** The client that this project uses, and others beside it, against the stand-in: encodings, pages, errors. */
import {
  Agents,
  Branches,
  Commits,
  Deployments,
  DeployTokens,
  Environments,
  MergeRequestNotes,
  MergeRequests,
  Metadata,
  PersonalAccessTokens,
  Projects,
  Repositories,
  RepositoryFiles,
} from '@gitbeaker/rest';
import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';

let gitlab: GitLab;
let project: Project;
let sha: string;
let options: { host: string; token: string };

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('group/sub/app');
  sha = await project.commit({ 'dir/a b.yaml': 'a: 1\n' });
  options = { host: gitlab.url, token: project.createToken({ role: 'maintainer' }).value };
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

test('projects by path, files with blanks and slashes, a renamed project followed', async (t) => {
  const there = await gitlab.createProject('group/before');
  await there.commit({ 'dir/a b.yaml': 'a: 1\n' });
  const { value: token } = gitlab.root.createToken();
  const projects = new Projects({ host: gitlab.url, token });
  t.is((await projects.show('group/before')).id, there.id);
  there.rename('group/after');
  // Node's fetch follows the 301 and keeps the token, since the origin is the same.
  t.is((await projects.show('group/before')).path_with_namespace, 'group/after');
  const files = new RepositoryFiles({ host: gitlab.url, token });
  t.is((await files.show('group/after', 'dir/a b.yaml', 'main')).file_name, 'a b.yaml');
  t.is(await files.showRaw('group/after', 'dir/a b.yaml', 'main'), 'a: 1\n');
});

test('all pages, also of lists that nobody counts', async (t) => {
  const there = await gitlab.createProject('group/long');
  for (let index = 0; index < 45; index += 1) await there.commit({ [`f${index}`]: `${index}` });
  const own = { host: gitlab.url, token: gitlab.root.createToken().value };
  t.is((await new Commits(own).all(there.id)).length, 45);
  t.is((await new Repositories(own).allRepositoryTrees(there.id)).length, 45);
  t.is(
    (await new Repositories(own).allRepositoryTrees(there.id, { pagination: 'keyset', perPage: 10 })).length,
    45,
  );
});

test('a commit, its race, its statuses', async (t) => {
  const commits = new Commits(options);
  const change = (lastCommitId: string) =>
    commits.create(project.id, 'work', 'Change', [
      { action: 'update', filePath: 'dir/a b.yaml', content: 'a: 2\n', lastCommitId },
    ]);
  await new Branches(options).create(project.id, 'work', 'main');
  const made = await change(sha);
  t.is(made.parent_ids![0], sha);
  const error = await t.throwsAsync(change(sha));
  t.regex(
    String((error!.cause as { description: unknown }).description),
    /has changed since you started editing/,
  );

  const path = 'group/sub/app';
  await commits.editStatus(path, made.id, 'running', { name: 'gitlab-agent/demo', description: 'syncing' });
  await commits.editStatus(path, made.id, 'success', { name: 'gitlab-agent/demo', description: 'healthy' });
  const [status] = await commits.allStatuses(path, made.id, { name: 'gitlab-agent/demo' });
  t.like(status, { status: 'success', description: 'healthy', name: 'gitlab-agent/demo' });
  const shown = await commits.show(path, made.id);
  t.like(shown, { status: 'success', last_pipeline: { sha: made.id, ref: 'work', status: 'success' } });
});

test('agents, deploy tokens, deployments', async (t) => {
  const agents = new Agents(options);
  const agent = await agents.register(project.id, 'demo');
  // `createToken` of version 43 sends a GET: tokens are made by other means.
  t.deepEqual(
    (await agents.all(project.id)).map(({ id }) => id),
    [agent.id],
  );
  const deploy = await new DeployTokens(options).create('agent', ['read_repository'], {
    projectId: project.id,
  });
  t.regex(deploy.username, /^gitlab\+deploy-token-/);
  const deployments = new Deployments(options);
  await deployments.create(project.id, 'production', sha, 'main', false, { status: 'success' });
  const [last] = await deployments.all(project.id, {
    environment: 'production',
    orderBy: 'id',
    sort: 'desc',
  });
  t.is(last!.sha, sha);
  t.is((await new Environments(options).all(project.id, { name: 'production' })).length, 1);
  t.truthy((await new Metadata(options).show()).version);
  t.is((await new PersonalAccessTokens(options).show()).scopes![0], 'api');
});

test('a merge request with a note', async (t) => {
  const there = await gitlab.createProject('group/merging');
  await there.commit({ a: 'a' });
  await there.commit({ b: 'b' }, { branch: 'b', from: 'main' });
  const own = { host: gitlab.url, token: there.createToken({ role: 'maintainer' }).value };
  const requests = new MergeRequests(own);
  const { iid } = await requests.create(there.path, 'b', 'main', 'Add b', { removeSourceBranch: true });
  const notes = new MergeRequestNotes(own);
  const { id } = await notes.create(there.path, iid, '<!-- marker -->\nDiff');
  await notes.edit(there.path, iid, id, { body: '<!-- marker -->\nOther' });
  t.like(await notes.all(there.path, iid), [{ id, body: '<!-- marker -->\nOther' }]);
  const base = await new Repositories(own).mergeBase(there.path, ['main', 'b']);
  t.is(base.id, (await there.head())!);
  t.is((await requests.edit(there.path, iid, { stateEvent: 'close' })).state, 'closed');
  t.is((await requests.edit(there.path, iid, { stateEvent: 'reopen', title: 'Other' })).title, 'Other');
  t.is((await requests.accept(there.path, iid)).state, 'merged');
  t.is(await there.head('b'), undefined);
});
