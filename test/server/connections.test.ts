import { copyFileSync } from 'node:fs';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import test, { type ExecutionContext } from 'ava';
import { connectKas } from '../../agent/kas/connect-kas.ts';
import { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import { parseKasAddress } from '../../core/model/kas-address.ts';
import { Authority } from '../core/kube/certificates.ts';
import { entryOf, ground, meta, reach, sourcesOf, Told } from '../kas/ground.ts';
import { waitFor } from '../support/control-plane/wait.ts';

const QUICK = '  gitops: { poll_period: 300ms }\n  configuration: { poll_period: 300ms }';

/** A WebSocket whose every call has another wrong token, from somebody behind proxies that said `forwarded`. */
function attacker(t: ExecutionContext, port: number, forwarded: string): Transport {
  const address = parseKasAddress(`ws://127.0.0.1:${port}/`);
  if ('code' in address) throw new Error(address.message);
  const headers: [string, string][] = [['X-Forwarded-For', forwarded]];
  const kas = connectKas({
    flags: { address, headers, insecure: false },
    token: async () => `wrong-${Math.random()}`,
    userAgent: 'test',
    env: {},
  });
  t.teardown(() => kas[Symbol.dispose]());
  return kas.transport;
}

/** How so many attempts end, one after the other: `16×60 8×5`. */
async function attempts(transport: Transport, count: number): Promise<string> {
  const client = createClient(AgentRegistrar, transport);
  const codes: string[] = [];
  for (let attempt = 0; attempt < count; attempt += 1)
    codes.push(
      await client.register({ agentMeta: meta, podId: 1n }).then(
        () => 'Ok',
        (error: unknown) => Code[ConnectError.from(error).code]!,
      ),
    );
  return Object.entries(Object.groupBy(codes, (code) => code))
    .map(([code, all]) => `${all!.length} ${code}`)
    .join(', ');
}

test('whoever says who connected is not believed without client_address_header', async (t) => {
  const { server } = await ground(t);
  t.is(await attempts(attacker(t, server.port, '10.0.0.1'), 40), '40 Unauthenticated');
  t.is(await attempts(attacker(t, server.port, '10.0.0.2'), 30), '20 Unauthenticated, 10 ResourceExhausted');
  t.like(await server.said('Too many failed attempts'), { address: '127.0.0.1' });
});

test('client_address_header: the last one counts, and limits are by it', async (t) => {
  const { server } = await ground(t, { agent: `    client_address_header: X-Forwarded-For\n${QUICK}` });
  const count = (forwarded: string, times: number): Promise<string> =>
    attempts(attacker(t, server.port, forwarded), times);
  t.is(await count('10.0.0.9, 10.0.0.1', 61), '60 Unauthenticated, 1 ResourceExhausted');
  t.like(await server.said('Too many failed attempts'), { address: '10.0.0.1' });
  // Another list with the same end is the same one; another end is somebody else, whatever stands before it.
  t.is(await count('10.0.0.2,10.0.0.1', 1), '1 ResourceExhausted');
  t.is(await count('10.0.0.1, 10.0.0.2', 1), '1 Unauthenticated');
  t.is(await count('10.0.0.1, 2001:db8::1', 1), '1 Unauthenticated');
  // What is no address does not count: whose the socket is.
  t.is(await count('10.0.0.1, nobody', 60), '60 Unauthenticated');
  t.is(await count('no address', 1), '1 ResourceExhausted');
});

test('a renewed certificate is used for new connections without a restart; those that are open stay', async (t) => {
  const [before, after] = [new Authority('before'), new Authority('after')];
  t.teardown(() => [before, after].map((authority) => authority.remove()));
  const names = ['IP:127.0.0.1', 'DNS:localhost'];
  const pair = before.issue('kas', names);
  const { config, shop, server, token } = await ground(t, { tls: pair });
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  // By an address, there is no server name in the handshake.
  const addresses = ['grpcs://127.0.0.1', 'grpcs://localhost', 'wss://localhost'].map(
    (address) => `${address}:${server.port}`,
  );
  const trusting = (address: string, authority: Authority) =>
    reach(t, { address, token, ca: authority.ca.cert });
  const open = new Told(t, (await sourcesOf(t, trusting(addresses[0]!, before))).entry(entryOf()));
  await open.commit(first);
  const renewed = after.issue('kas', names);
  // For a moment they do not fit: what was good stays.
  copyFileSync(renewed.certFile, pair.certFile);
  await new Told(t, (await sourcesOf(t, trusting(addresses[1]!, before))).entry(entryOf())).commit(first);
  await server.said("The certificate can't be used, the last good one stays in force");
  copyFileSync(renewed.keyFile, pair.keyFile);
  for (const address of addresses) {
    await new Told(t, (await sourcesOf(t, trusting(address, after))).entry(entryOf())).commit(first);
    const { transport } = trusting(address, before);
    const call = createClient(AgentRegistrar, transport).register({ agentMeta: meta, podId: 1n });
    await t.throwsAsync(call, { message: /certificate|self-signed/ }, address);
  }
  const second = await shop.commit({ 'a.yaml': 'a: 2\n' });
  await open.commit(second);
  t.true(open.seen.every(({ ok }) => ok));
});

test('max_connection_age: streams end in order, the agent comes back, and nothing is sent again', async (t) => {
  const { config, shop, server, token } = await ground(t, {
    agent: `    max_connection_age: 3s\n${QUICK}`,
  });
  const configured = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  for (const scheme of ['grpc', 'ws']) {
    const ends: string[] = [];
    const kas = reach(t, { address: `${scheme}://127.0.0.1:${server.port}`, token });
    const sources = await sourcesOf(t, kas, { onPoll: (result) => ends.push(result) });
    const [configuration, objects] = [
      new Told(t, sources.configuration),
      new Told(t, sources.entry(entryOf())),
    ];
    await configuration.commit(configured);
    await objects.commit(first);
    const batches = async (): Promise<number> =>
      Number(/^gitlab_agent_server_batches_total (\d+)$/m.exec(await server.get('/metrics'))![1]);
    const sent = await batches();
    // Those of both, some times over.
    await waitFor(() => ends.length >= 7, { what: 'streams to end' });
    t.is(await batches(), sent);
    // A call may cross with the end of its connection, and is begun anew.
    t.true(ends.filter((end) => end !== 'ok').length <= 1, `${scheme}: ${ends.join()}`);
    t.is(configuration.seen.length, 1);
    t.is(objects.seen.length, 1);
  }
  const watcher = new Told(
    t,
    (await sourcesOf(t, reach(t, { address: `grpc://127.0.0.1:${server.port}`, token }))).entry(entryOf()),
  );
  await watcher.commit(first);
  const second = await shop.commit({ 'a.yaml': 'a: 2\n' });
  await watcher.commit(second);
  t.true(watcher.seen.every(({ ok }) => ok));
});
