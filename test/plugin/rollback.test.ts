import { execFileSync } from 'node:child_process';
import test from 'ava';
import { AgentProcess } from '../support/agent.ts';
import { accessOf, apiCall, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';
import { personEnvironment } from '../support/person.ts';
import { PLUGIN, plugin, startPlugin } from '../support/plugin.ts';

const configMap = (within: string, x: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: within },
    data: { x },
  });

const CONFIG = `# Who changes this: the platform team
gitops:
  manifest_projects:
  - id: group/shop   # the shop
    name: shop
`;

test('rollback shows the diff, asks, and points the agent through Git', async (t) => {
  const endpoint = sharedCluster();
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop');
  const first = await shop.commit({ 'manifest.yaml': configMap(ns, '1') });
  await config.commit({ '.gitlab/agents/test/config.yaml': CONFIG });
  const { value: token } = gitlab.root.createToken({
    scopes: ['api', 'read_repository', 'write_repository'],
  });
  await using agent = new AgentProcess({
    endpoint,
    gitlab,
    configProject: config,
    namespace: ns,
    gitToken: { token },
  });
  await agent.said('Objects are healthy', { commit: first });
  const env = personEnvironment(t, gitlab, token);
  const alone = await plugin(['rollback', '-n', ns, '--yes'], { env });
  t.regex(alone.stderr, /^error: the history of group\/shop has no earlier sync to go back to\nhint: /);
  const second = await shop.commit({ 'manifest.yaml': configMap(ns, '2') });
  await agent.said('Objects are healthy', { commit: second });

  const unasked = await plugin(['rollback', '-n', ns], { env });
  t.regex(
    unasked.stderr,
    /^error: without a terminal nobody can be asked whether to roll back\nhint: --yes /,
  );
  t.is(unasked.code, 2);
  const { value: reader } = gitlab.root.createToken({ scopes: ['read_repository'] });
  const refused = await plugin(['rollback', '-n', ns, '--yes'], {
    env: personEnvironment(t, gitlab, reader),
  });
  t.is(refused.code, 2);
  t.regex(refused.stdout, /\n- {2}x: "2"\n\+ {2}x: "1"\n/);
  t.regex(
    refused.stderr,
    new RegExp(
      `^error: .* can't be pushed to: You are not allowed to upload code\nhint: by hand: ref: \\{commit: ${first}\\} for the entry shop in \\.gitlab/agents/test/config\\.yaml of group/agents; with GITLAB_TOKEN .* through GitLab's API\n$`,
    ),
  );
  t.false(refused.stderr.includes(reader));

  const done = await plugin(['rollback', 'test', 'shop', '-n', ns, '--yes', '--wait'], { env });
  t.is(done.code, 0, done.stderr);
  t.regex(
    done.stdout,
    new RegExp(
      `^test group/shop at ${first.slice(0, 12)}, where ${second.slice(0, 12)} is applied\n~ update {2}configmap/a `,
    ),
  );
  t.regex(
    done.stdout,
    /\nmain of group\/agents is at [0-9a-f]{12} by a push with your Git credentials, and points shop at [0-9a-f]{12};/,
  );
  // What was healthy before it was there does not count.
  t.true(done.stdout.endsWith(`\ngroup/shop: synced and healthy at ${first.slice(0, 12)}\n`), done.stdout);
  const path = `/api/v1/namespaces/${ns}/configmaps/a`;
  await waitFor(async () => (await apiCall(accessOf(endpoint), 'GET', path)).data.x === '1', {
    what: 'the agent to follow',
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${agent.tail()}`);
  });
  const waited = await plugin(['wait', '-n', ns], { env });
  t.is(waited.stdout, `group/shop: synced and healthy at ${first.slice(0, 12)}\n`, waited.stderr);
  const file = execFileSync('git', ['-C', config.directory, 'show', 'main:.gitlab/agents/test/config.yaml'], {
    encoding: 'utf8',
  });
  t.is(file, CONFIG.replace('# the shop\n', `# the shop\n    ref:\n      commit: ${first}\n`));
  const author = execFileSync('git', ['-C', config.directory, 'log', '-1', '--format=%an: %s', 'main'], {
    encoding: 'utf8',
  });
  t.is(author, `Ann: Point test at ${first.slice(0, 12)} of shop\n`);

  // At a terminal: no is no, and Ctrl-C at the question is 130.
  for (const [answer, code, text] of [
    ['n\n', 1, 'nothing was done'],
    ['\u0003', 130, '[y/N]'],
  ] as const) {
    const line = [process.execPath, PLUGIN, 'rollback', '--to', second, '-n', ns].join(' ');
    const {
      child,
      soFar,
      done: ended,
    } = startPlugin(['-qec', line, '/dev/null'], { program: ['script'], env, input: 'open' });
    await waitFor(async () => soFar.stdout.includes('[y/N]'), { what: 'the question' });
    child.stdin.write(answer);
    const result = await ended;
    t.is(result.code, code, result.stdout);
    t.true(result.stdout.includes(text));
  }
});

const FILE = '.gitlab/agents/test/config.yaml';
const textOf = (project: Project): string =>
  execFileSync('git', ['-C', project.directory, 'show', `main:${FILE}`], { encoding: 'utf8' });

/** Somebody else commits before anything else can happen. */
function commitAtOnce({ directory }: Project, content: string): void {
  const run = (args: string[], input = ''): string =>
    execFileSync('git', ['-C', directory, ...args], {
      encoding: 'utf8',
      input,
      env: {
        ...process.env,
        GIT_INDEX_FILE: `${directory}/index-of-somebody`,
        GIT_AUTHOR_NAME: 'Eve',
        GIT_AUTHOR_EMAIL: 'eve@example.com',
        GIT_COMMITTER_NAME: 'Eve',
        GIT_COMMITTER_EMAIL: 'eve@example.com',
      },
    }).trim();
  run(['read-tree', 'main']);
  const blob = run(['hash-object', '-w', '--stdin'], content);
  run(['update-index', '--add', '--cacheinfo', `100644,${blob},${FILE}`]);
  const commit = run(['commit-tree', run(['write-tree']), '-p', 'main', '-m', 'In between']);
  run(['update-ref', 'refs/heads/main', commit]);
}

test("where git may not push it is done through GitLab's API, and nobody's change is lost", async (t) => {
  const endpoint = sharedCluster();
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop', { visibility: 'public' });
  const first = await shop.commit({ 'manifest.yaml': configMap(ns, '1') });
  const second = await shop.commit({ 'manifest.yaml': configMap(ns, '2') });
  await config.commit({ [FILE]: CONFIG });
  const { value: gitToken } = gitlab.root.createToken({ scopes: ['read_repository'] });
  await using agent = new AgentProcess({
    endpoint,
    gitlab,
    configProject: config,
    namespace: ns,
    gitToken: { token: gitToken },
  });
  await agent.said('Objects are healthy', { commit: second });
  const { host } = new URL(gitlab.url);
  const tokenOf = (
    name: string,
    role: 'developer' | 'maintainer',
    scope: 'api' | 'read_api' = 'api',
  ): string => {
    config.addMember(gitlab.createUser(name).username, role);
    return gitlab.user(name).createToken({ scopes: [scope] }).value;
  };
  const point = (to: string, token: string | undefined, more: Record<string, string> = {}) =>
    plugin(['rollback', '-n', ns, '--yes', '--to', to], {
      env: {
        ...personEnvironment(t, gitlab, gitToken),
        GITLAB_HOST: host,
        ...(token && { GITLAB_TOKEN: token }),
        ...more,
      },
    });
  const pointed = (commit: string): string =>
    CONFIG.replace('# the shop\n', `# the shop\n    ref:\n      commit: ${commit}\n`);

  // The default branch is protected; git can only read.
  const maintainer = tokenOf('mia', 'maintainer');
  const done = await point(first, maintainer);
  t.is(done.code, 0, done.stderr);
  t.regex(
    done.stderr,
    /^notice: http\S+\/group\/agents\.git can't be pushed to: You are not allowed to upload code; trying GitLab's API with your token\n$/,
  );
  t.regex(
    done.stdout,
    /\nmain of group\/agents is at [0-9a-f]{12} by a commit through GitLab's API, and points shop at [0-9a-f]{12};/,
  );
  t.is(textOf(config), pointed(first));
  const author = ['-C', config.directory, 'log', '-1', '--format=%an: %s', 'main'];
  t.is(
    execFileSync('git', author, { encoding: 'utf8' }),
    `mia: Point test at ${first.slice(0, 12)} of shop\n`,
  );
  t.regex((await point(first, maintainer)).stdout, /config\.yaml of group\/agents says so already\n$/);

  // Somebody commits between reading and writing, by either way.
  const byApi = gitlab.fault(
    { latency: 0 },
    {
      times: 1,
      on: ({ method, path }) => {
        const isCommit = method === 'POST' && /\/repository\/commits$/.test(path);
        if (isCommit && byApi.hits === 0) commitAtOnce(config, `${pointed(first)}# by Eve\n`);
        return isCommit;
      },
    },
  );
  const raced = await point(second, maintainer);
  t.is(raced.code, 0, raced.stderr);
  t.is(byApi.hits, 1);
  t.is(textOf(config), `${pointed(second)}# by Eve\n`);
  const { value: writer } = gitlab.root.createToken({ scopes: ['read_repository', 'write_repository'] });
  const byGit = gitlab.fault(
    { latency: 0 },
    {
      times: 1,
      on: ({ path, headers }) => {
        const isPush =
          /info\/refs\?service=git-receive-pack$/.test(path) && headers.authorization !== undefined;
        if (isPush && byGit.hits === 0) commitAtOnce(config, `${pointed(second)}# by Eve again\n`);
        return isPush;
      },
    },
  );
  const pushed = await plugin(['rollback', '-n', ns, '--yes', '--to', first], {
    env: personEnvironment(t, gitlab, writer),
  });
  t.is(pushed.code, 0, pushed.stderr);
  t.is(byGit.hits, 1);
  t.regex(pushed.stdout, /by a push with your Git credentials/);
  t.is(textOf(config), `${pointed(first)}# by Eve again\n`);

  // Nobody may: one sentence, what is missing, what to do by hand, and nothing is half done.
  const before = textOf(config);
  const developer = tokenOf('dan', 'developer');
  const refused = await point(second, developer);
  t.is(refused.code, 2);
  const [, error, hint] = refused.stderr.split('\n');
  t.regex(
    error!,
    /^error: nothing was changed: \S+ can't be pushed to: You are not allowed to upload code; and by the API GitLab answered 403: .*not allowed to push/,
  );
  t.is(
    hint,
    `hint: whoever does it must be allowed to push to the protected branch main (often Maintainer); by hand: ref: {commit: ${second}} for the entry shop in ${FILE} of group/agents, in a merge request`,
  );
  const reader = await point(second, tokenOf('rea', 'maintainer', 'read_api'));
  t.is(reader.code, 2);
  t.regex(reader.stderr, /\nhint: your GitLab token needs the scope api; by hand: /);
  const wrong = await point(second, 'glpat-wrong');
  t.regex(wrong.stderr, /\nhint: your GitLab token is wrong, expired or revoked; by hand: /);
  // A token is for its own GitLab only, whatever the cluster says where that is.
  const elsewhere = await point(second, 'glpat-elsewhere', { GITLAB_HOST: 'gitlab.example.com' });
  t.is(elsewhere.code, 2);
  t.regex(
    elsewhere.stderr,
    new RegExp(
      `; GITLAB_TOKEN is for gitlab\\.example\\.com: with GITLAB_HOST=${host} it is done through GitLab's API\n$`,
    ),
  );
  t.false(gitlab.requests.some(({ headers }) => headers['private-token'] === 'glpat-elsewhere'));
  t.is(textOf(config), before);
  for (const { stdout, stderr } of [done, raced, refused, reader, wrong, elsewhere])
    t.false(
      [maintainer, developer, gitToken, 'glpat-wrong'].some((token) => `${stdout}${stderr}`.includes(token)),
    );

  // Without Git credentials at all.
  const bare = await plugin(['rollback', '-n', ns, '--yes', '--to', second], {
    env: { ...personEnvironment(t, gitlab, undefined), GITLAB_HOST: host, GITLAB_TOKEN: maintainer },
  });
  t.is(bare.code, 0, bare.stderr);
  t.regex(bare.stderr, /^notice: .*agents\.git can't be read: .*; trying GitLab's API with your token\n$/);
  t.is(textOf(config), `${pointed(second)}# by Eve again\n`);
});
