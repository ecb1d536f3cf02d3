import test from 'ava';
import type { Cluster, LogEvent } from '../../../core/model/cluster.ts';
import { clusterAt, connectionTo } from './connections.ts';
import { type Handler, json, serve, status } from './servers.ts';

const POD = { namespace: 'x', name: 'agent-0' };
type Selection = Partial<Parameters<Cluster['readLog']>[1]>;

async function read(cluster: Cluster, selection: Selection = {}): Promise<LogEvent[]> {
  const signal = new AbortController().signal;
  return await Array.fromAsync(cluster.readLog(POD, { signal, ...selection }));
}

const told = (event: LogEvent): string =>
  event.type === 'ERROR'
    ? `ERROR ${event.failure.status} ${event.failure.reason}`
    : `${event.at || '-'} ${JSON.stringify(event.text)}${event.isWhole ? '' : ' half'}`;

/** Sends pieces of so many bytes, each by itself, then ends or cuts the connection. */
const pieces =
  (text: string, size: number, end: 'end' | 'cut'): Handler =>
  async (_request, _body, response) => {
    const bytes = Buffer.from(text);
    response.writeHead(200, { 'content-type': 'text/plain' });
    for (let from = 0; from < bytes.length; from += size) {
      response.write(bytes.subarray(from, from + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (end === 'end') response.end();
    else response.write('', () => response.socket?.destroySoon());
  };

const AT = '2026-01-02T03:04:05.000000001Z';
const CASES: [string, string, 'end' | 'cut', string[]][] = [
  ['lines with what is no ASCII', `${AT} grün 🐢\n${AT} 東\n`, 'end', [`${AT} "grün 🐢"`, `${AT} "東"`]],
  [
    'times in other zones and with fewer digits',
    '2026-01-02T03:04:05+02:00 a\n2026-01-01T22:04:05.5-05:00 b\n2026-01-02T03:04:05.123456Z \n',
    'end',
    [
      '2026-01-02T01:04:05.000000000Z "a"',
      '2026-01-02T03:04:05.500000000Z "b"',
      '2026-01-02T03:04:05.123456000Z ""',
    ],
  ],
  [
    'what has no time',
    'oops\n2026-99-99T99:99:99Z x\n\n',
    'end',
    ['- "oops"', '- "2026-99-99T99:99:99Z x"', '- ""'],
  ],
  ['half a line at the end', `${AT} a\n${AT} b`, 'end', [`${AT} "a"`, `${AT} "b" half`]],
  ['half a line where it broke off', `${AT} a\n${AT} b`, 'cut', [`${AT} "a"`, 'ERROR 0 ConnectionLost']],
  ['nothing', '', 'end', []],
];
for (const [name, text, end, lines] of CASES)
  for (const size of [1, 7, 1000])
    test(`a log in pieces of ${size}: ${name}`, async (t) => {
      await using server = await serve(pieces(text, size, end));
      const cluster = clusterAt(connectionTo(server.url));
      const events = (await read(cluster)).map(told);
      // How a broken connection is called is the platform's.
      t.deepEqual(
        events.map((event) => event.replace(/^ERROR 0 .*/, 'ERROR 0 ConnectionLost')),
        lines,
      );
      cluster.close();
    });

test('what is wanted is said in the query, with the times of lines', async (t) => {
  const seen: string[] = [];
  await using server = await serve((request, _body, response) => {
    seen.push(request.url!.replace('/api/v1/namespaces/x/pods/agent-0/log?', ''));
    response.end();
  });
  const cluster = clusterAt(connectionTo(server.url));
  await read(cluster);
  await read(cluster, { container: 'agent', follow: true, tailLines: 0, sinceTime: AT });
  await read(cluster, { previous: true, sinceSeconds: 60, follow: false });
  t.deepEqual(seen, [
    'timestamps=true',
    `container=agent&follow=true&tailLines=0&sinceTime=${encodeURIComponent(AT)}&timestamps=true`,
    'previous=true&sinceSeconds=60&timestamps=true',
  ]);
  cluster.close();
});

test('a refusal is a failure; an answer that does not begin is one only where nothing is followed', async (t) => {
  await using refusing = await serve((_request, _body, response) =>
    json(response, 403, status(403, 'Forbidden', 'no')),
  );
  const refused = clusterAt(connectionTo(refusing.url));
  t.deepEqual((await read(refused)).map(told), ['ERROR 403 Forbidden']);
  refused.close();

  const { promise: mayBegin, resolve: begin } = Promise.withResolvers<void>();
  await using silent = await serve(async (request, _body, response) => {
    if (request.url!.includes('follow=true')) await mayBegin;
    else return;
    response.end(`${AT} at last\n`);
  });
  const cluster = clusterAt(connectionTo(silent.url, { requestTimeout: 100 }));
  const followed = read(cluster, { follow: true });
  t.deepEqual((await read(cluster)).map(told), ['ERROR 0 Timeout']);
  begin();
  t.deepEqual((await followed).map(told), [`${AT} "at last"`]);
  cluster.close();
});

test('the signal ends it at once, also before it has begun', async (t) => {
  await using server = await serve((request, _body, response) => {
    if (request.url!.includes('tailLines')) response.write(`${AT} a\n`);
  });
  const cluster = clusterAt(connectionTo(server.url));
  for (const selection of [{}, { tailLines: 1 }]) {
    const abort = new AbortController();
    const events = cluster
      .readLog(POD, { ...selection, follow: true, signal: abort.signal })
      [Symbol.asyncIterator]();
    if ('tailLines' in selection) t.is((await events.next()).value?.type, 'LINE');
    const next = events.next();
    abort.abort(new Error('enough'));
    await t.throwsAsync(next, { message: 'enough' });
  }
  cluster.close();
});
