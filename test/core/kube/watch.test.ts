import { tmpdir } from 'node:os';
import test from 'ava';
import { connect } from '../../../core/kube/cluster.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type { Cluster, Resource, WatchEvent } from '../../../core/model/cluster.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { namespace, serviceAccount, sharedCluster } from '../../support/cluster.ts';
import { clusterAt, connectionTo } from './connections.ts';
import { type Handler, serve, status } from './servers.ts';

const PODS: Resource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  verbs: ['list', 'watch'],
};
const CONFIG_MAPS: Resource = { ...PODS, kind: 'ConfigMap', plural: 'configmaps' };

function real(kubeconfig = sharedCluster().kubeconfig) {
  return connect(loadConnection({ kubeconfig }, { env: {}, homedir: tmpdir() }), {
    version: '1.2.3',
    signal: new AbortController().signal,
    maxConcurrency: 2,
  });
}

function watched(cluster: Cluster, options: Partial<Parameters<Cluster['watch']>[1]> = {}) {
  const abort = new AbortController();
  const events = cluster.watch(PODS, { resourceVersion: '1', signal: abort.signal, ...options });
  return { abort, events: events[Symbol.asyncIterator]() };
}

const told = (event: WatchEvent): string =>
  'object' in event
    ? `${event.type} ${event.object.metadata.name}`
    : event.type === 'BOOKMARK'
      ? `BOOKMARK ${event.resourceVersion}`
      : event.type === 'ERROR'
        ? `ERROR ${event.failure.status} ${event.failure.reason}`
        : event.type;

async function all(cluster: Cluster): Promise<string[]> {
  const { events } = watched(cluster);
  const seen = (await Array.fromAsync({ [Symbol.asyncIterator]: () => events })).map(told);
  return seen[0] === 'OPEN' ? seen.slice(1) : seen;
}

test('a list says where a watch goes on, and the watch tells what happens, while requests go their way', async (t) => {
  const ns = await namespace(t);
  const cluster = real();
  const page = await cluster.list(CONFIG_MAPS, { namespace: ns, limit: 10 });
  if (!page.ok) return t.fail(page.failure.message);
  t.regex(page.value.resourceVersion, /^\d+$/);
  const abort = new AbortController();
  const from = { namespace: ns, resourceVersion: page.value.resourceVersion, signal: abort.signal };
  // More watches than requests may be under way at once.
  const watches = Array.from({ length: 5 }, () =>
    cluster.watch(CONFIG_MAPS, { ...from, fieldSelector: 'metadata.name=a' })[Symbol.asyncIterator](),
  );
  const firsts = watches.map((events) => events.next());
  const ref = (name: string) => ({ resource: CONFIG_MAPS, namespace: ns, name });
  const object = (name: string, data: Record<string, string>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });
  for (const name of ['b', 'a']) await cluster.apply(ref(name), object(name, { x: '1' }), { dryRun: false });
  const made = await cluster.apply(ref('a'), object('a', { x: '2' }), { dryRun: false });
  if (!made.ok) return t.fail(made.failure.message);
  const uid = String(made.value.metadata.uid);
  await cluster.delete(ref('a'), { uid, propagation: 'Background', dryRun: false });
  for (const [index, events] of watches.entries()) {
    t.is(told((await firsts[index]!).value), 'OPEN');
    const seen = [await events.next(), await events.next(), await events.next()];
    t.deepEqual(
      seen.map(({ value }) => told(value)),
      ['ADDED a', 'MODIFIED a', 'DELETED a'],
    );
    t.like(seen[1]!.value, { object: { apiVersion: 'v1', kind: 'ConfigMap', data: { x: '2' } } });
  }
  const pending = watches.map((events) => events.next());
  abort.abort(new Error('enough'));
  for (const next of pending) await t.throwsAsync(next, { message: 'enough' });
  cluster.close();
});

test('what may not be seen is refused', async (t) => {
  const ns = await namespace(t);
  const user = await serviceAccount(ns, 'nobody');
  const refused = real(user.kubeconfig);
  t.deepEqual(await all(refused), ['ERROR 403 Forbidden']);
  refused.close();
});

test('the log of a container that has none is a failure and no text', async (t) => {
  const ns = await namespace(t);
  const cluster = real();
  const answer = await cluster.logs(
    { namespace: ns, name: 'none' },
    { container: 'app', tailLines: 5, previous: true },
  );
  t.like(answer, { ok: false, failure: { status: 404, reason: 'NotFound' } });
  cluster.close();
});

const added = (name: string, more = ''): string =>
  JSON.stringify({ type: 'ADDED', object: { metadata: { name }, more } });
const expired = JSON.stringify({ type: 'ERROR', object: status(410, 'Expired', 'too old resource version') });

