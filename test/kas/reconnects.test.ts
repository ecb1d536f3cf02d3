import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { waitFor } from '../support/control-plane/wait.ts';
import { entryOf, ground, reach, sourcesOf, Told } from './ground.ts';

/** Streams: a day's worth, where an agent is cut off every six minutes. */
const CUTS = 480;
const WARM_UP = 20;
/** Of memory that is not given back, in bytes: less than 10 KiB for each cut. One connection holds far more. */
const MOST_GROWTH = 4 * 2 ** 20;

/** What opens a connection and begins a call, about, in bytes. */
const FIRST_CALL = 500;
/** Of two agents, their proxy, and a GitLab that runs git. */
const MOST_HANDLES = 30;

/** Stands before a server, and cuts all connections when it is told to. */
async function cutter(t: ExecutionContext, port: number) {
  const open = new Set<Socket>();
  const proxy = net.createServer((socket) => {
    const through = net.connect(port, '127.0.0.1');
    open.add(socket);
    socket.pipe(through).pipe(socket);
    for (const end of [socket, through]) end.on('error', () => {});
    socket.once('close', () => {
      open.delete(socket);
      through.destroy();
    });
    through.once('close', () => socket.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  t.teardown(() => [...open].map((socket) => socket.destroy()));
  return {
    port: (proxy.address() as AddressInfo).port,
    /** Those by which somebody has begun a call. */
    count: () => [...open].filter(({ bytesRead }) => bytesRead > FIRST_CALL).length,
    cut: () => {
      for (const socket of open) socket.destroy();
      open.clear();
    },
  };
}

/** Sockets and timers of this process, and its memory once what is garbage is gone. */
function held(): { resources: Record<string, number>; heap: number } {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let time = 0; time < 3; time += 1) collect();
  const kinds = Object.groupBy(process.getActiveResourcesInfo(), (kind) => kind);
  const count = (kind: string): number => kinds[kind]?.length ?? 0;
  return {
    resources: { TCPSocketWrap: count('TCPSocketWrap'), PipeWrap: count('PipeWrap') },
    heap: process.memoryUsage().heapUsed,
  };
}

test('handles and memory do not grow with reconnects, at the agent and at the server', async (t) => {
  t.timeout(CUTS * 3_000 + 60_000);
  const { config, shop, server, token } = await ground(t, {
    agent: '  gitops: { poll_period: 5s }\n  configuration: { poll_period: 5s }',
  });
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  const front = await cutter(t, server.port);
  const followers: Told[] = [];
  let ends = 0;
  for (const address of [`grpc://127.0.0.1:${front.port}`, `ws://127.0.0.1:${front.port}/`]) {
    // They come back as soon as they ever do.
    const sources = await sourcesOf(t, reach(t, { address, token }), {
      random: () => 0,
      onPoll: () => {
        ends += 1;
      },
    });
    followers.push(new Told(t, sources.configuration), new Told(t, sources.entry(entryOf())));
    await followers.at(-1)!.commit(first);
  }
  const figure = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await server.get('/metrics'))![1]);
  /** Until so many streams were cut. */
  const cutAll = async (streams: number): Promise<void> => {
    for (const until = ends + streams; ends < until; front.cut())
      await waitFor(() => front.count() === 2, { what: 'both to be back' });
    const areBack = async () => (await figure('gitlab_agent_server_connections')) === 2;
    await waitFor(areBack, { what: 'the server to have two connections' });
  };
  await cutAll(WARM_UP);
  const before = { ...held(), files: await figure('process_open_fds') };
  await cutAll(CUTS);
  // What is closing takes its time; one for each cut would be far more than these.
  const handles = (): number => Object.values(held().resources).reduce((sum, count) => sum + count, 0);
  await waitFor(() => handles() <= MOST_HANDLES, { what: 'sockets and pipes to close' });
  const areClosed = async () => (await figure('process_open_fds')) <= before.files + MOST_HANDLES;
  await waitFor(areClosed, { what: 'files of the server to close' });
  const after = held();
  const growth = after.heap - before.heap;
  t.log(`${CUTS} streams: ${Math.round(growth / 1024)} KiB more at the agents`);
  t.true(growth < MOST_GROWTH, `${growth} bytes`);
  // Collected when its heap is full only: what it takes at most is bounded.
  const heap = await figure('nodejs_heap_size_used_bytes');
  t.true(heap < 150 * 2 ** 20, `${heap} bytes at the server`);
  // Nor does a directory stay for a connection that is open: whoever is killed could not remove it.
  const streams = () => readdirSync(server.directory).filter((name) => name.includes('stream'));
  await waitFor(() => front.count() === 2 && streams().length === 0, { what: 'directories to be gone' });
  // They still follow.
  const second = await shop.commit({ 'a.yaml': 'a: 2\n' });
  for (const follower of [followers[1]!, followers[3]!]) {
    await follower.commit(second);
    t.is(follower.seen.filter(({ ok }) => ok).length, 2);
  }
});
