/** Redis in the hands of somebody else, and somebody who listens between replicas. */

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@redis/client';
import test from 'ava';
import { hopHeaders } from '../../server/replicas/hop.ts';
import { ground, reach } from '../kas/ground.ts';
import { ScriptedTunnel } from '../kas/scripted-tunnel.ts';
import { freePorts } from '../support/control-plane/ports.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { Redis } from '../support/redis.ts';
import { ask, serveOne } from './visits.ts';

const SECRET = Buffer.alloc(32, 3).toString('base64');
const PASSWORD = 'redis-password-of-a-test';

test('what Redis says that no replica has signed leads no request astray, and breaks nothing', async (t) => {
  const redis = await Redis.start(t, PASSWORD);
  const [port] = await freePorts(1);
  const { config, gitlab, server, token } = await ground(t, {
    kubernetesApi: '',
    replica: { redis: redis.address, redisPassword: PASSWORD, secret: SECRET, port: port! },
  });
  await config.commit({
    '.gitlab/agents/test/config.yaml': 'ci_access: { projects: [{ id: group/app }] }\n',
  });
  const app = await gitlab.createProject('group/app');
  const headers = { authorization: `Bearer ci:1:${app.createJobToken().value}` };
  await server.said('Redis is there');
  let lured = 0;
  const lure = http.createServer((_request, response) => {
    lured += 1;
    response.end('lure');
  });
  lure.listen(0, '127.0.0.1');
  await once(lure, 'listening');
  t.teardown(() => lure.close());
  const client = createClient({ url: `redis://:${PASSWORD}@${redis.address}` });
  await client.connect();
  t.teardown(() => client.destroy());
  const url = `http://127.0.0.1:${(lure.address() as AddressInfo).port}`;
  const until = Date.now() + 60_000;
  const signature = 'x'.repeat(43);
  const own = async (): Promise<Record<string, string>> => await client.hGetAll('gitlab-kas:tunnels:1');
  // One of the server's own, which is signed: for another agent and another URL it is worth nothing.
  const kas = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const tunnel = new ScriptedTunnel(t, kas);
  const signed = await waitFor(async () => Object.values(await own())[0], { what: 'the announcement' });
  await client.hSet('gitlab-kas:tunnels:1', { [url]: signed, [`${url}/`]: `${until} ${signature} ` });
  await client.hSet('gitlab-kas:tunnels:2', { [Object.keys(await own())[0]!]: signed, [url]: `${until} ` });
  await client.hSet('gitlab-kas:connected_agents', {
    1: 'nonsense',
    2: `${until} {}`,
    3: `${until} ${signature} {"agent_id": "1"}`,
    __proto__x: '',
  });
  await Promise.all([ask(server.kubernetesUrl, '/api', { headers }), serveOne(tunnel)]);
  // There is no tunnel any more: what remains are the lures.
  await client.hSet('gitlab-kas:tunnels:1', { [url]: signed, file: `${until} ${signature} ` });
  t.is((await ask(server.kubernetesUrl, '/api', { headers })).status, 503);
  t.is(lured, 0);
  t.deepEqual(JSON.parse(await server.get('/agents')), {});
  await client.set('gitlab-kas:tunnels:1', 'no hash at all');
  const [reply] = await Promise.all([
    ask(server.kubernetesUrl, '/api', { headers }),
    serveOne(new ScriptedTunnel(t, kas)),
  ]);
  t.is(reply.status, 200);
  t.deepEqual(
    server.lines.filter(({ msg }) => msg === 'Unexpected'),
    [],
  );
});

test('a request of another replica is taken once: who has listened can not make it again', async (t) => {
  const redis = await Redis.start(t, PASSWORD);
  const [port] = await freePorts(1);
  const { server, token } = await ground(t, {
    kubernetesApi: '',
    replica: { redis: redis.address, redisPassword: PASSWORD, secret: SECRET, port: port! },
  });
  const kas = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const hop = (nonce: string): Record<string, string> =>
    Object.fromEntries(
      hopHeaders(
        { agentId: 1n },
        {
          ...{ replica: `http://127.0.0.1:${port}`, method: 'POST', url: '/api', nonce },
          ...{ key: Buffer.from(SECRET, 'base64'), now: Date.now() },
        },
      ),
    );
  const url = `http://127.0.0.1:${port}/`;
  const headers = hop('1');
  const [first] = await Promise.all([
    ask(url, '/api', { headers, method: 'POST' }),
    serveOne(new ScriptedTunnel(t, kas)),
  ]);
  t.is(first.status, 200);
  t.is((await ask(url, '/api', { headers, method: 'POST' })).status, 401);
  // The last letter of a signature has bits that nobody reads.
  const [name, value] = Object.entries(headers)[0]!;
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = letters[letters.indexOf(value.at(-1)!) ^ 1]!;
  const again = { [name]: value.slice(0, -1) + last };
  t.is((await ask(url, '/api', { headers: again, method: 'POST' })).status, 401);
  const [other] = await Promise.all([
    ask(url, '/api', { headers: hop('2'), method: 'POST' }),
    serveOne(new ScriptedTunnel(t, kas)),
  ]);
  t.is(other.status, 200);
});
