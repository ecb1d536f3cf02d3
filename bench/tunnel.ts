import { createHash } from 'node:crypto';
import { apiCall } from '../test/support/control-plane/api.ts';
import { type BenchCluster, openCluster } from './cluster.ts';
import { sendAll } from './requests.ts';
import { formatTable } from './table.ts';
import { Turns } from './tunnel-requests.ts';
import { READERS, type Stopped, stoppedReaders, WATCHES, type Watched, watches } from './tunnel-streams.ts';
import { FAR, openWays, type Way } from './tunnel-ways.ts';

const OBJECTS = 1_000;
const OBJECT_BYTES = 10_000;
/** All ways take turns, so that what else the machine does comes to all of them. */
const ROUNDS = 5;
const GETS = 100;
const FAR_GETS = 10;
/** Before anything is measured. */
const WARM_UP = 15;

interface Options {
  signal: AbortSignal;
  say: (text: string) => void;
}

/** Measures what the way through an agent server and an agent costs, next to the API server itself. */
export async function benchTunnel({ signal, say }: Options): Promise<void> {
  await using cluster = await openCluster(signal);
  await using stack = new AsyncDisposableStack();
  say(`${OBJECTS} ConfigMaps of ${OBJECT_BYTES / 1000} KB, servers and agents`);
  const namespace = `${cluster.prefix}-tunnel`;
  await fill(cluster, namespace, signal);
  const { near, far } = await openWays(cluster, stack);
  const rounds = async (ways: readonly Way[], gets: number): Promise<Turns[]> => {
    const turns = ways.map((way) => new Turns(way, namespace));
    for (const turn of turns) await turn.warm(gets * WARM_UP);
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`requests, round ${round} of ${ROUNDS}`);
      for (const turn of turns) {
        signal.throwIfAborted();
        await turn.take(gets);
      }
    }
    return turns;
  };
  const print = (title: string, ways: readonly Way[], rows: Rows): void => {
    const header = [title, 'goal', ...ways.map(({ name }) => name)];
    process.stdout.write(`${formatTable(header, rows)}\n`);
  };
  print('here', near, requestRows(await rounds(near, GETS)));
  print(`${FAR} ms away`, far, requestRows(await rounds(far, FAR_GETS)));
  const ways = near.slice(0, 3);
  const watched: Watched[] = [];
  const stopped: Stopped[] = [];
  for (const way of ways) {
    say(`${way.name}: watches`);
    watched.push(await watches(way, cluster, namespace, signal));
    if (!way.server) continue;
    say(`${way.name}: readers that stop`);
    stopped.push(await stoppedReaders(way, namespace, signal));
  }
  print(`${WATCHES} watches`, ways, watchRows(watched));
  print(`${READERS} readers of 10 MB that stop`, ways.slice(1), stoppedRows(stopped));
}

type Rows = (readonly string[])[];

function requestRows(turns: readonly Turns[]): Rows {
  const row = (what: string, goal: string, of: (turn: Turns, direct: Turns) => string): string[] => [
    what,
    goal,
    ...turns.map((turn) => of(turn, turns[0]!)),
  ];
  const more = (name: string) => (turn: Turns, direct: Turns) =>
    turn === direct ? '' : (turn.median(name) - direct.median(name)).toFixed(1);
  const share = (name: string) => (turn: Turns, direct: Turns) =>
    turn === direct ? '' : `${((turn.rate(name) / direct.rate(name)) * 100).toFixed(0)} %`;
  return [
    row('small GET: ms, median', '', (turn) => turn.median('one').toFixed(1)),
    row('small GET: ms more than direct', '< 5', more('one')),
    row('small GET: ms, 99 %', '', (turn) => turn.p99('one').toFixed(1)),
    row('small GET: CPU ms, server + agent', '', (turn) => turn.cpu('GET')),
    row('20 GETs at once: ms, median', '', (turn) => turn.median('at once').toFixed(1)),
    row('20 GETs at once: ms more than direct', '', more('at once')),
    row('20 GETs at once: ms, 99 %', '', (turn) => turn.p99('at once').toFixed(1)),
    ...['LIST', 'LIST, gzip'].flatMap((name) => [
      row(`${name}: MB/s, median`, '', (turn) => turn.rate(name).toFixed(1)),
      row(`${name}: share of the direct rate`, '> 50 %', share(name)),
      row(`${name}: CPU ms, server + agent`, '', (turn) => turn.cpu(name)),
    ]),
    row('POST of 0.9 MB: ms, median', '', (turn) => turn.median('upload').toFixed(0)),
  ];
}

function watchRows(all: readonly Watched[]): Rows {
  const row = (what: string, of: (watched: Watched) => string): string[] => [what, '', ...all.map(of)];
  return [
    row('from a write until all have it: ms, median', ({ median }) => median.toFixed(1)),
    row('from a write until all have it: ms, the worst', ({ worst }) => worst.toFixed(1)),
    row('nothing happens: share of a core, server + agent', ({ quiet }) =>
      quiet.map((share) => `${(share * 100).toFixed(1)} %`).join(' + '),
    ),
    row('MB resident, server + agent', ({ megabytes }) => sum(megabytes)),
  ];
}

function stoppedRows(all: readonly Stopped[]): Rows {
  const row = (what: string, of: (stopped: Stopped) => string): string[] => [what, '', ...all.map(of)];
  return [
    row('MB resident before, server + agent', ({ before }) => sum(before)),
    row('the most MB resident, server + agent', ({ most }) => sum(most)),
    row('a small GET meanwhile: ms, median', ({ meanwhile }) => meanwhile.toFixed(1)),
  ];
}

function sum(megabytes: readonly number[]): string {
  return megabytes.map((one) => one.toFixed(0)).join(' + ');
}

async function fill({ server }: BenchCluster, namespace: string, signal: AbortSignal): Promise<void> {
  await apiCall(server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  const requests = Array.from({ length: OBJECTS }, (_, index) => ({
    method: 'POST' as const,
    path: `/api/v1/namespaces/${namespace}/configmaps`,
    body: JSON.stringify({ metadata: { name: `c-${index}` }, data: { text: textOf(index) } }),
  }));
  await sendAll(server, requests, { signal });
}

/** Hexadecimal digits: gzip halves them. */
function textOf(seed: number): string {
  let text = '';
  for (let part = 0; text.length < OBJECT_BYTES; part += 1)
    text += createHash('sha256').update(`${seed} ${part}`).digest('hex');
  return text.slice(0, OBJECT_BYTES);
}
