import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { type ApiClient, asJob, type Reply, withToken } from './api-client.ts';

interface There {
  gitlab: GitLab;
  project: Project;
  root: ApiClient;
  base: string;
}

type Look = (there: There) => Promise<unknown>;

const status = async (reply: Promise<Reply>): Promise<number> => (await reply).status;
const has = async (reply: Promise<Reply>, key: string): Promise<boolean> => {
  const { body } = await reply;
  return key in (Array.isArray(body) ? body[0] : body);
};

// What differs, what the release before answers, the release, and what that answers.
const table: [what: string, before: string, then: unknown, since: string, now: unknown, look: Look][] = [
  ['metadata', '15.1.0', 404, '15.2.0', 200, ({ root }) => status(root.get('/metadata'))],
  ['enterprise', '15.5.0', false, '15.6.0', true, ({ root }) => has(root.get('/version'), 'enterprise')],
  [
    'the name of an environment is fixed',
    '15.11.0',
    'other',
    '16.0.0',
    'one',
    async ({ root, base }) => {
      const { id } = (await root.post(`${base}/environments`, { name: 'one' })).body;
      return (await root.put(`${base}/environments/${id}`, { name: 'other' })).body.name;
    },
  ],
  [
    'tokens end',
    '15.11.0',
    true,
    '16.0.0',
    false,
    async ({ root, base }) =>
      (await root.post(`${base}/access_tokens`, { name: 'x', scopes: ['api'] })).body.expires_at === null,
  ],
  [
    'two active agent tokens',
    '16.1.0',
    201,
    '16.2.0',
    400,
    async ({ root, base }) => {
      const { id } = (await root.post(`${base}/cluster_agents`, { name: 'a' })).body;
      const tokens = `${base}/cluster_agents/${id}/tokens`;
      for (const name of ['1', '2']) await root.post(tokens, { name });
      return status(root.post(tokens, { name: '3' }));
    },
  ],
  [
    'environments for jobs',
    '16.1.0',
    404,
    '16.2.0',
    200,
    ({ gitlab, project, base }) =>
      status(asJob(gitlab, project.createJobToken()).get(`${base}/environments`)),
  ],
  [
    'the old path of a project',
    '16.6.0',
    200,
    '16.7.0',
    301,
    ({ root, project }) => {
      project.rename('group/new');
      return status(root.get('/projects/group%2Fproject'));
    },
  ],
  [
    'created_at of tags',
    '16.10.0',
    false,
    '16.11.0',
    true,
    ({ root, base }) => has(root.get(`${base}/repository/tags`), 'created_at'),
  ],
  [
    'keyset pages of the tree',
    '17.0.0',
    '1',
    '17.1.0',
    null,
    async ({ root, base }) =>
      (await root.get(`${base}/repository/tree?pagination=keyset`)).headers.get('x-page'),
  ],
  [
    'the proxy of the agent server',
    '17.5.0',
    false,
    '17.6.0',
    true,
    async ({ root }) => 'externalK8sProxyUrl' in (await root.get('/version')).body.kas,
  ],
  [
    'a path that is not in the tree',
    '17.6.0',
    200,
    '17.7.0',
    404,
    ({ root, base }) => status(root.get(`${base}/repository/tree?path=nope`)),
  ],
  [
    'auto_stop_setting',
    '17.7.0',
    false,
    '17.8.0',
    true,
    ({ root, base }) => has(root.post(`${base}/environments`, { name: 'x' }), 'auto_stop_setting'),
  ],
  [
    'the order of statuses',
    '17.8.0',
    'a,b',
    '17.9.0',
    'b,a',
    async ({ root, base, project }) => {
      const sha = await project.head();
      for (const name of ['a', 'b']) await root.post(`${base}/statuses/${sha}`, { state: 'success', name });
      const list = await root.get(`${base}/repository/commits/${sha}/statuses?sort=desc`);
      return list.body.map(({ name }: { name: string }) => name).join();
    },
  ],
  [
    'large files, six times a minute',
    '18.0.0',
    200,
    '18.1.0',
    429,
    async ({ root, base, project }) => {
      await project.commit({ large: Buffer.alloc(10 * 1024 * 1024 + 1) });
      const read = (): Promise<number> => status(root.get(`${base}/repository/files/large/raw`));
      for (let count = 0; count < 5; count += 1) await read();
      return read();
    },
  ],
  [
    'the state of merge requests of a commit',
    '18.1.0',
    1,
    '18.2.0',
    0,
    async ({ root, base, project }) => {
      const sha = await project.commit({ x: 'x' }, { branch: 'x', from: 'main' });
      await project.openMergeRequest({ sourceBranch: 'x' });
      return (await root.get(`${base}/repository/commits/${sha}/merge_requests?state=merged`)).body.length;
    },
  ],
  [
    'collapsed diffs',
    '18.3.0',
    false,
    '18.4.0',
    true,
    async ({ root, base, project }) => {
      await project.commit({ x: 'x' }, { branch: 'x', from: 'main' });
      const { body } = await root.get(`${base}/repository/compare?from=main&to=x`);
      return 'collapsed' in body.diffs[0];
    },
  ],
  [
    'one tag for jobs',
    '18.7.0',
    404,
    '18.8.0',
    200,
    ({ gitlab, project, base }) =>
      status(asJob(gitlab, project.createJobToken()).get(`${base}/repository/tags/v1`)),
  ],
  [
    'job tokens with dots',
    '18.11.0',
    false,
    '19.0.0',
    true,
    async ({ project }) => project.createJobToken().value.split('.').length === 3,
  ],
  [
    'access tokens say more',
    '18.11.0',
    false,
    '19.0.0',
    true,
    async ({ root, base }) =>
      has(root.post(`${base}/access_tokens`, { name: 'x', scopes: ['api'] }), 'granular'),
  ],
  ['the key of webhooks', '17.3.0', undefined, '17.4.0', 'string', hookHeader('idempotency-key')],
  ['the UUID of webhooks', '16.1.0', undefined, '16.2.0', 'string', hookHeader('x-gitlab-webhook-uuid')],
];

/** The type of a header that a webhook gets. */
function hookHeader(name: string): Look {
  return async ({ project }) => {
    const server = http.createServer((_, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    project.addWebhook(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const received = once(server, 'request');
    await project.commit({ x: 'x' });
    const [{ headers }] = (await received) as [http.IncomingMessage];
    server.close();
    server.closeAllConnections();
    return headers[name] === undefined ? undefined : typeof headers[name];
  };
}

for (const [what, before, then, since, now, look] of table) {
  test(`${since.replace(/\.0$/, '')}: ${what}`, async (t) => {
    for (const [version, expected] of [
      [before, then],
      [since, now],
    ] as const) {
      await using gitlab = await startGitLab({ version: `${version}-ee` });
      const project = await gitlab.createProject('group/project');
      await project.commit({ 'a.yaml': 'a: 1\n' });
      await project.createTag('v1', 'main');
      const root = withToken(gitlab, gitlab.root.createToken());
      t.is(await look({ gitlab, project, root, base: `/projects/${project.id}` }), expected, version);
    }
  });
}
