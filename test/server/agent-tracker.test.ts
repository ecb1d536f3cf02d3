import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import test, { type ExecutionContext } from 'ava';
import { AgentConfiguration } from '../../core/grpc/generated/agent_configuration_pb.ts';
import { AgentTracker } from '../../core/grpc/generated/agent_tracker_pb.ts';
import { keyOf, signToken } from '../../server/access/json-web-token.ts';
import { ground, meta, reach } from '../kas/ground.ts';
import { AgentServer } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';

const SECRET = Buffer.alloc(32, 9).toString('base64');

/** What GitLab sends, with the claims changed. */
function signed(claims: object = {}, secret = SECRET): string {
  const now = Math.floor(Date.now() / 1000);
  const usual = { iss: 'gitlab', aud: 'gitlab-kas', iat: now, nbf: now - 5, exp: now + 60 };
  return `bearer ${signToken({ ...usual, ...claims }, keyOf(secret))}`;
}

/** A call as GitLab makes it; `authorization` is the whole header, null for none. */
function transport(baseUrl: string, authorization: string | null) {
  return createGrpcTransport({
    baseUrl,
    interceptors: [
      (next) => (request) => {
        if (authorization !== null) request.header.set('authorization', authorization);
        return next(request);
      },
    ],
  });
}

type Asked = { agentId: bigint } | { projectId: bigint } | Record<never, never>;

/** `AGENT of PROJECT, POD`, or the error. */
async function ask(url: string, by: Asked, authorization: string | null = signed()): Promise<string[]> {
  const [entry] = Object.entries(by);
  const request = entry
    ? ({ case: entry[0] as 'agentId', value: entry[1] as bigint } as const)
    : { case: undefined };
  try {
    const client = createClient(AgentTracker, transport(url, authorization));
    const { agents } = await client.getConnectedAgents({ request });
    return agents.map(
      ({ agentId, projectId, agentMeta }) => `${agentId} of ${projectId}, ${agentMeta?.podName}`,
    );
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return [`${Code[code]}: ${rawMessage}`];
  }
}

async function connected(t: ExecutionContext, server: AgentServer, token: string): Promise<void> {
  const kas = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const ending = new AbortController();
  t.teardown(() => ending.abort());
  const stream = createClient(AgentConfiguration, kas.transport)
    .getConfiguration({ agentMeta: meta }, { signal: ending.signal })
    [Symbol.asyncIterator]();
  await stream.next();
  // Until the test ends; then it is cut.
  stream.next().catch(() => {});
}

test('GitLab asks who is connected, by agent and by project', async (t) => {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const projects = [await gitlab.createProject('group/agents'), await gitlab.createProject('group/others')];
  const server = await AgentServer.start({
    gitlab,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    secret: gitlab.kasSecret,
    apiSecret: SECRET,
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  const [first, second] = projects as [(typeof projects)[0], (typeof projects)[0]];
  const made = [
    [first, 'one'],
    [first, 'two'],
    [second, 'three'],
  ] as const;
  for (const [project, name] of made) {
    await project.commit({ [`.gitlab/agents/${name}/config.yaml`]: '{}\n' });
    await connected(t, server, gitlab.createAgentToken(project, name).value);
  }
  const [one, two, three] = made.map(
    ([project, name]) => project.agents.find((agent) => agent.name === name)!.id,
  );
  const line = (agent: number | undefined, project: number): string => `${agent} of ${project}, agent-0`;
  t.deepEqual(await ask(server.apiUrl, { agentId: BigInt(two!) }), [line(two, first.id)]);
  t.deepEqual(await ask(server.apiUrl, { agentId: 999n }), []);
  t.deepEqual((await ask(server.apiUrl, { projectId: BigInt(first.id) })).sort(), [
    line(one, first.id),
    line(two, first.id),
  ]);
  t.deepEqual(await ask(server.apiUrl, { projectId: BigInt(second.id) }), [line(three, second.id)]);
  const missing = ['InvalidArgument: project_id or agent_id is missing'];
  for (const by of [{}, { agentId: 0n }, { projectId: -1n }])
    t.deepEqual(await ask(server.apiUrl, by), missing);
});

test('whoever is not GitLab is told nothing, and agents call nothing there', async (t) => {
  const { server, token } = await ground(t, { apiSecret: SECRET });
  const refused = ['Unauthenticated: JWT validation failed'];
  const byAgent = { agentId: 1n };
  const now = Math.floor(Date.now() / 1000);
  const bad: Record<string, string | null> = {
    'no header': null,
    'an agent token': `Bearer ${token}`,
    'another scheme': signed().replace('bearer', 'Basic'),
    'two tokens': `${signed()}, ${signed()}`,
    ended: signed({ exp: now - 10 }),
    'not begun': signed({ nbf: now + 60 }),
    'for GitLab': signed({ aud: 'gitlab' }),
    'by an agent server': signed({ iss: 'gitlab-kas' }),
    'by another secret': signed({}, Buffer.alloc(32, 1).toString('base64')),
  };
  for (const [what, header] of Object.entries(bad))
    t.deepEqual(await ask(server.apiUrl, byAgent, header), refused, what);
  for (const iss of ['gitlab', 'gitlab.example.com'])
    t.deepEqual(await ask(server.apiUrl, byAgent, signed({ iss })), []);
  // Each port has its own services only.
  t.deepEqual(await ask(`http://127.0.0.1:${server.port}`, byAgent), ['Unimplemented: unknown method']);
  const configuration = createClient(AgentConfiguration, transport(server.apiUrl, signed())).getConfiguration(
    {},
  );
  await t.throwsAsync(configuration[Symbol.asyncIterator]().next(), { message: /unimplemented/ });
  // An exchanged secret counts from then on, without a restart.
  const next = Buffer.alloc(32, 3).toString('base64');
  writeFileSync(join(server.directory, 'api-secret'), `${next}\n`);
  await waitFor(async () => (await ask(server.apiUrl, byAgent))[0] === refused[0], {
    what: 'the new secret',
  });
  t.deepEqual(await ask(server.apiUrl, byAgent, signed({}, next)), []);
  t.false(server.tail().includes(SECRET));
});
