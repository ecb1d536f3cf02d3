import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import type { ExecPlugin } from '../../../core/kube/connection.ts';
import { execCredentials } from '../../../core/kube/exec-credential.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { Authority } from './certificates.ts';
import { connectionTo, transportTo } from './connections.ts';
import { json, serve, status } from './servers.ts';

const V1 = 'client.authentication.k8s.io/v1';
const V1BETA1 = 'client.authentication.k8s.io/v1beta1';
const dir = mkdtempSync(join(tmpdir(), 'kube-exec-'));
const authority = new Authority();
test.after.always(() => {
  authority.remove();
  rmSync(dir, { recursive: true, force: true });
});

let scripts = 0;

/** A plugin that is a shell script; `runs` tells how often it was started. */
function plugin(
  script: string,
  more: Partial<ExecPlugin> = {},
): ExecPlugin & { runs: () => number; file: (name: string) => string } {
  scripts += 1;
  const base = join(dir, String(scripts));
  const file = (name: string) => `${base}.${name}`;
  writeFileSync(file('sh'), `#!/bin/sh\necho run >> ${file('runs')}\n${script}\n`);
  chmodSync(file('sh'), 0o755);
  return {
    command: file('sh'),
    args: [],
    env: [],
    apiVersion: V1,
    provideClusterInfo: false,
    interactiveMode: 'IfAvailable',
    environment: { PATH: process.env.PATH },
    runs: () => readFileSync(file('runs'), 'utf8').split('\n').length - 1,
    file,
    ...more,
  };
}

const credential = (fields: Record<string, unknown>, apiVersion = V1): string =>
  `cat <<'END'\n${JSON.stringify({ kind: 'ExecCredential', apiVersion, status: fields })}\nEND`;
const host = (more: { terminal?: boolean; now?: () => number } = {}) => ({
  stdinIsTerminal: () => more.terminal ?? false,
  now: more.now ?? Date.now,
});
const never = new AbortController().signal;

test('gives the token, and runs once for all who ask at the same time', async (t) => {
  const own = plugin(credential({ token: 'abc' }));
  const source = execCredentials(own, never, host());
  const all = await Promise.all([source.current(), source.current(), source.current()]);
  t.deepEqual(all[0], { headers: { authorization: 'Bearer abc' } });
  t.is(all[2], await source.current());
  t.is(own.runs(), 1);
});

test('is told the version, the cluster and whether it may ask', async (t) => {
  const cluster = { server: 'https://x', config: { audience: 'y' } };
  const write = (own: string) => `printf %s "$KUBERNETES_EXEC_INFO" > ${own}; echo "$EXTRA" >> ${own}.env`;
  for (const [apiVersion, terminal] of [
    [V1, false],
    [V1BETA1, true],
  ] as const) {
    const out = join(dir, `info-${apiVersion.length}`);
    const own = plugin(`${write(out)}\n${credential({ token: 'a' }, apiVersion)}`, {
      apiVersion,
      cluster,
      environment: { PATH: process.env.PATH, EXTRA: 'value' },
    });
    await execCredentials(own, never, host({ terminal })).current();
    t.deepEqual(JSON.parse(readFileSync(out, 'utf8')), {
      kind: 'ExecCredential',
      apiVersion,
      spec: { cluster, interactive: terminal },
    });
    t.is(readFileSync(`${out}.env`, 'utf8'), 'value\n');
  }
});

test('is asked again when the credential has expired', async (t) => {
  let now = Date.parse('2026-01-01T00:00:00Z');
  const own = plugin(credential({ token: 'a', expirationTimestamp: '2026-01-01T00:10:00Z' }));
  const source = execCredentials(own, never, host({ now: () => now }));
  await source.current();
  now += 9 * 60_000;
  await source.current();
  t.is(own.runs(), 1);
  now += 2 * 60_000;
  await source.current();
  t.is(own.runs(), 2);
});

test('a 401 renews the credential once, however many requests were refused', async (t) => {
  const own = plugin('');
  writeFileSync(
    own.file('sh'),
    `#!/bin/sh\necho run >> ${own.file('runs')}\nn=$(wc -l < ${own.file('runs')} | tr -d ' ')\nprintf '{"kind":"ExecCredential","apiVersion":"${V1}","status":{"token":"t%s"}}' "$n"\n`,
  );
  let refused = 0;
  await using server = await serve((request, _body, response) => {
    if (request.headers.authorization === 'Bearer t2') return json(response, 200, {});
    refused += 1;
    json(response, 401, status(401, 'Unauthorized'));
  });
  const transport = transportTo(connectionTo(server.url, { auth: { kind: 'exec', plugin: own } }));
  const all = await Promise.all(
    Array.from({ length: 30 }, () => transport.send({ method: 'GET', path: '/x', repeatable: true })),
  );
  transport.close();
  t.true(all.every((sent) => sent.ok));
  t.is(own.runs(), 2);
  t.true(refused <= 12);
});

test('a credential that stays refused is a 401, after one more run', async (t) => {
  const own = plugin(credential({ token: 'bad' }));
  await using server = await serve((_request, _body, response) =>
    json(response, 401, status(401, 'Unauthorized')),
  );
  const transport = transportTo(connectionTo(server.url, { auth: { kind: 'exec', plugin: own } }));
  t.like(await transport.send({ method: 'GET', path: '/x', repeatable: true }), {
    ok: false,
    failure: { status: 401 },
  });
  transport.close();
  t.is(own.runs(), 2);
});

