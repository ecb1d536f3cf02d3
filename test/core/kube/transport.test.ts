import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import type { ApiRequest, Sent } from '../../../core/kube/api-request.ts';
import { connectionTo, transportTo } from './connections.ts';
import { type Handler, json, listen, serve, status } from './servers.ts';

const GET: ApiRequest = { method: 'GET', path: '/x', repeatable: true };

/** Answers the n-th request with the n-th handler, and the last one for all that follow. */
function inTurn(...handlers: Handler[]): Handler & { count: () => number } {
  let count = 0;
  const handler: Handler = (request, body, response) => {
    const handle = handlers[Math.min(count, handlers.length - 1)]!;
    count += 1;
    handle(request, body, response);
  };
  return Object.assign(handler, { count: () => count });
}

const fine: Handler = (_request, _body, response) => json(response, 200, { fine: true });
const answer =
  (code: number, reason: string, headers: Record<string, string> = {}): Handler =>
  (_request, _body, response) =>
    json(response, code, status(code, reason), headers);
const reset: Handler = (request) => request.socket.destroy();

const RETRIED: [string, Handler][] = [
  ['429', answer(429, 'TooManyRequests')],
  ['429 with seconds', answer(429, 'TooManyRequests', { 'retry-after': '1' })],
  [
    '429 with a date',
    answer(429, 'TooManyRequests', { 'retry-after': new Date(Date.now() + 900).toUTCString() }),
  ],
  ['502', answer(502, '')],
  ['503', answer(503, 'ServiceUnavailable')],
  ['504', answer(504, 'Timeout')],
  ['500 of a webhook', answer(500, 'InternalError')],
  ['a reset', reset],
];

for (const [name, handler] of RETRIED) {
  test(`asks again after ${name}`, async (t) => {
    const handle = inTurn(handler, fine);
    await using server = await serve(handle);
    const transport = transportTo(connectionTo(server.url));
    const sent = await transport.send(GET);
    transport.close();
    t.true(sent.ok, JSON.stringify(sent));
    t.is(handle.count(), 2);
  });
}

const FINAL: [string, Handler, number, string][] = [
  ['500 without a reason', answer(500, ''), 500, ''],
  ['400', answer(400, 'BadRequest'), 400, 'BadRequest'],
  ['403', answer(403, 'Forbidden'), 403, 'Forbidden'],
  ['404', answer(404, 'NotFound'), 404, 'NotFound'],
  ['409', answer(409, 'Conflict'), 409, 'Conflict'],
  ['422', answer(422, 'Invalid'), 422, 'Invalid'],
  ['401', answer(401, 'Unauthorized'), 401, 'Unauthorized'],
  [
    'a Retry-After beyond our patience',
    answer(429, 'TooManyRequests', { 'retry-after': '3600' }),
    429,
    'TooManyRequests',
  ],
];

for (const [name, handler, code, reason] of FINAL) {
  test(`does not ask again after ${name}`, async (t) => {
    const handle = inTurn(handler, fine);
    await using server = await serve(handle);
    const transport = transportTo(connectionTo(server.url));
    const sent = await transport.send(GET);
    transport.close();
    t.is(handle.count(), 1);
    t.like(sent, { ok: false, failure: { status: code, reason } });
  });
}

test('an update that may have happened is not sent twice, one that was throttled is', async (t) => {
  const broken = inTurn(reset, fine);
  await using first = await serve(broken);
  const put: ApiRequest = { method: 'PUT', path: '/x', body: '{}', repeatable: false };
  const one = transportTo(connectionTo(first.url));
  t.like(await one.send(put), { ok: false, failure: { status: 0, reason: 'ConnectionReset' } });
  t.is(broken.count(), 1);
  one.close();

  await using second = await serve(inTurn(answer(429, 'TooManyRequests'), fine));
  const two = transportTo(connectionTo(second.url));
  t.true((await two.send(put)).ok);
  two.close();
});

