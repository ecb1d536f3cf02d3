import test from 'ava';
import { json } from '../support/gitlab/answer.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { ApiClient, asJob, type Reply, withToken } from './api-client.ts';
import { Contract } from './contract.ts';

const contract = new Contract('graphql');
let gitlab: GitLab;
let project: Project;
let maintainer: ApiClient;

test.before(async () => {
  gitlab = await startGitLab();
  project = await gitlab.createProject('root/test');
  await gitlab.createProject('root/private');
  maintainer = bearer(project.createToken({ role: 'maintainer' }));
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

function bearer({ value }: { value: string }): ApiClient {
  return new ApiClient(gitlab, { authorization: `Bearer ${value}` });
}

const ask = (client: ApiClient, query: string, variables: object = {}): Promise<Reply> =>
  client.post('/api/graphql', { query, variables });

const CREATE =
  'mutation($p: ID!, $n: String!) { createClusterAgent(input: {projectPath: $p, name: $n}) { clusterAgent { id name } errors } }';
const TOKEN =
  'mutation($a: ClustersAgentID!, $n: String!) { clusterAgentTokenCreate(input: {clusterAgentId: $a, name: $n}) { secret token { id name } errors } }';
const REVOKE = 'mutation($i: ClustersAgentTokenID!) { clusterAgentTokenRevoke(input: {id: $i}) { errors } }';
const DELETE = 'mutation($i: ClustersAgentID!) { clusterAgentDelete(input: {id: $i}) { errors } }';
const LIST =
  'query($p: ID!) { project(fullPath: $p) { id clusterAgents { nodes { id name webPath createdAt tokens { nodes { id name lastUsedAt } } connections { nodes { connectionId connectedAt metadata { version } } } } } } }';

test.serial('agents and their tokens', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `graphql/${name}`, reply);
  const made = await ask(maintainer, CREATE, { p: 'root/test', n: 'agent-1' });
  check('create-agent', made);
  const agent = made.body.data.createClusterAgent.clusterAgent.id;
  t.is(agent, `gid://gitlab/Clusters::Agent/${project.agents[0]!.id}`);
  const taken = await ask(maintainer, CREATE, { p: 'root/test', n: 'agent-1' });
  check('create-agent-payload-error', taken);
  t.deepEqual(taken.body.data.createClusterAgent, {
    clusterAgent: null,
    errors: ['Name has already been taken'],
  });

  const token = await ask(maintainer, TOKEN, { a: agent, n: 't1' });
  check('token-create', token);
  t.regex(token.body.data.clusterAgentTokenCreate.secret, /^glagent-/);
  await ask(maintainer, TOKEN, { a: agent, n: 't2' });
  const third = await ask(maintainer, TOKEN, { a: agent, n: 't3' });
  check('token-create-two-active', third);
  t.deepEqual(third.body.data.clusterAgentTokenCreate.errors, [
    'An agent can have only two active tokens at a time',
  ]);

  project.agents[0]!.connections.push({
    id: '1234567890123456789',
    connectedAt: new Date(),
    version: 'v16.0.0',
  });
  const list = await ask(maintainer, LIST, { p: 'root/test' });
  check('project-cluster-agents', list);
  const [node] = list.body.data.project.clusterAgents.nodes;
  t.regex(node.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.is(node.webPath, '/root/test/-/cluster_agents/agent-1');
  t.is(node.tokens.nodes.length, 2);

  const revoked = await ask(maintainer, REVOKE, { i: node.tokens.nodes[0].id });
  check('token-revoke', revoked);
  t.is(
    (await ask(maintainer, LIST, { p: 'root/test' })).body.data.project.clusterAgents.nodes[0].tokens.nodes
      .length,
    1,
  );
  check('agent-delete', await ask(maintainer, DELETE, { i: agent }));
  t.is(project.agents.length, 0);
});

test('missing and forbidden look the same', async (t) => {
  const name = 'graphql/create-agent-top-level-error';
  const denied = await ask(maintainer, CREATE, { p: 'root/private', n: 'agent-1' });
  contract.check(t, name, denied);
  t.regex(denied.body.errors[0].message, /^The resource that you are attempting to access does not exist or/);
  t.deepEqual(denied.body.errors[0].path, ['createClusterAgent']);
  t.is(denied.body.data.createClusterAgent, null);
  const developer = bearer(project.createToken({ role: 'developer' }));
  const reader = bearer(project.createToken({ role: 'maintainer', scopes: ['read_api'] }));
  const job = asJob(gitlab, project.createJobToken());
  for (const client of [developer, reader, job, new ApiClient(gitlab)]) {
    const reply = await ask(client, CREATE, { p: 'root/test', n: 'x' });
    t.is(reply.status, 200);
    t.deepEqual(reply.body, denied.body);
  }
  t.deepEqual((await ask(maintainer, DELETE, { i: 'gid://gitlab/Clusters::Agent/999' })).body.data, {
    clusterAgentDelete: null,
  });
});

test('what cannot be seen is null, without errors', async (t) => {
  const QUERY = 'query($p: ID!) { project(fullPath: $p) { id } }';
  contract.check(t, 'graphql/project-not-found', await ask(maintainer, QUERY, { p: 'no/such' }));
  for (const [client, path] of [
    [maintainer, 'root/private'],
    [asJob(gitlab, project.createJobToken()), 'root/test'],
  ] as const)
    t.deepEqual((await ask(client, QUERY, { p: path })).body, { data: { project: null } });
  const guest = bearer(project.createToken({ role: 'guest' }));
  t.deepEqual((await ask(guest, LIST, { p: 'root/test' })).body.data.project.clusterAgents, null);
});

test('errors of the request', async (t) => {
  const check = (name: string, reply: Reply): void => contract.check(t, `graphql/${name}`, reply);
  const undefinedField = await ask(maintainer, 'query { nope }');
  check('200-undefined-field', undefinedField);
  t.deepEqual(undefinedField.body.errors, [
    {
      message: "Field 'nope' doesn't exist on type 'Query'",
      locations: [{ line: 1, column: 9 }],
      path: ['query', 'nope'],
      extensions: { code: 'undefinedField', typeName: 'Query', fieldName: 'nope' },
    },
  ]);
  const ME = 'query { currentUser { name } }';
  check('401-invalid-token', await ask(bearer({ value: 'wrong' }), ME));
  check('401-invalid-token', await ask(bearer(gitlab.root.createToken({ expiresAt: '2020-01-01' })), ME));
  check('401-invalid-token', await ask(bearer(gitlab.root.createToken({ scopes: ['read_user'] })), ME));
  const blocked = gitlab.createUser('blocked');
  const token = blocked.createToken();
  blocked.blocked = true;
  check('403-api-not-accessible', await ask(bearer(token), ME));
  const mutation = encodeURIComponent('mutation { clusterAgentDelete(input: {id: "x"}) { errors } }');
  check('422-mutation-by-get', await maintainer.get(`/api/graphql?query=${mutation}`));
  check(
    '422-query-too-large',
    await ask(maintainer, `query { currentUser { name } } #${'x'.repeat(10_000)}`),
  );
  t.is((await maintainer.post('/api/graphql', { query: ME, variables: '{' })).status, 422);
  gitlab.fault(
    { answer: json(500, { errors: [{ message: 'Internal server error' }] }) },
    {
      on: ({ kind, path }) => kind === 'graphql' && path.endsWith('?fault'),
      times: 1,
    },
  );
  check('500', await maintainer.post('/api/graphql?fault', { query: ME }));
  const syntax = await ask(maintainer, 'query {');
  t.is(syntax.status, 200);
  t.false('data' in syntax.body);
  const wrongId = await ask(maintainer, DELETE, { i: '1' });
  t.is(wrongId.status, 200);
  t.false('data' in wrongId.body);
});

test('other ways in: the private token header, a batch, variables as text', async (t) => {
  const ann = gitlab.createUser('ann');
  const client = withToken(gitlab, ann.createToken());
  const query = 'query Me { currentUser { username } }';
  const expected = { data: { currentUser: { username: 'ann' } } };
  t.deepEqual(
    (await client.post('/api/graphql', { query, variables: '{}', operationName: 'Me' })).body,
    expected,
  );
  t.deepEqual((await client.post('/api/graphql', [{ query }, { query }])).body, [expected, expected]);
  t.deepEqual((await ask(new ApiClient(gitlab), query)).body, { data: { currentUser: null } });
  const pages = await gitlab.createProject('root/pages');
  for (let index = 1; index <= 120; index += 1)
    await ask(bearer(gitlab.root.createToken()), CREATE, { p: 'root/pages', n: `a${index}` });
  const PAGE =
    'query($p: ID!, $after: String) { project(fullPath: $p) { clusterAgents(after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } } }';
  const admin = bearer(gitlab.root.createToken());
  const first = (await ask(admin, PAGE, { p: pages.path })).body.data.project.clusterAgents;
  t.is(first.nodes.length, 100);
  const after = first.pageInfo.endCursor;
  const second = (await ask(admin, PAGE, { p: pages.path, after })).body.data.project.clusterAgents;
  t.is(second.nodes.length, 20);
  t.false(second.pageInfo.hasNextPage);
});

test.after('every exchange was played', (t) => {
  t.deepEqual(contract.left, []);
});
