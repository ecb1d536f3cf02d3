import { randomBytes } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import test from 'ava';
import type { ImpersonationConfig } from '../../core/grpc/generated/kubernetes_api_pb.ts';
import { ScriptedTunnel } from '../kas/scripted-tunnel.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { scene } from './scene.ts';
import { ask, partOf, serveOne } from './visits.ts';

const CI = 'ci_access: { projects: [{ id: group/app }] }\n';

test('a request is carried to the agent and its answer back; what is not for the cluster is left out', async (t) => {
  const { kas, url, ci, server } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  const [reply, served] = await Promise.all([
    ask(url, '/api/v1/namespaces/a%20b/pods?watch=1&labelSelector=a%3Db&labelSelector=c&gitlab-agent-id=7', {
      method: 'POST',
      headers: {
        ...ci,
        accept: 'application/json',
        cookie: 'a=b',
        'x-remote-user': 'admin',
        'x-forwarded-for': '1.2.3.4',
        'gitlab-agent-id': '2',
        connection: 'x-own, keep-alive',
        'x-own': '1',
        x_remote_user: 'admin',
        'user-agent': 'kubectl/v1.34',
      },
      body: 'body',
    }),
    serveOne(tunnel),
  ]);
  t.is(reply.status, 200);
  t.is(reply.body, 'ok');
  t.is(served.method, '/gitlab.agent.kubernetes_api.rpc.KubernetesApi/MakeRequest');
  t.is(served.request.method, 'POST');
  t.is(served.request.urlPath, '/api/v1/namespaces/a b/pods');
  t.deepEqual(
    Object.entries(served.request.query).map(([name, { value }]) => [name, value]),
    [
      ['watch', ['1']],
      ['labelSelector', ['a=b', 'c']],
    ],
  );
  t.deepEqual(
    Object.fromEntries(Object.entries(served.request.header).map(([name, { value }]) => [name, value])),
    {
      // GitLab's agents know names as Go writes them only.
      Accept: ['application/json'],
      'User-Agent': ['kubectl/v1.34'],
      Via: ['1.1 gitlab-agent-server'],
    },
  );
  t.is(served.as, undefined);
  t.is(served.body, 'body');
  const line = await server.said('Kubernetes API request', { code: 200 });
  t.like(line, {
    method: 'POST',
    path: '/api/v1/namespaces/a b/pods',
    agent_id: '1',
    access: 'ci',
    user: 'root',
    project: 'group/app',
  });
  t.is(line.received_bytes, 4);
  t.is(line.sent_bytes, 2);
});

test('requests that mean no good are refused with a Status, logged once, and reach no agent', async (t) => {
  const { kas, url, ci, server, jobs } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  let asked = false;
  void tunnel.next().then(
    () => {
      asked = true;
    },
    () => {},
  );
  const ended = jobs.createJobToken();
  ended.running = false;
  const huge = 'x'.repeat(70_000);
  const cases: [
    why: string,
    path: string,
    headers: Record<string, string | string[]>,
    status: number,
    words: RegExp,
  ][] = [
    ['no credential', '/api', {}, 401, /there is no credential/],
    [
      'two credentials',
      '/api',
      { authorization: [ci.authorization, ci.authorization] },
      400,
      /more than one header Authorization/,
    ],
    ['another scheme', '/api', { authorization: 'Basic YTpi' }, 401, /neither ci:/],
    ['no agent', '/api', { authorization: 'Bearer ci:x:y' }, 401, /neither ci:/],
    ['wrong token', '/api', { authorization: 'Bearer ci:1:wrong' }, 401, /unauthenticated/],
    ['ended job', '/api', { authorization: `Bearer ci:1:${ended.value}` }, 401, /unauthenticated/],
    ['truncated token', '/api', { authorization: ci.authorization.slice(0, -3) }, 401, /unauthenticated/],
    [
      'a job token as a person',
      '/api',
      { authorization: ci.authorization.replace('ci:', 'pat:') },
      401,
      /unauthenticated/,
    ],
    [
      'another agent',
      '/api',
      { authorization: ci.authorization.replace('ci:1:', 'ci:2:') },
      403,
      /agentId is not allowed/,
    ],
    ['above the prefix', '!/api', ci, 400, /does not start with expected prefix/],
    ['dots', '/api/../../x', ci, 400, /segment/],
    ['encoded dots', '/api/%2e%2e/x', ci, 400, /segment/],
    ['encoded slash', '/api/..%2fx', ci, 400, /encoded slash/],
    ['backslash', '/api\\..\\x', ci, 400, /backslash/],
    ['two slashes', '//example.com/api', ci, 400, /two slashes/],
    ['an absolute URL', '!http://127.0.0.1:1/k8s-proxy/api', ci, 400, /expected prefix/],
    ['control characters', '/api%0d%0aX:1', ci, 400, /control characters/],
    ['broken encoding', '/api/%zz', ci, 400, /not encoded/],
    ['impersonation', '/api', { ...ci, 'impersonate-user': 'admin' }, 400, /impersonate-user is not allowed/],
    ['dots, encoded twice', '/api/%252e%252E/x', ci, 400, /segment/],
    ['a slash, encoded thrice', '/api/..%25252fx', ci, 400, /encoded slash/],
    ['a long path', `/api/${'x'.repeat(10_000)}`, ci, 400, /too long/],
    ['impersonation for CGI', '/api', { ...ci, Impersonate_User: 'admin' }, 400, /not allowed/],
    ['impersonation of an extra', '/api', { ...ci, 'Impersonate-Extra-a': 'admin' }, 400, /not allowed/],
    ['huge headers', '/api', { ...ci, 'x-a': huge }, 431, /too large/],
  ];
  for (const [why, path, headers, status, words] of cases) {
    const reply = await ask(url, path, { headers });
    t.is(reply.status, status, why);
    const body = JSON.parse(reply.body);
    t.like(body, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status }, why);
    t.regex(body.message, words, why);
    t.is(reply.headers['gitlab-unauthorized'], status === 401 ? 'true' : undefined, why);
  }
  t.false(asked);
  const lines = server.lines.filter(({ msg }) => msg === 'Kubernetes API request');
  // Headers that are too large never become a request.
  t.is(lines.length, cases.length - 1);
  const log = server.lines.map((line) => JSON.stringify(line)).join('\n');
  t.false(log.includes(ended.value) || log.includes(ci.authorization.slice(12)));
});