test('retries end when the time of the command is spent', async (t) => {
  const handle = inTurn(answer(503, 'ServiceUnavailable'));
  await using server = await serve(handle);
  const transport = transportTo(connectionTo(server.url), { retryWindow: 2_000 });
  const sent = await Promise.all(Array.from({ length: 20 }, () => transport.send(GET)));
  transport.close();
  t.true(sent.every((one) => !one.ok && one.failure.status === 503));
  // A few tries each within two seconds, and not the dozen that 30 seconds would allow.
  t.true(handle.count() < 20 * 6, String(handle.count()));
});

test('a server that was known and is gone is waited for, one that never answered is not', async (t) => {
  await using server = await serve(fine);
  const port = server.port;
  const never = transportTo(connectionTo(`http://127.0.0.1:${port}`));
  t.true((await never.send(GET)).ok);
  await server[Symbol.asyncDispose]();
  const gone = never.send(GET);
  const back = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'));
  setTimeout(() => back.listen(port, '127.0.0.1'), 5);
  t.true((await gone).ok);
  never.close();
  back.close();

  const unknown = transportTo(connectionTo(`http://127.0.0.1:${port}`));
  t.like(await unknown.send(GET), { ok: false, failure: { status: 0, reason: 'ConnectionRefused' } });
  unknown.close();
});

test('an abort ends what is under way and what waits, with its reason', async (t) => {
  const controller = new AbortController();
  let arrived = 0;
  await using server = await serve(() => {
    arrived += 1;
    if (arrived === 12) controller.abort(new Error('Ctrl-C'));
  });
  const transport = transportTo(connectionTo(server.url), { signal: controller.signal });
  const results = await Promise.allSettled(Array.from({ length: 200 }, () => transport.send(GET)));
  t.true(results.every((one) => one.status === 'rejected' && one.reason.message === 'Ctrl-C'));
  t.is(arrived, 12);
});

test('an abort ends the wait before the next try', async (t) => {
  const controller = new AbortController();
  await using server = await serve((_request, _body, response) => {
    json(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '20' });
    setTimeout(() => controller.abort(new Error('Ctrl-C')), 10);
  });
  const transport = transportTo(connectionTo(server.url), {
    signal: controller.signal,
    clock: { now: () => performance.now(), after: (ms, run) => clearLater(setTimeout(run, ms)) },
  });
  await t.throwsAsync(transport.send(GET), { message: 'Ctrl-C' });
});

const clearLater = (timer: NodeJS.Timeout) => () => clearTimeout(timer);

test('a request that takes too long fails by itself', async (t) => {
  await using server = await serve(() => {});
  const transport = transportTo(connectionTo(server.url, { requestTimeout: 50 }));
  const sent = await transport.send(GET);
  transport.close();
  t.like(sent, {
    ok: false,
    failure: { status: 0, reason: 'Timeout', message: 'no answer within 0.1 seconds' },
  });
});

