import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { apiCall } from '../test/support/control-plane/api.ts';
import type { BenchCluster } from './cluster.ts';
import { median } from './table.ts';
import type { Way } from './tunnel-ways.ts';

export const WATCHES = 200;
export const READERS = 40;
const WRITES = 20;
/** How long it is looked at how much both take while nothing happens, and while nobody reads, in ms. */
const QUIET = 5_000;

export interface Watched {
  /** From a write until all have it, the median, and the worst, in ms. */
  median: number;
  worst: number;
  /** Shares of a core while nothing happens, and MB resident; of server and agent. */
  quiet: number[];
  megabytes: number[];
}

/** Opens many watches at once and writes what they look at. */
export async function watches(
  { client, server, agent }: Way,
  { server: admin }: BenchCluster,
  namespace: string,
  signal: AbortSignal,
): Promise<Watched> {
  const programs = [server, agent].filter((program) => program !== undefined);
  const collection = `/api/v1/namespaces/${namespace}/configmaps`;
  const write = (metadata: object, method = 'PATCH', path = `${collection}/watched`) =>
    apiCall(admin, method, path, { metadata });
  const made = await write({ name: 'watched' }, 'POST', collection);
  const path = `${collection}?watch=true&fieldSelector=metadata.name%3Dwatched&resourceVersion=${made.metadata.resourceVersion}`;
  const open: IncomingMessage[] = [];
  let arrived = 0;
  let told = Promise.withResolvers<void>();
  try {
    await Promise.all(
      Array.from({ length: WATCHES }, async () => {
        const message = await client.open(path, { headers: { 'accept-encoding': 'identity' } });
        open.push(message);
        message.on('error', () => {});
        message.on('data', (chunk: Buffer) => {
          // An event is a line.
          if (chunk.at(-1) === 10) arrived += 1;
          if (arrived === WATCHES) told.resolve();
        });
      }),
    );
    const times: number[] = [];
    for (let count = 0; count < WRITES; count += 1) {
      arrived = 0;
      told = Promise.withResolvers();
      const startedAt = performance.now();
      await write({ annotations: { count: String(count) } });
      await Promise.race([told.promise, once(signal, 'abort')]);
      signal.throwIfAborted();
      times.push(performance.now() - startedAt);
    }
    const before = programs.map((program) => program.cpuSeconds());
    await delay(QUIET, undefined, { signal });
    return {
      median: median(times),
      worst: Math.max(...times),
      quiet: programs.map((program, index) => (program.cpuSeconds() - before[index]!) / (QUIET / 1000)),
      megabytes: programs.map((program) => program.megabytes()),
    };
  } finally {
    for (const message of open) message.destroy();
    await apiCall(admin, 'DELETE', `${collection}/watched`);
  }
}

export interface Stopped {
  /** Resident before and the most while nobody reads, in MB; of server and agent. */
  before: number[];
  most: number[];
  /** A small request meanwhile, the median in ms. */
  meanwhile: number;
}

/** Asks for big answers, of which nobody reads more than the beginning. */
export async function stoppedReaders(
  { client, server, agent }: Way,
  namespace: string,
  signal: AbortSignal,
): Promise<Stopped> {
  const programs = [server, agent].filter((program) => program !== undefined);
  const all = (): number[] => programs.map((program) => program.megabytes());
  const before = all();
  let most = before;
  const open: IncomingMessage[] = [];
  try {
    for (let count = 0; count < READERS; count += 1) {
      const message = await client.open(`/api/v1/namespaces/${namespace}/configmaps`);
      message.on('error', () => {});
      open.push(message);
    }
    const times: number[] = [];
    for (const end = performance.now() + QUIET; performance.now() < end; ) {
      times.push((await client.ask(`/api/v1/namespaces/${namespace}`)).ms);
      most = all().map((now, index) => Math.max(now, most[index]!));
      await delay(50, undefined, { signal });
    }
    return { before, most, meanwhile: median(times) };
  } finally {
    for (const message of open) message.destroy();
  }
}
