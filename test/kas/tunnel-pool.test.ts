import { Code, ConnectError } from '@connectrpc/connect';
import test from 'ava';
import { waitFor } from '../support/cluster.ts';
import { agentAt } from './tunnel-agent.ts';
import { TunnelServer } from './tunnel-server.ts';

const WATCH: { path: string; query: [string, string][] } = {
  path: '/api/v1/namespaces',
  query: [['watch', 'true']],
};

test('two tunnels wait; calls bring more, and a minute without calls ends those that are not needed', async (t) => {
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server, { idleTimeout: 400 });
  await waitFor(() => server.idle.length === 2, { what: 'two tunnels' });
  const watches = await Promise.all(Array.from({ length: 200 }, () => server.ask(WATCH)));
  t.true(watches.every(({ status }) => status === 200));
  t.is(agent.counts.busy, 200);
  t.true(agent.counts.idle >= 2 && agent.counts.idle <= 12);
  for (const { tunnel } of watches) tunnel.cancel();
  await waitFor(() => agent.counts.busy === 0 && agent.counts.idle > 100, { what: 'the calls to end' });
  await waitFor(() => agent.counts.idle === 2 && server.idle.length === 2, { what: 'two to be left' });
  t.is((await server.ask({ path: '/version' })).status, 200);
  t.false(
    agent.lines.some((line) => /"level":"(?:warn|error)"/.test(line)),
    agent.lines.join(''),
  );
});

test('there are never more than 500', async (t) => {
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server);
  const busy = [];
  for (let taken = 0; taken < 500; taken += 1) {
    const tunnel = await server.take();
    // Nothing follows: the agent waits for what is asked.
    await tunnel.call();
    busy.push(tunnel);
  }
  await waitFor(() => agent.counts.busy === 500, { what: 'all to be busy' });
  t.is(agent.counts.idle, 0);
  t.is(server.opened, 500);
  for (const tunnel of busy) tunnel.cancel();
  t.is((await server.ask({ path: '/version' })).status, 200);
});

test('a call that comes while its tunnel is taken back is not begun', async (t) => {
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server);
  await waitFor(() => server.idle.length === 2, { what: 'two tunnels' });
  const tunnels = server.idle.splice(0);
  agent.end();
  for (const tunnel of tunnels) {
    void tunnel.call().catch(() => {});
    t.is(await tunnel.hear().catch(() => undefined), undefined);
  }
  await agent.ended;
  t.deepEqual(agent.statuses, []);
});

test('a server that restarts finds two tunnels of an agent that had many, and none that hammers', async (t) => {
  const first = await TunnelServer.start(t);
  const agent = agentAt(t, first);
  const watches = await Promise.all(Array.from({ length: 50 }, () => first.ask(WATCH)));
  t.is(watches.length, 50);
  const { port } = first;
  await first.kill();
  await waitFor(() => agent.counts.busy === 0, { what: 'the calls to be cut off' });
  const second = await TunnelServer.start(t, port);
  await waitFor(() => second.idle.length >= 2, { what: 'the agent to come back' });
  t.true(second.opened <= 4, `${second.opened}`);
  t.is((await second.ask({ path: '/version' })).status, 200);
});

test('a server that refuses is asked less and less; one without tunnels never again', async (t) => {
  const server = await TunnelServer.start(t);
  server.refusal = new ConnectError('who are you', Code.Unauthenticated);
  agentAt(t, server);
  await waitFor(() => server.opened >= 4, { what: 'more tries' });
  server.refusal = undefined;
  await waitFor(() => server.idle.length === 2, { what: 'tunnels' });
  t.true(server.opened < 20, `${server.opened}`);

  const old = await TunnelServer.start(t);
  old.refusal = new ConnectError('unknown service', Code.Unimplemented);
  const agent = agentAt(t, old);
  await agent.ended;
  t.true(old.opened <= 2);
  t.false(
    agent.lines.some((line) => /"level":"(?:info|warn|error)"/.test(line)),
    agent.lines.join(''),
  );
});

test('an agent that ends lets calls come to theirs, for a moment', async (t) => {
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server);
  const watch = await server.ask(WATCH);
  const list = await server.ask({ path: '/api/v1/nodes' });
  agent.end();
  await waitFor(() => server.idle.length === 0, { what: 'idle tunnels to end' });
  t.true((await list.json()).items.length > 0);
  const startedAt = performance.now();
  await t.throwsAsync(watch.bytes());
  await agent.ended;
  t.true(performance.now() - startedAt < 8_000);
});
