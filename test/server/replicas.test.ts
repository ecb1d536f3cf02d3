import { createClient } from '@connectrpc/connect';
import test, { type ExecutionContext } from 'ava';
import { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import { hopHeaders } from '../../server/replicas/hop.ts';
import { ground, meta, reach } from '../kas/ground.ts';
import { ScriptedTunnel } from '../kas/scripted-tunnel.ts';
import type { AgentServerOptions } from '../support/agent-server.ts';
import { freePorts } from '../support/control-plane/ports.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { Redis } from '../support/redis.ts';
import { ask, serveOne } from './visits.ts';

const SECRET = Buffer.alloc(32, 3).toString('base64');
const PASSWORD = 'redis-password-of-a-test';

/** Two servers with one Redis: an agent is connected to the second, people come to the first. */
async function scene(t: ExecutionContext) {
  const redis = await Redis.start(t, PASSWORD);
  const [first, second] = await freePorts(2);
  const replica = (port: number): Partial<AgentServerOptions> => ({
    kubernetesApi: '',
    replica: { redis: redis.address, redisPassword: PASSWORD, secret: SECRET, port },
  });
  const all = await ground(t, replica(first!));
  await all.config.commit({
    '.gitlab/agents/test/config.yaml':
      'ci_access: { projects: [{ id: group/app, access_as: { ci_job: {} } }] }\n',
  });
  const app = await all.gitlab.createProject('group/app');
  const other = await all.restart({ ...replica(second!), registry: all.server.registry });
  const kas = reach(t, { address: `grpc://127.0.0.1:${other.port}`, token: all.token });
  const headers = { authorization: `Bearer ci:1:${app.createJobToken().value}` };
  for (const server of [all.server, other]) await server.said('Redis is there');
  return { ...all, redis, other, kas, headers, ports: { first: first!, second: second! } };
}

test('a request comes to whichever replica, and finds the one that has the tunnel', async (t) => {
  const { server, other, kas, headers } = await scene(t);
  for (const options of [{}, { method: 'POST', body: 'x'.repeat(300_000) }, { method: 'DELETE' }]) {
    const [reply, served] = await Promise.all([
      ask(server.kubernetesUrl, '/api/v1/a%20b?c=d%26', { headers, ...options }),
      serveOne(new ScriptedTunnel(t, kas)),
    ]);
    t.is(reply.status, 200, reply.body);
    t.is(reply.body, 'ok');
    t.is(served.request.urlPath, '/api/v1/a b');
    t.deepEqual(served.request.query.c?.value, ['d&']);
    t.is(served.body, options.body ?? '');
    // As whom it is made is known to the replica that let it in.
    t.is(served.as?.username, 'gitlab:ci_job:1');
    t.deepEqual(
      Object.keys(served.request.header).filter((name) => /^gitlab-/i.test(name)),
      [],
    );
  }
  const logged = ({ lines }: typeof server): number =>
    lines.filter(({ msg }) => msg === 'Kubernetes API request').length;
  await waitFor(() => logged(server) === 3, { what: 'a line for each request' });
  t.is(logged(other), 0);
});

test('who is connected is known to all replicas', async (t) => {
  const { server, other, kas } = await scene(t);
  await createClient(AgentRegistrar, kas.transport).register({ agentMeta: meta, podId: 7n });
  const seen = async (): Promise<unknown[]> => JSON.parse(await server.get('/agents')).agents ?? [];
  await waitFor(async () => (await seen()).length > 0, { what: 'the agent of the other replica' });
  await other.end();
  await waitFor(async () => (await seen()).length === 0, { what: 'the end of it' });
  t.pass();
});

test('a killed replica, a killed Redis, and both back: requests find their way', async (t) => {
  const { redis, server, other, kas, headers, token, restart, ports } = await scene(t);
  const first = serveOne(new ScriptedTunnel(t, kas));
  t.is((await ask(server.kubernetesUrl, '/api', { headers })).status, 200);
  await first;
  const idle = new ScriptedTunnel(t, kas);
  await waitFor(async () => /idle_tunnels 1/.test(await other.get('/metrics')), { what: 'an idle tunnel' });
  await other.end('SIGKILL');
  await t.throwsAsync(idle.next());
  // It is still announced. The request tries it, waits, and finds the one that comes instead.
  const waiting = ask(server.kubernetesUrl, '/api', { headers });
  const back = await restart({
    kubernetesApi: '',
    replica: { redis: redis.address, redisPassword: PASSWORD, secret: SECRET, port: ports.second },
    registry: server.registry,
  });
  const again = reach(t, { address: `grpc://127.0.0.1:${back.port}`, token });
  const served = serveOne(new ScriptedTunnel(t, again));
  t.is((await waiting).status, 200);
  await served;
  await redis.kill();
  await server.said('Redis is away');
  // Its own agents it serves all the same.
  const own = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const [reply] = await Promise.all([
    ask(server.kubernetesUrl, '/api', { headers }),
    serveOne(new ScriptedTunnel(t, own)),
  ]);
  t.is(reply.status, 200);
  const kept = new ScriptedTunnel(t, again);
  await redis.resume();
  const [found] = await Promise.all([ask(server.kubernetesUrl, '/api', { headers }), serveOne(kept)]);
  t.is(found.status, 200);
});

test('a replica that ends hands its requests to the others', async (t) => {
  const { server, other, kas, headers, token } = await scene(t);
  const tunnel = new ScriptedTunnel(t, kas);
  await waitFor(async () => /idle_tunnels 1/.test(await other.get('/metrics')), { what: 'an idle tunnel' });
  const ended = other.end();
  await t.notThrowsAsync(tunnel.next().then((end) => t.is(end, undefined)));
  const waiting = ask(server.kubernetesUrl, '/api', { headers, method: 'PUT', body: 'body' });
  const own = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const served = await serveOne(new ScriptedTunnel(t, own));
  t.is(served.body, 'body');
  t.is((await waiting).status, 200);
  t.is(await ended, 0);
});

test('the port between replicas takes nothing from anybody else', async (t) => {
  const { other, kas, ports } = await scene(t);
  const tunnel = new ScriptedTunnel(t, kas);
  let asked = false;
  tunnel.next().then(
    () => {
      asked = true;
    },
    () => {},
  );
  const url = '/api/v1/pods';
  const [key, wrong] = [Buffer.from(SECRET, 'base64'), Buffer.alloc(32, 4)];
  const hop = { agentId: 1n };
  const replica = `http://127.0.0.1:${ports.second}`;
  const signed = (more: object = {}): Record<string, string> =>
    Object.fromEntries(
      hopHeaders(hop, { replica, method: 'GET', url, key, now: Date.now(), nonce: '1', ...more }),
    );
  const cases: [why: string, headers: Record<string, string>, path?: string, method?: string][] = [
    ['nothing', {}],
    ['a credential of people', { authorization: 'Bearer ci:1:x' }],
    ['another key', signed({ key: wrong })],
    ['another request', signed(), '/api/v1/secrets'],
    ['another method', signed(), url, 'DELETE'],
    ['an old one', signed({ now: Date.now() - 60_000 })],
    ['for another replica', signed({ replica: `http://127.0.0.1:${ports.first}` })],
    ['for GitLab', signed({ replica: 'gitlab-kas' })],
    ['as somebody else', { ...signed(), 'gitlab-agent-server-impersonation': 'CgVhZG1pbg' }],
  ];
  for (const [why, headers, path = url, method = 'GET'] of cases) {
    const { status } = await ask(`http://127.0.0.1:${ports.second}/`, path, { headers, method });
    t.is(status, 401, why);
  }
  t.false(asked);
  await other.said('Somebody who is no replica has asked');
});