test('an agent that answers out of order, too early or with nonsense spoils its own request only', async (t) => {
  const { kas, url, ci } = await scene(t, CI);
  const scripts: [why: string, run: (tunnel: ScriptedTunnel) => void, status: number, words: RegExp][] = [
    ['no header of the call', (tunnel) => tunnel.answer({ case: 'trailer', value: {} }), 400, /out of order/],
    [
      'data first',
      (tunnel) => {
        tunnel.send({ case: 'header', value: {} });
        tunnel.answer({ case: 'data', value: {} });
      },
      502,
      /out of order: data after start/,
    ],
    [
      'two headers',
      (tunnel) => {
        tunnel.send({ case: 'header', value: {} });
        tunnel.send({ case: 'header', value: {} });
      },
      400,
      /out of order/,
    ],
    ['no status', (tunnel) => tunnel.begin(0), 502, /without a status/],
    [
      'a header that splits',
      (tunnel) => tunnel.begin(200, { 'a\r\nb': { value: ['c'] } }),
      502,
      /a header that is none/,
    ],
    [
      'a value that splits',
      (tunnel) => tunnel.begin(200, { a: { value: ['c\r\n\r\nd'] } }),
      502,
      /a header that is none/,
    ],
    ['huge headers', (tunnel) => tunnel.begin(200, { a: { value: ['c'.repeat(70_000)] } }), 502, /too large/],
    ['an upgrade that nobody asked for', (tunnel) => tunnel.begin(101), 502, /nobody asked/],
    [
      'no message',
      (tunnel) => {
        tunnel.send({ case: 'header', value: {} });
        tunnel.send({ case: 'message', value: { data: Buffer.from('nonsense') } });
      },
      502,
      /no message/,
    ],
    [
      'an error',
      (tunnel) => tunnel.send({ case: 'error', value: { status: { code: 7, message: 'no' } } }),
      403,
      /no/,
    ],
    [
      'a trailer of the call',
      (tunnel) => {
        tunnel.send({ case: 'header', value: {} });
        tunnel.send({ case: 'trailer', value: {} });
        tunnel.end();
      },
      502,
      /the end after start/,
    ],
  ];
  for (const [why, run, status, words] of scripts) {
    const tunnel = new ScriptedTunnel(t, kas);
    const reply = ask(url, '/api', { headers: ci, method: 'POST' });
    await tunnel.next();
    run(tunnel);
    const { status: told, body } = await reply;
    t.is(told, status, `${why}: ${body}`);
    t.regex(JSON.parse(body).message, words, why);
  }
  const tunnel = new ScriptedTunnel(t, kas);
  const [reply] = await Promise.all([ask(url, '/api', { headers: ci }), serveOne(tunnel)]);
  t.is(reply.status, 200);
});

