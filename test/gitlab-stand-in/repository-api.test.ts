import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { type ApiClient, type Reply, withToken } from './api-client.ts';
import { Contract } from './contract.ts';
import { gitClient, withCredentials } from './git-client.ts';

const contract = new Contract('branches', 'commits', 'compare', 'files', 'tags', 'tree');
let gitlab: GitLab;
let project: Project;
let root: ApiClient;
let developer: ApiClient;
let base: string;
let first: string;

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('group/app');
  base = `/projects/${project.id}/repository`;
  first = await project.commit({
    'a.yaml': 'a: 1\n',
    'foo/bar': 'old\n',
    'foo/bar2': '2\n',
    'foo/bar4': '4\n',
  });
  await project.commit({
    'foo/bar5': '5\n',
    'files/html/x': 'x',
    'files/images/y': 'y',
    'files/white space': 'z',
  });
  root = withToken(gitlab, gitlab.root.createToken());
  developer = withToken(gitlab, project.createToken({ role: 'developer' }));
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

test.serial('branches', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `branches/${name}`, reply);
  check('create-201', await developer.post(`${base}/branches?branch=newbranch&ref=main`));
  check('get', await developer.get(`${base}/branches/main`));
  check('get-404', await developer.get(`${base}/branches/no%2Fsuch`));
  check('list', await developer.get(`${base}/branches`));
  const main = (await developer.get(`${base}/branches/main`)).body;
  t.like(main, { protected: true, default: true, can_push: false, merged: false });
  t.like((await root.get(`${base}/branches/main`)).body, { can_push: true });
  t.like((await developer.get(`${base}/branches/newbranch`)).body, { merged: true, can_push: true });
  t.is(
    (await developer.post(`${base}/branches?branch=newbranch&ref=main`)).body.message,
    'Branch already exists',
  );
  t.is(
    (await developer.post(`${base}/branches?branch=x&ref=nope`)).body.message,
    'Invalid reference name: nope',
  );
  t.is((await developer.send('HEAD', `${base}/branches/main`)).status, 204);
  t.is((await developer.send('HEAD', `${base}/branches/nope`)).status, 404);
  t.is((await developer.get(`${base}/branches?search=^new`)).body.length, 1);
  t.is((await developer.get(`${base}/branches?search=branch$`)).body.length, 1);
  t.is((await developer.delete(`${base}/branches/newbranch`)).status, 204);
  t.is((await developer.delete(`${base}/branches/main`)).status, 403);
});

test.serial('tags', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `tags/${name}`, reply);
  await project.createTag('v5.0.0', 'main');
  const target = await project.createTag('v5.1.0', 'main', 'A release');
  check('get-404', await developer.get(`${base}/tags/nope`));
  check('get-lightweight', await developer.get(`${base}/tags/v5.0.0`));
  check('list', await developer.get(`${base}/tags?order_by=name`));
  const annotated = (await developer.get(`${base}/tags/v5.1.0`)).body;
  t.like(annotated, { target, message: 'A release' });
  t.not(annotated.commit.id, target);
  t.is((await developer.get(`${base}/tags/v5.0.0`)).body.message, null);
});

test.serial('commits: list, get, refs', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `commits/${name}`, reply);
  await project.commit({ 'app.yml': '1' }, { message: 'One\n\nwith a body' });
  await project.commit({ 'app.yml': '2' });
  const page = await developer.get(`${base}/commits?ref_name=main&path=app.yml&per_page=1`);
  check('list', page);
  t.is(page.headers.get('x-total'), null);
  t.is(page.headers.get('x-next-page'), '2');
  t.false(page.headers.get('link')!.includes('rel="last"'));
  // The last page is full too, and promises one more that is empty.
  t.is(
    (await developer.get(`${base}/commits?path=app.yml&per_page=1&page=2`)).headers.get('x-next-page'),
    '3',
  );
  t.deepEqual((await developer.get(`${base}/commits?path=app.yml&per_page=1&page=3`)).body, []);
  check('list-empty-page', await developer.get(`${base}/commits?per_page=1&page=99`));
  check('list-400-ref', await developer.get(`${base}/commits?ref_name=--all`));
  t.deepEqual((await developer.get(`${base}/commits?ref_name=nope`)).body, []);
  t.deepEqual((await developer.get(`${base}/commits?path=nope`)).body, []);
  const empty = await gitlab.createProject('group/empty');
  check('list-404-no-repository', await root.get(`/projects/${empty.id}/repository/commits`));
  check('get', await developer.get(`${base}/commits/main`));
  check('get-404', await developer.get(`${base}/commits/${'0'.repeat(40)}`));
  t.is((await developer.get(`${base}/commits/${first.slice(0, 10)}`)).body.id, first);
  t.like((await developer.get(`${base}/commits/main~1`)).body, {
    title: 'One',
    message: 'One\n\nwith a body',
  });
  await project.setBranch('wip', first);
  check('refs', await developer.get(`${base}/commits/${first}/refs?type=all`));
  t.deepEqual((await developer.get(`${base}/commits/${first}/refs?type=branch`)).body, [
    { type: 'branch', name: 'main' },
    { type: 'branch', name: 'wip' },
  ]);
  await project.commit({ mr: '1' }, { branch: 'mr', from: 'main' });
  await project.openMergeRequest({ sourceBranch: 'mr' });
  const head = await project.head('mr');
  check('merge-requests', await developer.get(`${base}/commits/${head}/merge_requests?state=opened`));
});

