import test, { type ExecutionContext } from 'ava';
import { openGitLab } from '../../../core/gitlab/gitlab.ts';
import type { CommitState, GitLab, GitLabFailure } from '../../../core/model/gitlab.ts';
import { json, text } from '../../support/gitlab/answer.ts';
import {
  endpointLimited,
  type Fault,
  htmlError,
  overloaded,
  rateLimited,
  serverError,
} from '../../support/gitlab/faults.ts';
import { type GitLab as StandIn, startGitLab } from '../../support/gitlab/gitlab.ts';
import type { Project } from '../../support/gitlab/project.ts';

const NAME = 'gitlab-agent/test';

interface Scene {
  standIn: StandIn;
  project: Project;
  sha: string;
  client: GitLab;
  /** What the client waited, in ms, instead of waiting. */
  pauses: number[];
  secret: string;
  end: AbortController;
}

/** A project with a commit, and a client with a maintainer's token, or with another one. */
async function scene(
  t: ExecutionContext,
  options: { token?: string; timeout?: number } = {},
): Promise<Scene> {
  const standIn = await startGitLab();
  t.teardown(() => standIn[Symbol.asyncDispose]());
  const project = await standIn.createProject('group/shop');
  const sha = await project.commit({ 'manifest.yaml': 'x' });
  const secret = options.token ?? project.createToken({ scopes: ['api'] }).value;
  const pauses: number[] = [];
  const end = new AbortController();
  const client = openGitLab({
    url: standIn.url,
    token: async () => secret,
    signal: end.signal,
    sleep: async (ms) => void pauses.push(ms),
    random: () => 0.5,
    // No test waits for it but those that say so: on a busy machine a request may take seconds.
    timeout: options.timeout ?? 120_000,
    userAgent: 'gitlab-agent/test',
  });
  return { standIn, project, sha, client, pauses, secret, end };
}

const set = ({ client, project, sha }: Scene, state: CommitState, description = state) =>
  client.setStatus(project.path, sha, { state, name: NAME, description });

const told = ({ project: { statuses } }: Scene): string[] => statuses.map(({ status }) => status);

/** Statuses by what was sent and what GitLab makes of it: a status that has it already is no failure. */
const TRANSITIONS: { sent: CommitState[]; statuses: string[] }[] = [
  { sent: ['pending', 'running', 'success'], statuses: ['success'] },
  { sent: ['pending', 'pending', 'running', 'running', 'failed'], statuses: ['failed'] },
  { sent: ['running', 'pending', 'success'], statuses: ['success'] },
  { sent: ['pending', 'canceled'], statuses: ['canceled'] },
  { sent: ['running', 'failed', 'success'], statuses: ['failed', 'success'] },
  { sent: ['success', 'pending', 'running', 'success'], statuses: ['success', 'success'] },
];

for (const { sent, statuses } of TRANSITIONS)
  test(`a commit status goes ${sent.join(' → ')}`, async (t) => {
    const s = await scene(t);
    for (const state of sent) t.deepEqual(await set(s, state), { ok: true, value: undefined });
    t.deepEqual(told(s), statuses);
    t.deepEqual(await s.client.status('group/shop', s.sha, NAME), { ok: true, value: statuses.at(-1) });
  });

