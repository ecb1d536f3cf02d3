/** Requests that no client makes: what two programs on their way could read in two ways is refused. */
import test from 'ava';
import { ScriptedTunnel } from '../kas/scripted-tunnel.ts';
import { sendRaw } from './raw.ts';
import { scene } from './scene.ts';
import { ask, serveOne } from './visits.ts';

const CI = 'ci_access: { projects: [{ id: group/app }] }\n';
const NEXT = 'GET /k8s-proxy/next HTTP/1.1\r\nHost: x\r\n\r\n';

const CASES: [why: string, method: string, headers: string[], body: string, status: number][] = [
  ['two lengths', 'POST', ['Content-Length: 4', 'Content-Length: 5'], 'abcde', 400],
  ['the same length twice', 'POST', ['Content-Length: 4', 'Content-Length: 4'], 'abcd', 400],
  ['a length with a sign', 'POST', ['Content-Length: +4'], 'abcd', 400],
  ['a length beyond numbers', 'POST', [`Content-Length: ${'9'.repeat(30)}`], 'abcd', 400],
  ['length and chunks', 'POST', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n', 400],
  ['an encoding that is none', 'POST', ['Transfer-Encoding: xchunked'], '0\r\n\r\n', 400],
  ['chunks inside of another encoding', 'POST', ['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n', 400],
  ['two encodings', 'POST', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], '0\r\n\r\n', 400],
  ['chunked twice', 'POST', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n', 400],
  ['a folded header', 'GET', ['X-A: b\r\n c'], '', 400],
  ['a space before the colon', 'GET', ['Impersonate-User : admin'], '', 400],
  ['a zero byte in a header', 'GET', ['X-A: a\0b'], '', 400],
  ['a line feed alone', 'GET', ['X-A: b\nImpersonate-User: admin'], '', 400],
  ['more headers than Node counts', 'GET', [...Array(3_000).fill('a: b'), 'Impersonate-User: a'], '', 431],
  ['an echo', 'TRACE', [], '', 405],
  [
    'an upgrade with a body',
    'POST',
    ['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 4'],
    'abcd',
    400,
  ],
  [
    'an upgrade with chunks',
    'POST',
    ['Connection: Upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked'],
    '0\r\n\r\n',
    400,
  ],
  [
    'an upgrade to HTTP/2',
    'GET',
    ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    '',
    400,
  ],
  ['one of two upgrades', 'GET', ['Connection: Upgrade', 'Upgrade: websocket, h2c'], '', 400],
];

test('each is refused, its connection ends, and what follows is no request', async (t) => {
  const { kas, url, ci, server } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  const asked = tunnel.next();
  asked.catch(() => {});
  const { port, pathname } = new URL(url);
  for (const [why, method, headers, body, status] of CASES) {
    const head = [`${method} ${pathname}api HTTP/1.1`, 'Host: x', `Authorization: ${ci.authorization}`];
    const { answer, isClosed } = await sendRaw(
      Number(port),
      `${[...head, ...headers].join('\r\n')}\r\n\r\n${body}${NEXT}`,
      // Where the request itself was in order, the next one may be.
      (soFar) => method === 'TRACE' && soFar.includes('\r\n\r\n{'),
    );
    t.is(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), status, why);
    t.true(isClosed || method === 'TRACE', why);
    t.is(answer.split('HTTP/1.1').length, 2, why);
  }
  for (const line of ['CONNECT 127.0.0.1:1 HTTP/1.1', `GET ${pathname}a\0 HTTP/1.1`, 'PRI * HTTP/2.0'])
    t.regex((await sendRaw(Number(port), `${line}\r\nHost: x\r\n\r\n`)).answer, /^HTTP\/1\.1 40[05] /, line);
  // None of them came to the agent: this one is its first.
  const reply = ask(url, '/last', { headers: ci });
  t.is((await asked)?.case, 'requestInfo');
  tunnel.send({ case: 'error', value: { status: { code: 14, message: 'seen' } } });
  t.is((await reply).status, 503);
  const secrets = [ci.authorization.slice(12), 'Impersonate'];
  const log = server.lines.map((line) => JSON.stringify(line)).join('\n');
  for (const secret of secrets) t.false(log.includes(secret));
  t.deepEqual(server.noise, []);
});

test('requests on one connection are answered each for itself, and end with it', async (t) => {
  const { kas, url, ci } = await scene(t, CI);
  const { port, pathname } = new URL(url);
  const request = (path: string): string =>
    `GET ${pathname}${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${ci.authorization}\r\n\r\n`;
  const [served] = [[0, 1, 2].map(() => serveOne(new ScriptedTunnel(t, kas)))];
  const { answer } = await sendRaw(
    Number(port),
    request('one') + request('two') + request('three'),
    (soFar) => soFar.split('\r\n0\r\n\r\n').length === 4,
  );
  t.is(answer.split('HTTP/1.1 200').length, 4);
  await Promise.all(served);
});

test('one credential takes no more than half of what an agent carries', async (t) => {
  const { url, ci, jobs } = await scene(t, CI);
  const waiting = Array.from({ length: 250 }, () => ask(url, '/api', { headers: ci }));
  let refused = { status: 0, body: '' };
  while (refused.status !== 429)
    refused = await Promise.race([ask(url, '/api', { headers: ci }), ...waiting]);
  t.regex(refused.body, /250 requests with this credential/);
  const other = { authorization: `Bearer ci:1:${jobs.createJobToken().value}` };
  // Nobody serves it, but it is let in.
  t.is((await ask(url, '/api', { headers: other })).status, 503);
  await Promise.all(waiting);
  t.is((await ask(url, '/api', { headers: ci })).status, 503);
});