test('a tunnel that begins with anything but its descriptor, or speaks before it is asked, is ended', async (t) => {
  const { kas } = await scene(t, CI);
  const wrong = new ScriptedTunnel(t, kas, { case: 'trailer', value: {} });
  await t.throwsAsync(wrong.next(), { message: /begins with its descriptor/ });
  const early = new ScriptedTunnel(t, kas);
  early.send({ case: 'header', value: {} });
  await t.throwsAsync(early.next(), { message: /there is no call to answer/ });
});

test('half an answer is cut off, never made whole', async (t) => {
  const { kas, url, ci } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  const reply = ask(url, '/api', { headers: ci });
  await tunnel.next();
  tunnel.begin();
  tunnel.answer({ case: 'data', value: { data: Buffer.from('half') } });
  tunnel.end();
  await t.throwsAsync(reply, { code: 'ECONNRESET' });
});

test('a tunnel that the agent takes back at that moment loses no request', async (t) => {
  const { kas, url, ci } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  const reply = ask(url, '/api', { headers: ci, method: 'DELETE' });
  t.is((await tunnel.next())?.case, 'requestInfo');
  tunnel.end();
  await serveOne(new ScriptedTunnel(t, kas));
  t.is((await reply).status, 200);
});

test('without an agent a request waits a while, and says so', async (t) => {
  const { url, ci, kas } = await scene(t, CI);
  const startedAt = performance.now();
  const { status, body } = await ask(url, '/api', { headers: ci });
  t.is(status, 503);
  t.regex(JSON.parse(body).message, /agent 1 is not connected/);
  t.true(performance.now() - startedAt > 1_000);
  // One that comes back meanwhile serves it.
  const reply = ask(url, '/api', { headers: ci });
  await serveOne(new ScriptedTunnel(t, kas));
  t.is((await reply).status, 200);
});

test('whoever leaves ends the call; whoever may not go on is cut off', async (t) => {
  const { kas, url, ci, job } = await scene(t, CI);
  const begin = async () => {
    const tunnel = new ScriptedTunnel(t, kas);
    const { hostname, port, pathname } = new URL(url);
    const request = http.get({ hostname, port, path: `${pathname}api?watch=1`, headers: ci, agent: false });
    const response = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
    });
    for (let part = await tunnel.next(); ; part = await tunnel.next())
      if (part?.case === 'message' && partOf(part).case === 'trailer') break;
    tunnel.begin();
    return { tunnel, request, response: await response };
  };
  const untilEnd = async (tunnel: ScriptedTunnel): Promise<void> => {
    while (await tunnel.next());
  };
  const left = await begin();
  left.request.destroy();
  await t.throwsAsync(untilEnd(left.tunnel), { message: /the caller has left/ });
  const revoked = await begin();
  job.running = false;
  await t.throwsAsync(untilEnd(revoked.tunnel), { message: /the caller has left/ });
  await waitFor(() => revoked.response.destroyed, { what: 'the end of the answer' });
});