const REFUSALS: { what: string; fault: Fault; code: GitLabFailure['code']; message: string }[] = [
  {
    what: 'a text',
    fault: { answer: json(403, { message: '403 Forbidden - no' }) },
    code: 'forbidden',
    message: 'GitLab answered 403: 403 Forbidden - no',
  },
  {
    what: 'texts by field',
    fault: {
      answer: json(400, { message: { name: ['has already been taken'], ref: ['is bad', 'is odd'] } }),
    },
    code: 'invalid',
    message: 'GitLab answered 400: name has already been taken; ref is bad, is odd',
  },
  {
    what: 'an error in the message',
    fault: { answer: json(422, { message: { error: 'too many jobs' } }) },
    code: 'invalid',
    message: 'GitLab answered 422: too many jobs',
  },
  {
    what: 'an error',
    fault: { answer: json(400, { error: 'state does not have a valid value' }) },
    code: 'invalid',
    message: 'GitLab answered 400: state does not have a valid value',
  },
  {
    what: 'an error with a description',
    fault: { answer: json(401, { error: 'invalid_token', error_description: 'Token is expired.' }) },
    code: 'unauthorized',
    message: 'GitLab answered 401: Token is expired.',
  },
  {
    what: 'plain text',
    fault: { answer: text(404, 'nothing\nhere\n') },
    code: 'notFound',
    message: 'GitLab answered 404: nothing here',
  },
  {
    what: '500',
    fault: serverError(),
    code: 'unavailable',
    message: 'GitLab answered 500: 500 Internal Server Error',
  },
  {
    what: 'JSON that ends too early',
    fault: { answer: { status: 400, headers: { 'content-type': 'application/json' }, body: '{"mess' } },
    code: 'invalid',
    message: 'GitLab answered 400: an answer that is no complete JSON',
  },
  {
    what: 'a login page instead of an answer',
    fault: {
      answer: { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><title>Sign in</title>' },
    },
    code: 'unavailable',
    message: 'GitLab answered 200: an HTML page ("Sign in")',
  },
  {
    what: 'a redirect elsewhere',
    fault: { answer: text(301, 'moved', { location: 'https://elsewhere.example/api/v4/projects/1' }) },
    code: 'unavailable',
    message: 'GitLab answered 301: moved',
  },
];

for (const { what, fault, code, message } of REFUSALS)
  test(`a refusal in one sentence: ${what}`, async (t) => {
    const s = await scene(t);
    const handle = s.standIn.fault(fault);
    const answer = await set(s, 'running');
    t.false(answer.ok);
    if (!answer.ok) t.like(answer.failure, { code, message });
    t.is(handle.hits, 1);
  });

const PASSING: { what: string; fault: Fault; pause?: number }[] = [
  { what: '429 of the limiter in front', fault: rateLimited(7), pause: 7_000 },
  { what: '429 of the limiter inside', fault: endpointLimited() },
  { what: '502 with a page', fault: htmlError(502) },
  { what: '503', fault: overloaded(3), pause: 3_000 },
  { what: '504 with a page', fault: htmlError(504) },
  {
    what: '409',
    fault: { answer: json(409, { message: 'Another update to this commit status is in progress' }) },
  },
  { what: 'a cut connection', fault: 'cut' },
  { what: 'a connection that is cut when it is done', fault: 'cut after' },
  { what: 'half an answer', fault: { cutAfter: 10 } },
];

for (const { what, fault, pause } of PASSING)
  test(`what passes is tried again: ${what}`, async (t) => {
    const s = await scene(t);
    await set(s, 'pending');
    s.standIn.fault(fault, { times: 2 });
    t.deepEqual(await set(s, 'running'), { ok: true, value: undefined });
    t.deepEqual(told(s), ['running']);
    t.is(s.pauses.length, 2);
    if (pause) t.deepEqual(s.pauses, [pause, pause]);
  });

test('what does not pass is given up after four attempts, and a long Retry-After at once', async (t) => {
  const s = await scene(t);
  const down = s.standIn.fault(htmlError(503));
  const answer = await set(s, 'running');
  t.deepEqual(answer.ok ? 'ok' : [answer.failure.code, answer.failure.status], ['unavailable', 503]);
  t.is(down.hits, 4);
  down.clear();
  const limited = s.standIn.fault(rateLimited(600));
  const second = await set(s, 'running');
  t.is(second.ok ? 'ok' : second.failure.code, 'throttled');
  t.is(limited.hits, 1);
});

test('a GitLab that does not answer is said, without its token, and so is one that is not there', async (t) => {
  const s = await scene(t, { timeout: 200 });
  s.standIn.fault('hang');
  const slow = await s.client.project('group/shop');
  t.like(slow, {
    ok: false,
    failure: { status: 0, message: 'GitLab did not answer: not within 0.2 seconds' },
  });
  const { standIn, client } = await scene(t);
  await standIn.interrupt();
  const gone = await client.project('group/shop');
  t.regex(
    gone.ok ? '' : gone.failure.message,
    /^GitLab did not answer: nothing listens at http:\/\/\S+ \(connection refused\)$/,
  );
});

test('the end of the client ends a request at once', async (t) => {
  const s = await scene(t);
  s.standIn.fault('hang');
  const asked = s.client.project('group/shop');
  const reason = new Error('the agent ends');
  s.end.abort(reason);
  t.is(await asked.catch((error) => error), reason);
});

const TOKENS: {
  what: string;
  make: (project: Project, standIn: StandIn) => string;
  code: string;
  words: RegExp;
}[] = [
  { what: 'wrong', make: () => 'glpat-wrong', code: 'unauthorized', words: /401: 401 Unauthorized$/ },
  {
    what: 'expired',
    make: (project) => project.createToken({ expiresAt: '2020-01-01' }).value,
    code: 'unauthorized',
    words: /401: Token is expired/,
  },
  {
    what: 'revoked',
    make: (project) => {
      const token = project.createToken();
      token.revoked = true;
      return token.value;
    },
    code: 'unauthorized',
    words: /401: Token was revoked/,
  },
  {
    what: 'of a smaller scope',
    make: (project) => project.createToken({ scopes: ['read_api'] }).value,
    code: 'forbidden',
    words: /403: The request requires higher privileges/,
  },
  {
    what: 'of a smaller role',
    make: (project) => project.createToken({ role: 'reporter' }).value,
    code: 'forbidden',
    words: /403: 403 Forbidden$/,
  },
  {
    what: 'of a developer, on a protected branch',
    make: (project) => project.createToken({ role: 'developer' }).value,
    code: 'forbidden',
    words: /403: 403 Forbidden$/,
  },
  {
    what: 'of somebody else',
    make: (_project, standIn) => standIn.createUser('stranger').createToken().value,
    code: 'notFound',
    words: /404: 404 Project Not Found$/,
  },
];

for (const { what, make, code, words } of TOKENS)
  test(`a token that is ${what}`, async (t) => {
    const s = await scene(t);
    const secret = make(s.project, s.standIn);
    const client = openGitLab({
      url: s.standIn.url,
      token: async () => secret,
      signal: s.end.signal,
      sleep: async (ms) => void s.pauses.push(ms),
      random: Math.random,
      userAgent: 'gitlab-agent/test',
    });
    const answer = await set({ ...s, client }, 'running');
    t.is(answer.ok ? 'ok' : answer.failure.code, code);
    t.regex(answer.ok ? '' : answer.failure.message, words);
    t.deepEqual(s.pauses, []);
  });

test('a renamed project is found by its old path, for reading and for writing', async (t) => {
  const s = await scene(t);
  await set(s, 'pending');
  s.project.rename('group/store');
  t.deepEqual(await s.client.project('group/shop'), {
    ok: true,
    value: { id: s.project.id, path: 'group/store' },
  });
  t.deepEqual(await s.client.status('group/shop', s.sha, NAME), { ok: true, value: 'pending' });
  t.deepEqual(await s.client.status('group/shop', s.sha, 'gitlab-agent/other'), {
    ok: true,
    value: undefined,
  });
  const old = 'group/shop';
  t.true((await s.client.setStatus(old, s.sha, { state: 'running', name: NAME, description: 'x' })).ok);
  t.true((await s.client.setStatus(old, s.sha, { state: 'success', name: NAME, description: 'x' })).ok);
  t.deepEqual(told(s), ['success']);
  // What it was found out by is known from then on.
  t.is(s.standIn.requests.filter(({ status }) => status === 405).length, 1);
  const made = { environment: 'production', sha: s.sha, ref: 'main', tag: false, state: 'running' } as const;
  t.true((await s.client.createDeployment(old, made)).ok);
});

test('redirects in a circle end', async (t) => {
  const s = await scene(t);
  const location = (path: string) => (path.endsWith('/1') ? '/api/v4/projects/2' : '/api/v4/projects/1');
  for (const path of ['/api/v4/projects/1', '/api/v4/projects/2'])
    s.standIn.fault(
      { answer: text(301, 'moved', { location: location(path) }) },
      { on: (request) => request.path === path },
    );
  const answer = await s.client.project('1');
  t.is(answer.ok ? 'ok' : answer.failure.code, 'unavailable');
  t.true(s.standIn.requests.length < 20);
});

test('deployments move as statuses do', async (t) => {
  const s = await scene(t);
  const { client, sha, project } = s;
  t.deepEqual(await client.deployment('group/shop', 'production', sha), { ok: true, value: undefined });
  const made = await client.createDeployment('group/shop', {
    environment: 'production',
    sha,
    ref: 'main',
    tag: false,
    state: 'running',
  });
  t.true(made.ok);
  const id = made.ok ? made.value : 0;
  t.deepEqual(await client.deployment('group/shop', 'production', sha), {
    ok: true,
    value: { id, state: 'running' },
  });
  for (const state of ['running', 'success', 'success'] as const)
    t.deepEqual(await client.updateDeployment('group/shop', id, state), { ok: true, value: undefined });
  t.deepEqual(
    project.deployments.map(({ status }) => status),
    ['success'],
  );
});

test('descriptions have at most 255 characters, also where those are more than one unit', async (t) => {
  const s = await scene(t);
  t.true((await set(s, 'failed', `${'a'.repeat(253)}😀${'b'.repeat(50)}` as CommitState)).ok);
  const { description } = s.project.statuses[0]!;
  t.true(description!.length <= 255 && description!.isWellFormed() && description!.endsWith('…'));
});

test('the token is in the header of each request and in nothing that is said', async (t) => {
  const s = await scene(t);
  const faults: Fault[] = [serverError(), htmlError(502), 'cut', rateLimited(100), { cutAfter: 3 }];
  for (const fault of faults) {
    const handle = s.standIn.fault(fault);
    const answer = await set(s, 'running');
    handle.clear();
    t.false(answer.ok);
    t.false(JSON.stringify(answer).includes(s.secret));
  }
  const echo = s.standIn.fault({ answer: json(400, { message: `bad token ${s.secret}` }) });
  const answer = await set(s, 'running');
  echo.clear();
  t.false(JSON.stringify(answer).includes(s.secret), 'also where GitLab says it');
  for (const { path, headers } of s.standIn.requests) {
    t.false(path.includes(s.secret));
    t.is(headers['private-token'], s.secret);
    t.is(headers['user-agent'], 'gitlab-agent/test');
  }
});