test.serial('commits: the filters of the list', async (t) => {
  const there = await gitlab.createProject('group/filters');
  const ann = gitlab.createUser('ann', { name: 'Ann Example' });
  const one = await there.commit({ a: '1' }, { message: 'one' });
  await there.commit({ b: '1' }, { message: 'side', branch: 'side', from: 'main', user: ann });
  await there.commit({ a: '2' }, { message: 'two' });
  const { iid } = await there.openMergeRequest({ sourceBranch: 'side' });
  await root.put(`/projects/${there.id}/merge_requests/${iid}/merge`);
  const titles = async (query: string): Promise<string[]> =>
    (await root.get(`/projects/${there.id}/repository/commits?${query}`)).body.map(
      ({ title }: { title: string }) => title,
    );
  const merge = "Merge branch 'side' into 'main'";
  t.deepEqual((await titles('')).toSorted(), [merge, 'one', 'side', 'two']);
  t.deepEqual(await titles('first_parent=true'), [merge, 'two', 'one']);
  t.deepEqual(await titles('author=Ann'), ['side']);
  t.deepEqual((await titles(`ref_name=${one}..main`)).toSorted(), [merge, 'side', 'two']);
  t.deepEqual(await titles(`ref_name=${one}...nope`), []);
  t.deepEqual(await titles('since=2090-01-01T00:00:00Z'), []);
  await there.setBranch('side', undefined);
  await there.commit({ c: '1' }, { branch: 'alone', message: 'alone' });
  t.true((await titles('all=true')).includes('alone'));
  t.false((await titles('')).includes('alone'));
});

test.serial('a commit of many actions', async (t) => {
  const check = (name: string, reply: Reply, same = {}): void =>
    contract.check(t, `commits/${name}`, reply, same);
  const branch = 'feature';
  await project.setBranch(branch, await project.head());
  const commit = (body: object, as = developer): Promise<Reply> =>
    as.post(`${base}/commits`, { branch, commit_message: 'm', ...body });
  const update = (more = {}): object => ({
    actions: [{ action: 'update', file_path: 'foo/bar5', content: 'x', ...more }],
  });
  const all = await commit({
    commit_message: 'some commit message',
    author_name: 'Ann',
    author_email: 'ann@example.com',
    actions: [
      { action: 'create', file_path: 'foo/new', content: 'some content\n' },
      { action: 'delete', file_path: 'foo/bar2' },
      { action: 'move', file_path: 'foo/bar3', previous_path: 'foo/bar4' },
      {
        action: 'update',
        file_path: 'foo/bar5',
        content: Buffer.from('new').toString('base64'),
        encoding: 'base64',
      },
      { action: 'chmod', file_path: 'foo/bar5', execute_filemode: true },
    ],
  });
  check('create-201', all);
  t.like(all.body, { author_name: 'Ann', committer_name: 'token', title: 'some commit message' });
  const git = await gitClient(t);
  await git.ok(
    'clone',
    '--quiet',
    '--branch',
    branch,
    withCredentials(project.url, 'x', gitlab.root.createToken().value),
    '.',
  );
  t.is(await git.ok('ls-tree', '-r', '--name-only', 'HEAD', 'foo/'), 'foo/bar\nfoo/bar3\nfoo/bar5\nfoo/new');
  t.is(await git.ok('show', 'HEAD:foo/bar3'), '4');
  t.regex(await git.ok('ls-tree', 'HEAD', 'foo/bar5'), /^100755/);
  t.is(await git.ok('show', 'HEAD:foo/bar5'), 'new');

  check('create-400-bad-action', await commit({ actions: [{ action: 'frobnicate', file_path: 'a' }] }));
  check('create-400-branch-exists', await commit({ ...update(), start_branch: 'main' }));
  check('create-400-branch-missing', await commit({ ...update(), branch: 'nope' }));
  check(
    'create-400-file-exists',
    await commit({ actions: [{ action: 'create', file_path: 'foo/bar', content: 'x' }] }),
  );
  check('create-400-file-missing', await commit({ actions: [{ action: 'delete', file_path: 'nope' }] }));
  check('create-400-last-commit-id', await commit(update({ last_commit_id: first })));
  const ones = '1'.repeat(40);
  check(
    'create-400-start-both',
    await commit({ ...update(), branch: 'f', start_branch: 'main', start_sha: ones }),
  );
  check('create-400-start-sha', await commit({ ...update(), branch: 'g', start_sha: ones }));
  check('create-403-protected', await commit({ ...update(), branch: 'main' }));
  await gitlab.createProject('group/project', { visibility: 'public' });
  check(
    'create-403-fork-network',
    await commit({ ...update(), branch: 'main', start_project: 'group/project' }, root),
    {
      'Group / Project': 'group / project',
    },
  );
  const last = all.body.id;
  t.is((await commit(update({ last_commit_id: last }))).status, 201);
  t.is((await commit({ ...update(), branch: 'fresh', start_branch: 'main' })).status, 201);
  t.is((await commit({ ...update(), branch: 'fresh', start_branch: 'main', force: true })).status, 201);
  const form = await developer.send(
    'POST',
    `${base}/commits`,
    'branch=feature&commit_message=m&actions[][action]=create&actions[][file_path]=form&actions[][content]=1&actions[][action]=delete&actions[][file_path]=foo/new',
    { 'content-type': 'application/x-www-form-urlencoded' },
  );
  t.is(form.status, 201, form.text);
  for (const file_path of ['../x', 'foo', '.git/config', 'a//b'])
    t.is((await commit({ actions: [{ action: 'create', file_path, content: '' }] })).status, 400, file_path);
  t.is(
    (await commit({ actions: [{ action: 'move', file_path: 'x' }] })).body.error,
    'actions[0][previous_path] is missing',
  );
  project.pushRule = 'Commit message does not follow the pattern';
  t.is((await commit(update())).body.message, 'Commit message does not follow the pattern');
  project.pushRule = undefined;
});

