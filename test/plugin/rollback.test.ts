import { execFileSync } from 'node:child_process';
import test from 'ava';
import { AgentProcess } from '../support/agent.ts';
import { accessOf, apiCall, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
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
      `^error: .*\nhint: by hand: ref: \\{commit: ${first}\\} for the entry shop in \\.gitlab/agents/test/config\\.yaml of group/agents\n$`,
    ),
  );
  t.false(refused.stderr.includes(reader));

  const done = await plugin(['rollback', 'test', 'shop', '-n', ns, '--yes'], { env });
  t.is(done.code, 0, done.stderr);
  t.regex(
    done.stdout,
    new RegExp(
      `^test group/shop at ${first.slice(0, 12)}, where ${second.slice(0, 12)} is applied\n~ update {2}configmap/a `,
    ),
  );
  t.regex(done.stdout, /\nmain of group\/agents is at [0-9a-f]{12}, and points shop at [0-9a-f]{12};/);
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
