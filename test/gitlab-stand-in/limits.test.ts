import test from 'ava';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { ApiClient, type Reply, withToken } from './api-client.ts';

test('requests: counted for each token, refused in plain text, open again in the next minute', async (t) => {
  let now = new Date('2026-01-01T00:00:30Z');
  for (const version of ['17.11.0-ee', '18.0.0-ee']) {
    await using gitlab = await startGitLab({ version, now: () => now, limits: { requestsPerMinute: 3 } });
    const client = withToken(gitlab, gitlab.root.createToken());
    const first = await client.get('/user');
    t.is(first.headers.get('ratelimit-remaining'), version.startsWith('18') ? '2' : null);
    t.is(first.headers.get('retry-after'), null);
    await client.get('/user');
    t.is((await client.post('/api/graphql', { query: '{ currentUser { username } }' })).status, 200);
    const refused = await client.get('/user');
    t.is(refused.status, 429);
    t.is(refused.text, 'Retry later\n');
    t.is(refused.headers.get('content-type'), 'text/plain');
    t.is(refused.headers.get('retry-after'), '30');
    t.is(refused.headers.get('ratelimit-reset'), String(Date.parse('2026-01-01T00:01:00Z') / 1000));
    t.is((await withToken(gitlab, gitlab.root.createToken()).get('/user')).status, 200);
    t.is(
      (await new ApiClient(gitlab).get('/user')).headers.get('ratelimit-name') ?? 'none',
      version.startsWith('18') ? 'throttle_unauthenticated_api' : 'none',
    );
    now = new Date('2026-01-01T00:01:00Z');
    t.is((await client.get('/user')).status, 200);
    now = new Date('2026-01-01T00:00:30Z');
  }
});

test('notes: refused in JSON, without a word about when', async (t) => {
  await using gitlab = await startGitLab({ limits: { notesPerMinute: 2 } });
  const project = await gitlab.createProject('group/project');
  await project.commit({ a: 'a' });
  await project.commit({ b: 'b' }, { branch: 'b', from: 'main' });
  const { iid } = await project.openMergeRequest({ sourceBranch: 'b' });
  const client = withToken(gitlab, gitlab.root.createToken());
  const post = (): Promise<Reply> =>
    client.post(`/projects/${project.id}/merge_requests/${iid}/notes`, { body: 'x' });
  const statuses = [(await post()).status, (await post()).status];
  const refused = await post();
  t.deepEqual([...statuses, refused.status], [201, 201, 429]);
  t.is(refused.body.message.error, 'This endpoint has been requested too many times. Try again later.');
  t.is(refused.headers.get('retry-after'), null);
});

test('wrong passwords for git: 403 for an hour, also for the right one', async (t) => {
  let now = new Date();
  await using gitlab = await startGitLab({ now: () => now, limits: { gitLoginFailures: 3 } });
  const project = await gitlab.createProject('group/project');
  await project.commit({ a: 'a' });
  const { value } = project.createToken();
  const ask = async (password: string): Promise<number> => {
    const headers = { authorization: `Basic ${btoa(`x:${password}`)}` };
    return (await fetch(`${project.url}/info/refs?service=git-upload-pack`, { headers })).status;
  };
  t.deepEqual(
    [await ask('wrong'), await ask('wrong'), await ask(value), await ask('wrong')],
    [401, 401, 200, 401],
  );
  t.is(await ask(value), 403);
  now = new Date(now.getTime() + 60 * 60_000);
  t.is(await ask(value), 200);
});
