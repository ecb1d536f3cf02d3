import test from 'ava';
import { waitFor } from '../support/control-plane/wait.ts';
import {
  endpointLimited,
  expiredToken,
  type Fault,
  htmlError,
  overloaded,
  rateLimited,
  serverError,
} from '../support/gitlab/faults.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import { gitClient, withCredentials } from './git-client.ts';

let gitlab: GitLab;
test.before(async () => {
  gitlab = await startGitLab();
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

let count = 0;
/** A public project of half a megabyte that does not compress; faults reach it alone. */
async function faulty(fault: Fault, options: { times?: number; on?: RegExp } = {}) {
  count += 1;
  const project = await gitlab.createProject(`faults/p${count}`, { visibility: 'public' });
  const noise = Buffer.from(
    Array.from({ length: 500_000 }, (_, i) => (i * 7919) ^ (i >> 3) ^ ((i * i) >> 11)),
  );
  await project.commit({ 'a.yaml': 'a: 1\n', noise });
  const on = ({ path }: { path: string }): boolean =>
    path.includes(`/${project.path}.git`) && (options.on ?? /./).test(path);
  return { project, set: gitlab.fault(fault, { ...options, on }) };
}

const answers: [title: string, fault: Fault, status: number, type: string, body: RegExp][] = [
  ['the limiter in front', rateLimited(7), 429, 'text/plain', /^Retry later\n$/],
  [
    'the limiter inside',
    endpointLimited(),
    429,
    'application/json',
    /^\{"message":\{"error":"This endpoint has been/,
  ],
  ['an expired token', expiredToken(), 401, 'application/json', /^\{"error":"invalid_token"/],
  ['500', serverError(), 500, 'application/json', /^\{"message":"500 Internal Server Error"\}$/],
  ['an HTML page', htmlError(), 502, 'text/html; charset=utf-8', /<h1>502<\/h1>/],
  ['overloaded', overloaded(), 503, 'application/json', /exhausted/],
];

for (const [title, fault, status, type, body] of answers) {
  test(`answered instead: ${title}, once`, async (t) => {
    const { project, set } = await faulty(fault, { times: 1 });
    const url = `${project.url}/info/refs?service=git-upload-pack`;
    const response = await fetch(url);
    t.is(response.status, status);
    t.is(response.headers.get('content-type'), type);
    t.regex(await response.text(), body);
    t.is((await fetch(url)).status, 200);
    t.is(set.hits, 1);
  });
}

test('how long to wait is said by one of the limiters only', async (t) => {
  const { project } = await faulty(rateLimited(7));
  const { headers } = await fetch(project.url.concat('/info/refs'));
  t.is(headers.get('retry-after'), '7');
  t.is(headers.get('ratelimit-remaining'), '0');
  t.truthy(headers.get('ratelimit-resettime'));
});

const broken: [title: string, fault: Fault, on: RegExp | undefined, said: RegExp][] = [
  ['a cut connection', 'cut', undefined, /Empty reply from server/],
  ['half an answer', { cutAfter: 20 }, undefined, /transfer closed|unexpected disconnect|early EOF|curl 18/],
  ['a truncated pack', { cutAfter: 100_000 }, /\/git-upload-pack$/, /early EOF|fetch-pack|curl 18/],
  ['an HTML page', htmlError(503), /\/git-upload-pack$/, /503/],
];

for (const [title, fault, on, said] of broken) {
  test(`a clone meets ${title}, and the next one does not`, async (t) => {
    const { project, set } = await faulty(fault, on ? { on } : {});
    const git = await gitClient(t);
    const { code, stderr } = await git.run('clone', project.url, 'broken');
    t.is(code, 128);
    t.regex(stderr, said);
    set.clear();
    t.is((await git.run('clone', project.url, 'whole')).code, 0);
  });
}

test('slow: latency, and a pack that trickles', async (t) => {
  const { project } = await faulty({ latency: 300 }, { on: /info\/refs/ });
  const git = await gitClient(t);
  const start = performance.now();
  await git.ok('ls-remote', project.url);
  t.true(performance.now() - start >= 300);

  const slow = await faulty({ bytesPerSecond: 200_000 }, { on: /\/git-upload-pack$/ });
  const size = Number(
    (await git.ok('-C', slow.project.directory, 'count-objects', '-v')).match(/size: (\d+)/)![1],
  );
  const begin = performance.now();
  await git.ok('clone', '--quiet', slow.project.url, 'slow');
  t.true(performance.now() - begin >= (size / 200) * 1000 * 0.5);
});

test('cut after: it is done, and nobody is told', async (t) => {
  const { project } = await faulty('cut after', { on: /\/git-receive-pack$/ });
  const git = await gitClient(t);
  const token = project.createToken();
  await git.ok('clone', '--quiet', withCredentials(project.url, 'x', token.value), '.');
  await git.ok('commit', '--quiet', '--allow-empty', '--message', 'x');
  t.not((await git.run('push')).code, 0);
  t.is(await project.head(), await git.ok('rev-parse', 'HEAD'));
});

test('no answer ever: it ends with the stand-in', async (t) => {
  const other = await startGitLab();
  other.fault('hang');
  const waiting = t.throwsAsync(fetch(other.url));
  await waitFor(() => other.requests.length > 0, { what: 'the request' });
  await other[Symbol.asyncDispose]();
  await waiting;
});

test('interrupted and back, at the same address, with all that it knew', async (t) => {
  await using other = await startGitLab();
  const project = await other.createProject('group/project');
  const sha = await project.commit({ a: 'a' });
  const url = withCredentials(project.url, 'x', project.createToken().value);
  const git = await gitClient(t);
  other.fault({ bytesPerSecond: 1 }, { times: 1 });
  const cut = git.run('ls-remote', url);
  await waitFor(() => other.requests.length > 0, { what: 'the request' });
  await other.interrupt();
  t.is((await cut).code, 128);
  t.regex((await git.run('ls-remote', url)).stderr, /Failed to connect|Couldn't connect/);
  await other.resume();
  t.is(await git.ok('ls-remote', url, 'refs/heads/main'), `${sha}\trefs/heads/main`);
});
