/** An agent that would have its answer read as more than one: behind a proxy the second would be somebody else's. */
import test from 'ava';
import { ScriptedTunnel } from '../kas/scripted-tunnel.ts';
import { sendRaw } from './raw.ts';
import { scene } from './scene.ts';
import { ask } from './visits.ts';

const CI = 'ci_access: { projects: [{ id: group/app }] }\n';
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';

interface Script {
  why: string;
  status?: number;
  header?: Record<string, string[]>;
  body?: string;
  method?: string;
  /** What a person's connection has after the header of its answer; undefined where the server answers instead. */
  expected?: string;
}

const SCRIPTS: Script[] = [
  { why: 'an answer before the answer', status: 100 },
  { why: 'hints before the answer', status: 103, header: { Link: ['x'] } },
  { why: 'a status below all', status: 199 },
  { why: 'more than it says', header: { 'Content-Length': ['2'] }, body: `ok${EVIL}`, expected: '' },
  { why: 'less than it says', header: { 'Content-Length': ['20'] }, body: 'ok', expected: 'ok' },
  { why: 'two lengths', header: { 'Content-Length': ['2', '4'] }, body: 'ok' },
  { why: 'two lengths, written apart', header: { 'Content-Length': ['2'], 'content-length': ['4'] } },
  { why: 'two lengths in one', header: { 'Content-Length': ['2, 4'] }, body: 'ok' },
  { why: 'a length in words', header: { 'Content-Length': ['two'] }, body: 'ok' },
  { why: 'a negative length', header: { 'Content-Length': ['-2'] }, body: 'ok' },
  {
    why: 'chunks of its own',
    header: { 'Transfer-Encoding': ['chunked'] },
    body: `0\r\n\r\n${EVIL}`,
    expected: `2f\r\n0\r\n\r\n${EVIL}\r\n0\r\n\r\n`,
  },
  { why: 'a body where there is none', status: 204, body: EVIL, expected: '' },
  { why: 'a body of what has not changed', status: 304, body: EVIL, expected: '' },
  { why: 'a body for HEAD', method: 'HEAD', header: { 'Content-Length': ['2'] }, body: EVIL, expected: '' },
];

test('each answer ends where the person takes it to end, or there is none', async (t) => {
  const { kas, url, ci } = await scene(t, CI);
  const { port, pathname } = new URL(url);
  for (const { why, status = 200, header = {}, body, method = 'GET', expected } of SCRIPTS) {
    const tunnel = new ScriptedTunnel(t, kas);
    const request = `${method} ${pathname}api HTTP/1.1\r\nHost: x\r\nAuthorization: ${ci.authorization}\r\n`;
    // The second request shows where the first answer ended.
    const reply = sendRaw(
      Number(port),
      `${request}\r\n${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    await tunnel.next();
    tunnel.begin(
      status,
      Object.fromEntries(Object.entries(header).map(([name, value]) => [name, { value }])),
    );
    if (body !== undefined) tunnel.answer({ case: 'data', value: { data: Buffer.from(body) } });
    tunnel.finish();
    const { answer } = await reply;
    t.is(Number(answer.slice(9, 12)), expected === undefined ? 502 : status, why);
    const [rest] = answer.slice(answer.indexOf('\r\n\r\n') + 4).split('HTTP/1.1 400 Bad Request\r\n');
    if (expected !== undefined) t.is(rest, expected, why);
  }
});

test('what an agent says of a failure is short, one line, and never that the person is nobody', async (t) => {
  const { kas, url, ci, server } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  const reply = ask(url, '/api', { headers: ci });
  await tunnel.next();
  const message = `no\n\x1b[2J${'x'.repeat(100_000)}`;
  tunnel.send({ case: 'error', value: { status: { code: 16, message } } });
  const { status, headers, body } = await reply;
  t.is(status, 502);
  t.is(headers['gitlab-unauthorized'], undefined);
  t.true(body.length < 3_000);
  t.false(JSON.parse(body).message.includes('\x1b'));
  const line = await server.said('Kubernetes API request', { code: 502 });
  t.true(JSON.stringify(line).length < 3_000);
});