test('a reader that does not read holds the agent back', async (t) => {
  const { kas, url, ci, server } = await scene(t, CI);
  const tunnel = new ScriptedTunnel(t, kas);
  const { hostname, port, pathname } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET ${pathname}api HTTP/1.1\r\nHost: x\r\nAuthorization: ${ci.authorization}\r\n\r\n`);
  t.is((await tunnel.next())?.case, 'requestInfo');
  tunnel.begin();
  const chunk = randomBytes(256 * 1024);
  const chunks = 400;
  for (let count = 0; count < chunks; count += 1) tunnel.answer({ case: 'data', value: { data: chunk } });
  const rss = async (): Promise<number> =>
    Number(/^process_resident_memory_bytes (\d+)/m.exec(await server.get('/metrics'))![1]);
  const before = await rss();
  // What the network holds, and no more: as long as nothing moves, memory does not either.
  let last = -1;
  await waitFor(
    () => {
      const [now, earlier] = [tunnel.taken, last];
      last = now;
      return now > 0 && now === earlier;
    },
    { what: 'the agent to be held back' },
  );
  t.true(tunnel.taken < 100, `${tunnel.taken} of ${chunks} pieces were taken`);
  t.true((await rss()) - before < 64 * 2 ** 20);
  // All of it arrives once somebody reads.
  let length = 0;
  socket.on('data', (data) => {
    length += data.length;
  });
  socket.resume();
  tunnel.finish();
  await waitFor(() => length > chunks * chunk.length, { what: 'all of the answer' });
});

const AS: [why: string, config: string, expected: Partial<ImpersonationConfig> | undefined | RegExp][] = [
  ['of a group', 'ci_access: { groups: [{ id: group }] }', undefined],
  [
    'as the job',
    'ci_access: { groups: [{ id: group, access_as: { ci_job: {} } }] }',
    { username: 'gitlab:ci_job:1' },
  ],
  [
    'the project before its group',
    'ci_access: { groups: [{ id: group }], projects: [{ id: group/app, access_as: { impersonate: { username: u, groups: [g], uid: "1", extra: [{ key: k, val: [a, b] }] } } }] }',
    { username: 'u', groups: ['g'], uid: '1' },
  ],
  [
    'of another project',
    'ci_access: { projects: [{ id: group/other }] }',
    /names neither group\/app nor a group of it/,
  ],
  ['of nobody', 'gitops: {}', /names neither/],
  [
    'of protected branches',
    'ci_access: { projects: [{ id: group/app, protected_branches_only: true }] }',
    /names neither/,
  ],
  [
    'of an environment',
    'ci_access: { projects: [{ id: group/app, environments: [production] }] }',
    /names neither/,
  ],
  [
    'a key that nobody knows',
    'ci_access: { projects: [{ id: group/app, only_on_mondays: true }] }',
    /config\.yaml:1:42: unknown key "only_on_mondays"/,
  ],
  [
    'two ways',
    'ci_access: { projects: [{ id: group/app, access_as: { agent: {}, ci_job: {} } }] }',
    /exactly one of agent, ci_job, impersonate/,
  ],
];
for (const [why, config, expected] of AS)
  test(`ci_access: ${why}`, async (t) => {
    const { kas, url, ci } = await scene(t, `${config}\n`);
    if (expected instanceof RegExp) {
      const { status, body } = await ask(url, '/api', { headers: ci });
      t.is(status, 403);
      t.regex(JSON.parse(body).message, expected);
      return;
    }
    const [reply, { as }] = await Promise.all([
      ask(url, '/api', { headers: ci }),
      serveOne(new ScriptedTunnel(t, kas)),
    ]);
    t.is(reply.status, 200);
    if (expected) t.like(as, expected as object);
    else t.is(as, undefined);
  });

test('user_access: people by their role, as the agent or as themselves', async (t) => {
  const { gitlab, kas, url, config, jobs } = await scene(
    t,
    'user_access: { projects: [{ id: group/app }], groups: [{ id: group }] }\n',
  );
  const [dev, guest, owner, stranger] = ['dev', 'guest', 'owner', 'stranger'].map((name) =>
    gitlab.createUser(name),
  );
  jobs.members.set(dev!.id, 30);
  jobs.members.set(guest!.id, 10);
  gitlab.addGroupMember('group', owner!, 'owner');
  const headersOf = (user: typeof dev) => ({
    authorization: `Bearer pat:1:${user!.createToken({ scopes: ['read_api'] }).value}`,
  });
  for (const [user, status] of [
    [dev, 200],
    [guest, 403],
    [owner, 200],
    [stranger, 403],
  ] as const) {
    const served = status === 200 ? serveOne(new ScriptedTunnel(t, kas)) : undefined;
    const reply = await ask(url, '/api', { headers: headersOf(user) });
    t.is(reply.status, status, `${user!.username} ${reply.body}`);
    t.is((await served)?.as, undefined);
  }
  await config.commit({
    '.gitlab/agents/test/config.yaml':
      'user_access: { access_as: { user: {} }, projects: [{ id: group/app }], groups: [{ id: group }] }\n',
  });
  const as = await waitFor(
    async () => {
      const served = serveOne(new ScriptedTunnel(t, kas));
      await ask(url, '/api', { headers: headersOf(owner) });
      return (await served).as;
    },
    { what: 'the new configuration' },
  );
  t.is(as.username, 'gitlab:user:owner');
  t.true(as.groups.includes('gitlab:user'));
  t.true(as.groups.includes(`gitlab:project_role:${jobs.id}:maintainer`));
  t.true(as.groups.some((group) => /^gitlab:group_role:\d+:owner$/.test(group)));
  t.deepEqual(
    as.extra.map(({ key, val }) => [key, ...val]),
    [
      ['agent.gitlab.com/id', '1'],
      ['agent.gitlab.com/username', 'owner'],
      ['agent.gitlab.com/access_type', 'personal_access_token'],
      ['agent.gitlab.com/config_project_id', '0'],
    ],
  );
});