test('what is not the Kubernetes API is said to be so', async (t) => {
  const page =
    '<!DOCTYPE html>\n<html><head><title>Sign in\n to Corp</title></head><body>secret</body></html>';
  const bodies: [Handler, Record<string, unknown>][] = [
    [
      (_request, _body, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(page),
      {
        status: 200,
        reason: 'NotKubernetes',
        message:
          'the answer (200) is an HTML page ("Sign in to Corp"), not the Kubernetes API\'s: a proxy or a login page stands in between',
      },
    ],
    [
      (_request, _body, response) =>
        void response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n'),
      { status: 404, reason: '', message: 'the server answered 404: 404 page not found' },
    ],
    [
      (_request, _body, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('{"data": {"a": "c2Vj'),
      { status: 0, reason: 'Truncated', message: 'the answer (200) is not complete JSON' },
    ],
    [
      (_request, _body, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end('nonsense'),
      { status: 0, reason: 'Truncated', message: 'the compressed answer is damaged' },
    ],
    [
      (_request, _body, response) => {
        response
          .writeHead(400, { 'content-type': 'text/plain' })
          .end('Client sent an HTTP request to an HTTPS server.\n');
      },
      { status: 400, message: 'the server answered 400: Client sent an HTTP request to an HTTPS server.' },
    ],
  ];
  for (const [handler, failure] of bodies) {
    await using server = await serve(handler);
    const transport = transportTo(connectionTo(server.url));
    const sent = (await transport.send(GET)) as Extract<Sent, { ok: false }>;
    transport.close();
    t.like(sent.failure, failure);
  }
});

test('an answer that breaks off is asked for again', async (t) => {
  const handle = inTurn((request, _body, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{"items":[', () => request.socket.destroy());
  }, fine);
  await using server = await serve(handle);
  const transport = transportTo(connectionTo(server.url));
  t.true((await transport.send(GET)).ok);
  t.is(handle.count(), 2);
  transport.close();
});

test('integers beyond 2^53 come back whole, compressed or not', async (t) => {
  await using server = await serve((_request, _body, response) => {
    response
      .writeHead(200, { 'content-encoding': 'gzip' })
      .end(gzipSync('{"quota":9007199254740993,"text":"ä"}'));
  });
  const transport = transportTo(connectionTo(server.url));
  t.like(await transport.send(GET), { ok: true, body: { quota: 9007199254740993n, text: 'ä' } });
  transport.close();
});

test('headers: agent, impersonation with several groups, no compression towards this machine', async (t) => {
  let seen: string[] = [];
  await using server = await serve((request, _body, response) => {
    seen = request.rawHeaders;
    json(response, 200, {});
  });
  const transport = transportTo(
    connectionTo(server.url, {
      impersonate: { user: 'jane ö', uid: '7', groups: ['dev', 'ops'], extra: { 'a/b%c': ['1', '2'] } },
    }),
  );
  await transport.send(GET);
  transport.close();
  const pairs = Array.from(
    { length: seen.length / 2 },
    (_, index) => `${seen[index * 2]}: ${seen[index * 2 + 1]}`,
  );
  t.true(pairs.includes('user-agent: test'));
  t.true(pairs.includes('accept-encoding: identity'));
  t.true(pairs.includes(`Impersonate-User: ${Buffer.from('jane ö').toString('latin1')}`));
  t.true(pairs.includes('Impersonate-Uid: 7'));
  t.deepEqual(
    pairs.filter((pair) => pair.startsWith('Impersonate-Group')),
    ['Impersonate-Group: dev', 'Impersonate-Group: ops'],
  );
  t.deepEqual(
    pairs.filter((pair) => pair.startsWith('Impersonate-Extra')),
    ['Impersonate-Extra-a%2Fb%25c: 1', 'Impersonate-Extra-a%2Fb%25c: 2'],
  );
});

test('what is not HTTP at all, or closes at once, is worded', async (t) => {
  const talker = await listen(
    createServer((socket) => socket.end('220 smtp.example.com ESMTP\r\n')),
    'http',
  );
  const transport = transportTo(connectionTo(talker.url));
  t.like(await transport.send(GET), { ok: false, failure: { status: 0, reason: 'NotHttp' } });
  transport.close();
  await talker[Symbol.asyncDispose]();
});

test('logs hold no credentials and no bodies', async (t) => {
  await using server = await serve((_request, _body, response) =>
    json(response, 200, { data: { password: 'PLANTED' } }, { 'set-cookie': 'PLANTED' }),
  );
  const lines: string[] = [];
  const transport = transportTo(
    connectionTo(server.url, {
      auth: { kind: 'token', token: 'PLANTED' },
      impersonate: { user: 'jane', groups: [], extra: { secret: ['PLANTED'] } },
    }),
    { log: (level, line) => lines.push(`${level} ${line}`) },
  );
  await transport.send({ ...GET, method: 'PATCH', body: '{"stringData":{"a":"PLANTED"}}' });
  transport.close();
  // Plain HTTP gets the credential here because the connection says so: the loader never does.
  t.regex(lines.join('\n'), /^6 PATCH http:\/\/127\.0\.0\.1:\d+\/x 200 OK in \d+ milliseconds\n/);
  t.true(lines.some((line) => line.startsWith('8 > user-agent: test')));
  t.notRegex(lines.join('\n'), /PLANTED/);
});