test.serial('fifty commits at once: each is in the history or was refused, none is lost', async (t) => {
  await project.commit({ list: '' }, { branch: 'race', from: 'main' });
  const files = Array.from({ length: 50 }, (_, index) => `race/${index}`);
  const replies = await Promise.all(
    files.map((file_path) =>
      developer.post(`${base}/commits`, {
        branch: 'race',
        commit_message: file_path,
        actions: [{ action: 'create', file_path, content: 'x' }],
      }),
    ),
  );
  const refused = replies.filter(({ status }) => status !== 201);
  t.true(refused.length > 0, 'nobody lost the race');
  for (const reply of refused)
    contract.check(t, 'commits/create-400-ref-moved', reply, { 'heads/main': 'heads/race' });
  const tree = await developer.get(`${base}/tree?ref=race&path=race&per_page=100`);
  const there = tree.body.map(({ path }: { path: string }) => path).sort();
  t.deepEqual(there, files.filter((_, index) => replies[index]!.status === 201).sort());
});

test.serial('the first commit of an empty repository', async (t) => {
  const empty = await gitlab.createProject('group/begun');
  const actions = [{ action: 'create', file_path: 'a', content: 'a' }];
  const commits = `/projects/${empty.id}/repository/commits`;
  const wrong = await root.post(commits, { branch: 'a b', commit_message: 'x', actions });
  t.regex(wrong.body.message, /Branch name is invalid/);
  const body = {
    branch: 'main',
    commit_message: 'first',
    author_name: 'A <n>',
    author_email: 'a@example.com',
    actions,
  };
  const reply = await root.post(`/projects/${empty.id}/repository/commits`, body);
  t.is(reply.status, 201, reply.text);
  t.deepEqual(reply.body.parent_ids, []);
  t.is(await empty.head(), reply.body.id);
});