/** Streams `parts`, then ends or cuts the connection. */
const stream =
  (parts: string[], end: 'end' | 'cut' | 'open' = 'end'): Handler =>
  async (_request, _body, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    for (const part of parts) {
      response.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (end === 'end') response.end();
    // What was written is on its way first.
    if (end === 'cut') response.write('', () => response.socket?.destroySoon());
  };

const STREAMS: [string, Handler, string[]][] = [
  ['ends quietly where the server ends it', stream([`${added('a')}\n`]), ['ADDED a']],
  [
    'lines in pieces, pieces of many lines, empty lines',
    stream([added('ä').slice(0, 20), `${added('ä').slice(20)}\n${added('b')}\n\n${added('c')}\n`]),
    ['ADDED ä', 'ADDED b', 'ADDED c'],
  ],
  [
    'bookmarks',
    stream([`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } })}\n`]),
    ['BOOKMARK 7'],
  ],
  ['410 within', stream([`${added('a')}\n${expired}\n${added('b')}\n`]), ['ADDED a', 'ERROR 410 Expired']],
  ['a cut', stream([`${added('a')}\n`], 'cut'), ['ADDED a', 'ERROR 0 ConnectionReset']],
  ['half a line', stream([`${added('a')}\n{"type":`]), ['ADDED a', 'ERROR 0 Truncated']],
  ['no JSON', stream(['<html>\n']), ['ERROR 0 NotJson']],
  ['no event', stream(['{"type":"ADDED"}\n']), ['ERROR 0 NotJson']],
  ['an event of no known type', stream(['{"type":"X","object":{}}\n']), ['ERROR 0 NotJson']],
  [
    '410 at once',
    (_request, _body, response) => void response.writeHead(410).end(JSON.stringify(status(410, 'Gone'))),
    ['ERROR 410 Gone'],
  ],
  ['nobody there', (request) => request.socket.destroy(), ['ERROR 0 ConnectionReset']],
];

for (const [name, handler, expected] of STREAMS) {
  test(`a watch: ${name}`, async (t) => {
    await using server = await serve(handler);
    const cluster = clusterAt(connectionTo(server.url));
    t.deepEqual(await all(cluster), expected);
    cluster.close();
  });
}

test('asks for bookmarks and an end of the server, without compression, and says who it is', async (t) => {
  let url = '';
  let encoding: unknown;
  await using server = await serve((request, body, response) => {
    url = request.url!;
    encoding = request.headers['accept-encoding'];
    stream([])(request, body, response);
  });
  const cluster = clusterAt(connectionTo(server.url));
  const { events } = watched(cluster, { namespace: 'x', labelSelector: 'a=b', resourceVersion: '5' });
  await events.next();
  t.true((await events.next()).done);
  t.is(
    url,
    '/api/v1/namespaces/x/pods?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=450&labelSelector=a%3Db',
  );
  t.is(encoding, 'identity');
  cluster.close();
});

test('a credential that is refused is renewed once', async (t) => {
  const { writeFileSync, mkdtempSync, rmSync } = await import('node:fs');
  const dir = mkdtempSync(`${tmpdir()}/watch-token-`);
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = `${dir}/token`;
  writeFileSync(file, 'old');
  const seen: unknown[] = [];
  await using server = await serve((request, body, response) => {
    seen.push(request.headers.authorization);
    if (request.headers.authorization === 'Bearer new')
      return stream([`${added('a')}\n`])(request, body, response);
    writeFileSync(file, 'new');
    response.writeHead(401).end(JSON.stringify(status(401, 'Unauthorized')));
  });
  const cluster = clusterAt(connectionTo(server.url, { auth: { kind: 'tokenFile', file } }));
  t.deepEqual(await all(cluster), ['ADDED a']);
  t.deepEqual(seen, ['Bearer old', 'Bearer new']);
  cluster.close();
});

test('a server that goes silent is left when its time is long over; one that never begins sooner', async (t) => {
  await using server = await serve(stream([`${added('a')}\n`], 'open'));
  // A hundred times as fast: the watch's 7.5 minutes are 4.5 seconds.
  const cluster = clusterAt(connectionTo(server.url));
  t.deepEqual(await all(cluster), ['ADDED a']);
  cluster.close();
  await using mute = await serve(() => {});
  const patient = clusterAt(connectionTo(mute.url, { requestTimeout: 50 }));
  t.deepEqual(await all(patient), ['ERROR 0 Timeout']);
  patient.close();
});

test('closing the cluster ends a watch', async (t) => {
  await using server = await serve(stream([`${added('a')}\n`], 'open'));
  const cluster = clusterAt(connectionTo(server.url));
  const { events } = watched(cluster);
  await events.next();
  await events.next();
  const next = events.next();
  cluster.close();
  await t.throwsAsync(next, { message: /closed/ });
});

test('a log is text, also where it looks like JSON, and only its end', async (t) => {
  const seen: string[] = [];
  await using server = await serve((request, _body, response) => {
    seen.push(request.url!);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end('{"level":"error"}\n{"level"');
  });
  const cluster = clusterAt(connectionTo(server.url));
  const pod = { namespace: 'x', name: 'web' };
  t.deepEqual(await cluster.logs(pod, { container: 'app', tailLines: 3, previous: true }), {
    ok: true,
    value: '{"level":"error"}\n{"level"',
  });
  t.deepEqual(seen, [
    '/api/v1/namespaces/x/pods/web/log?container=app&tailLines=3&limitBytes=65536&previous=true',
  ]);
  cluster.close();
});

test('what an answer that goes on for long says is counted and told as any', async (t) => {
  const answered: string[] = [];
  let isFirst = true;
  await using server = await serve((_request, _body, response) => {
    const code = isFirst ? 429 : 200;
    isFirst = false;
    response.writeHead(code, { warning: `299 - "warned with ${code}"`, 'retry-after': '1' });
    response.end(code === 200 ? `${added('a')}\n` : JSON.stringify(status(429, 'TooManyRequests')));
  });
  const cluster = clusterAt(connectionTo(server.url), {
    onAnswer: (method, code) => answered.push(`${method} ${code}`),
  });
  t.deepEqual(await all(cluster), ['ERROR 429 TooManyRequests']);
  t.deepEqual(await all(cluster), ['ADDED a']);
  t.deepEqual(answered, ['GET 429', 'GET 200']);
  t.deepEqual(cluster.warnings, ['warned with 429', 'warned with 200']);
  cluster.close();
});