test('its client certificate is used, and a new one makes new connections', async (t) => {
  const server = authority.issue('server', ['IP:127.0.0.1']);
  const [first, second] = [authority.issue('jane-1'), authority.issue('jane-2')];
  const own = plugin('');
  const answer = ({ cert, key }: { cert: string; key: string }) =>
    JSON.stringify({
      kind: 'ExecCredential',
      apiVersion: V1,
      status: { clientCertificateData: cert, clientKeyData: key },
    });
  writeFileSync(own.file('1'), answer(first));
  writeFileSync(own.file('2'), answer(second));
  writeFileSync(
    own.file('sh'),
    `#!/bin/sh\necho run >> ${own.file('runs')}\nn=$(wc -l < ${own.file('runs')} | tr -d ' ')\ncat ${own.file('')}$n\n`,
  );
  const users: string[] = [];
  await using listening = await serve(
    (request, _body, response) => {
      const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN as string;
      users.push(name);
      if (name === 'jane-2') json(response, 200, {});
      else json(response, 401, status(401, 'Unauthorized'));
    },
    { ...server, ca: authority.ca.cert },
  );
  const tls = { ca: Buffer.from(authority.ca.cert), insecure: false };
  const transport = transportTo(connectionTo(listening.url, { tls, auth: { kind: 'exec', plugin: own } }));
  t.true((await transport.send({ method: 'GET', path: '/x', repeatable: true })).ok);
  transport.close();
  t.deepEqual(users, ['jane-1', 'jane-2']);
});

const other = authority.issue('other');
const WRONG: [string, string, Partial<ExecPlugin>, string, RegExp, RegExp?][] = [
  ['a failure', 'echo PLANTED; exit 3', {}, 'ExecPluginFailed', /failed with exit code 3/],
  ['no JSON', 'echo PLANTED', {}, 'ExecPluginFailed', /does not print an ExecCredential/],
  [
    'another version',
    credential({ token: 'PLANTED' }, V1BETA1),
    {},
    'ExecPluginFailed',
    /answers in .*\/v1beta1 where the kubeconfig says .*\/v1$/,
  ],
  [
    'no status',
    `echo '{"kind":"ExecCredential","apiVersion":"${V1}"}'`,
    {},
    'ExecPluginFailed',
    /gives no status/,
  ],
  ['an empty status', credential({}), {}, 'ExecPluginFailed', /neither a token nor a client certificate/],
  [
    'half a pair',
    credential({ clientCertificateData: 'PLANTED' }),
    {},
    'ExecPluginFailed',
    /without its key/,
  ],
  [
    'a pair that does not match',
    credential({ clientCertificateData: other.cert, clientKeyData: authority.ca.key }),
    {},
    'ClientKeyMismatch',
    /of the exec plugin/,
  ],
  ['a token no header can hold', credential({ token: 'PLANTED\nX: y' }), {}, 'TokenInvalid', /line breaks/],
  [
    'a date that is none',
    credential({ token: 'PLANTED', expirationTimestamp: 'soon' }),
    {},
    'ExecPluginFailed',
    /is no time/,
  ],
  ['far too much', 'yes PLANTED | head -c 3000000', {}, 'ExecPluginFailed', /more than a credential/],
  [
    'a program that is not there',
    '',
    { command: 'no-such-login', installHint: 'brew install \u001b[31mlogin' },
    'ExecPluginMissing',
    /no-such-login, .* is not installed/,
    /^brew install \[31mlogin$/,
  ],
  [
    'a terminal that is not there',
    '',
    { interactiveMode: 'Always' },
    'ExecPluginInteractive',
    /wants to ask at a terminal/,
  ],
];

for (const [name, script, more, code, message, hint] of WRONG) {
  test(`one sentence, and nothing of what it printed: ${name}`, async (t) => {
    const source = execCredentials(plugin(script, more), never, host());
    const error = (await t.throwsAsync(source.current(), { instanceOf: ProblemError }))!;
    t.is(error.problems[0]!.code, code);
    t.regex(error.message, message);
    if (hint) t.regex(error.problems[0]!.hint ?? '', hint);
    t.notRegex(JSON.stringify([error.problems, error.stack]), /PLANTED/);
  });
}

test('an abort ends it at once', async (t) => {
  const controller = new AbortController();
  const own = plugin('exec sleep 60');
  const asked = execCredentials(own, controller.signal, host()).current();
  setTimeout(() => controller.abort(new Error('Ctrl-C')), 100);
  const started = performance.now();
  await t.throwsAsync(asked, { message: 'Ctrl-C' });
  t.true(performance.now() - started < 5_000);
});

test("its stderr is the person's, its stdout is nobody's", async (t) => {
  const own = plugin(`echo "open https://login and type 1234" >&2\n${credential({ token: 'PLANTED' })}`);
  const module = join(import.meta.dirname, '../../../core/kube/exec-credential.ts');
  const { runs: _runs, file: _file, ...plain } = own;
  const code = `import { execCredentials } from ${JSON.stringify(module)};
    const { headers } = await execCredentials(${JSON.stringify(plain)}, new AbortController().signal).current();
    console.log(Object.keys(headers).join());`;
  const output = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '-e', code], (error, stdout, stderr) =>
      error ? reject(error) : resolve({ stdout, stderr }),
    );
  });
  t.is(output.stdout, 'authorization\n');
  t.regex(output.stderr, /open https:\/\/login and type 1234/);
  t.notRegex(output.stderr, /PLANTED/);
});