test.serial('files', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `files/${name}`, reply);
  await project.commit({ 'app/models/key.rb': 'é\n' });
  const file = `${base}/files/app%2Fmodels%2Fkey%2Erb`;
  check('get', await developer.get(`${file}?ref=main`));
  check('head', await developer.send('HEAD', `${file}?ref=main`));
  const raw = await developer.get(`${file}/raw?ref=main`);
  check('raw', raw);
  t.is(raw.text, 'é\n');
  check('get-400-ref-missing', await developer.get(file));
  check('get-404-file', await developer.get(`${file}x?ref=main`));
  check('get-404-ref', await developer.get(`${file}?ref=nope`));
  t.is((await developer.get(`${base}/files/app?ref=main`)).status, 404);
  const read = (await developer.get(`${file}?ref=HEAD`)).body;
  t.like(read, {
    size: 3,
    ref: 'HEAD',
    commit_id: await project.head(),
    last_commit_id: await project.head(),
  });
  t.is(Buffer.from(read.content, 'base64').toString(), 'é\n');

  const path = `${base}/files/app%2Fproject%2Erb`;
  const write = { branch: 'main', content: 'some content', commit_message: 'm' };
  check('create-201', await root.post(path, write));
  check(
    'update-200',
    await root.put(path, { ...write, content: 'more', last_commit_id: await project.head() }),
  );
  check('update-400-changed', await root.put(path, { ...write, last_commit_id: first }));
  t.is((await root.post(path, write)).body.message, 'A file with this name already exists');
  t.is((await developer.put(path, write)).body.message, 'You are not allowed to push into this branch');
  const reporter = withToken(gitlab, project.createToken({ role: 'reporter' }));
  t.is((await reporter.put(path, write)).status, 403);
  const gone = await root.send('DELETE', path, { branch: 'main', commit_message: 'm' });
  t.is(gone.status, 204, gone.text);
  const reader = withToken(gitlab, project.createToken({ role: 'reporter', scopes: ['read_repository'] }));
  t.is((await reader.get(`${file}?ref=main`)).status, 200);
  t.like((await reader.get(`${base}/tree`)).body, { error: 'insufficient_scope' });
});

test.serial('compare and merge base', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `compare/${name}`, reply);
  const fork = await project.head();
  await project.commit({ 'a.yaml': 'a: 2\n' }, { branch: 'topic', from: 'main', message: 'one' });
  const topic = await project.commit(
    { 'a.yaml': null, 'b.yaml': 'a: 2\n' },
    { branch: 'topic', message: 'two' },
  );
  await project.commit({ other: 'o' });
  const reply = await developer.get(`${base}/compare?from=main&to=topic`);
  check('get', reply);
  t.deepEqual(
    reply.body.commits.map(({ title }: { title: string }) => title),
    ['one', 'two'],
  );
  t.is(reply.body.commit.id, topic);
  t.like(reply.body.diffs[0], { old_path: 'a.yaml', new_path: 'a.yaml', deleted_file: true });
  t.like(reply.body.diffs[1], { new_path: 'b.yaml', new_file: true, diff: '@@ -0,0 +1 @@\n+a: 2\n' });
  const straight = (await developer.get(`${base}/compare?from=main&to=topic&straight=true`)).body;
  t.true(
    straight.diffs.some(
      ({ old_path, deleted_file }: { old_path: string; deleted_file: boolean }) =>
        old_path === 'other' && deleted_file,
    ),
  );
  check('404-ref', await developer.get(`${base}/compare?from=nope&to=topic`));
  t.like((await developer.get(`${base}/compare?from=main&to=main`)).body, {
    compare_same_ref: true,
    commit: null,
  });
  const shared = await developer.get(`${base}/merge_base?refs[]=main&refs[]=topic`);
  t.is(shared.body.id, fork);
  await project.commit({ alone: 'x' }, { branch: 'alone' });
  t.is((await developer.get(`${base}/merge_base?refs[]=main&refs[]=alone`)).status, 404);
  t.is(
    (await developer.get(`${base}/merge_base?refs[]=main&refs[]=nope`)).body.message,
    'Could not find ref: nope',
  );
});

test.serial('tree', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `tree/${name}`, reply);
  check('list', await developer.get(`${base}/tree?path=files&ref=main`));
  check('404-ref', await developer.get(`${base}/tree?ref=nope`));
  check('404-path', await developer.get(`${base}/tree?path=nope`));
  let next: string | undefined = `${base}/tree?pagination=keyset&per_page=2&recursive=true`;
  const seen: string[] = [];
  for (let page = 0; next !== undefined; page += 1) {
    const reply: Reply = await developer.get(next);
    if (page === 0) check('keyset-page', reply);
    seen.push(...reply.body.map(({ path }: { path: string }) => path));
    next = /<[^>]*(\/api\/v4[^>]*)>; rel="next"/.exec(reply.headers.get('link') ?? '')?.[1];
  }
  const all = await developer.get(`${base}/tree?pagination=none&recursive=true`);
  t.deepEqual(
    seen,
    all.body.map(({ path }: { path: string }) => path),
  );
  t.true(seen.includes('files/white space'));
  t.is((await developer.get(`${base}/tree?pagination=none`)).status, 400);
});

test.serial('every exchange was played', (t) => {
  t.deepEqual(contract.left, []);
});
