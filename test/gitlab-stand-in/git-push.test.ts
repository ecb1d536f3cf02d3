import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { waitFor } from '../support/control-plane/wait.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import type { Role } from '../support/gitlab/roles.ts';
import { type GitClient, gitClient, withCredentials } from './git-client.ts';

let gitlab: GitLab;
let count = 0;

test.before(async () => {
  gitlab = await startGitLab();
});
test.after.always(() => gitlab?.[Symbol.asyncDispose]());

/** A project with one commit on main, cloned with the token of a member of that role. */
async function cloned(t: ExecutionContext, role: Role): Promise<{ project: Project; git: GitClient }> {
  count += 1;
  const project = await gitlab.createProject(`group/push-${count}`);
  await project.commit({ 'a.yaml': 'a: 1\n' });
  const git = await gitClient(t);
  const token = project.createToken({ role, scopes: ['write_repository'] });
  await git.ok('clone', '--quiet', withCredentials(project.url, 'x', token.value), '.');
  return { project, git };
}

async function change(git: GitClient, content: string | Buffer): Promise<string> {
  await writeFile(join(git.directory, 'a.yaml'), content);
  await git.ok('commit', '--quiet', '--all', '--message', 'change');
  return await git.ok('rev-parse', 'HEAD');
}

test('a maintainer pushes to main, chunked and with a large pack', async (t) => {
  const { project, git } = await cloned(t, 'maintainer');
  const small = await change(git, 'a: 2\n');
  await git.ok('push', '--quiet');
  t.is(await project.head(), small);
  // Over http.postBuffer (1 MiB) git sends the pack in chunks, after a probe.
  const noise = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) ^ (i >> 3) ^ (i >> 11)));
  const large = await change(git, noise);
  await git.ok('-c', 'core.compression=0', 'push', '--quiet');
  t.is(await project.head(), large);
});

const refusals: [title: string, role: Role, push: string[], said: RegExp][] = [
  [
    'a developer to main',
    'developer',
    ['HEAD:main'],
    /remote: GitLab: You are not allowed to push code to protected branches on this project\./,
  ],
  [
    'a forced push to main',
    'maintainer',
    ['--force', 'HEAD~1:main'],
    /remote: GitLab: You are not allowed to force push code to a protected branch on this project\./,
  ],
  [
    'the end of the default branch',
    'maintainer',
    ['--delete', 'main'],
    /remote: GitLab: The default branch of a project cannot be deleted\./,
  ],
  [
    'the end of a protected branch',
    'maintainer',
    ['--delete', 'release/1'],
    /remote: GitLab: You can only delete protected branches using the web interface\./,
  ],
  [
    'a new branch under a protected pattern',
    'developer',
    ['HEAD:refs/heads/release/2'],
    /remote: GitLab: You are not allowed to push code to protected branches on this project\./,
  ],
];

for (const [title, role, push, said] of refusals) {
  test(`refused in the report of the push: ${title}`, async (t) => {
    const { project, git } = await cloned(t, role);
    await project.commit({ b: 'b' });
    await project.setBranch('release/1', await project.head());
    project.protect('release/*');
    await git.ok('pull', '--quiet');
    if (role === 'developer') await change(git, 'mine\n');
    const before = await project.head();
    const { code, stderr } = await git.run('push', 'origin', ...push);
    t.is(code, 1);
    t.regex(stderr, said);
    t.regex(stderr, /! \[remote rejected\].*\(pre-receive hook declined\)/);
    t.is(await project.head(), before);
  });
}

test('a developer pushes a branch, and is told of the merge request', async (t) => {
  const { project, git } = await cloned(t, 'developer');
  const sha = await change(git, 'a: 3\n');
  const { code, stderr } = await git.run('push', 'origin', 'HEAD:refs/heads/feature');
  t.is(code, 0, stderr);
  t.is(await project.head('feature'), sha);
  t.regex(stderr, /remote: To create a merge request for feature, visit:/);
  t.is((await git.run('push', '--force', 'origin', 'HEAD~1:feature')).code, 0);
  t.is((await git.run('push', '--delete', 'origin', 'feature')).code, 0);
});

test('a push to the old path says where the project is now', async (t) => {
  const { project, git } = await cloned(t, 'maintainer');
  const old = project.path;
  project.rename(`group/renamed-${count}`);
  await change(git, 'a: 4\n');
  const { code, stderr } = await git.run('push');
  t.is(code, 0, stderr);
  t.true(stderr.includes(`Project '${old}' was moved to '${project.path}'.`));
  t.true(stderr.includes(`git remote set-url origin ${project.url}`));
});

test('a push rule speaks', async (t) => {
  const { project, git } = await cloned(t, 'maintainer');
  project.pushRule = 'Commit message does not follow the pattern';
  await change(git, 'a: 5\n');
  const { stderr } = await git.run('push');
  t.regex(stderr, /remote: GitLab: Commit message does not follow the pattern/);
});

test('a job pushes where the project lets jobs push', async (t) => {
  const { project, git } = await cloned(t, 'maintainer');
  const job = project.createJobToken();
  await git.ok('remote', 'set-url', 'origin', withCredentials(project.url, 'gitlab-ci-token', job.value));
  const sha = await change(git, 'a: 6\n');
  t.regex((await git.run('push')).stderr, /403/);
  project.jobTokenPush = true;
  await git.ok('push', '--quiet');
  t.is(await project.head(), sha);
});

test('nothing is left when it has ended', async (t) => {
  const other = await startGitLab();
  const project = await other.createProject('a/b');
  await project.commit({ a: 'a' });
  // A client that never finishes its request.
  const hanging = fetch(`${project.url}/git-upload-pack`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`x:${other.root.createToken().value}`)}`,
      'content-type': 'application/x-git-upload-pack-request',
    },
    body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('0011')) }),
    duplex: 'half',
  } as RequestInit);
  const ended = t.throwsAsync(hanging);
  await waitFor(() => other.requests.length > 0, { what: 'the request' });
  await other[Symbol.asyncDispose]();
  await ended;
  t.false(existsSync(project.directory));
  await t.throwsAsync(fetch(other.url));
});
