import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../core/kube/certificates.ts';
import { httpProxy } from '../core/kube/servers.ts';
import { AgentServer } from '../support/agent-server.ts';
import { accessOf, apiRequest, waitFor } from '../support/cluster.ts';
import { startControlPlane } from '../support/control-plane/control-plane.ts';
import { commandsAmong, Desk, exampleLines, helpTexts, type Run } from '../support/examples.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { startInstalled } from '../support/installation.ts';
import { LogNode } from '../support/log-node.ts';

// Every example is run as it is printed, in a world of which it is true. Names in them are those of a whole cluster,
// so each world has one of its own.

const HOST = 'gitlab.example.com';
const KAS_HOST = 'kas.example.com';
const AGENT = 'kubectl gitlab-agent';
const ran = new Set<string>();

/** Runs the examples in the order of the table. */
async function runAll(t: ExecutionContext, desk: Desk, runs: readonly [example: string, run?: Run][]) {
  for (const [example, run] of runs) {
    ran.add(example);
    await t.notThrowsAsync(desk.run(example, run));
  }
}

function deployment(
  name: string,
  { namespace, replicas = 1 }: { namespace?: string; replicas?: number } = {},
) {
  const metadata = `{name: ${name}${namespace ? `, namespace: ${namespace}` : ''}}`;
  return `apiVersion: apps/v1
kind: Deployment
metadata: ${metadata}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: ${name}, image: "registry.example.com/${name}:1"}]}
`;
}

function settings(name: string, x: string, namespace?: string): string {
  const metadata = `{name: ${name}${namespace ? `, namespace: ${namespace}` : ''}}`;
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: ${metadata}\ndata: {x: "${x}"}\n`;
}

test.serial('examples of what needs no agent', async (t) => {
  await using plane = await startControlPlane({ purpose: 'runs the examples of the help' });
  using desk = await Desk.open({ KUBECONFIG: plane.kubeconfig });
  desk.program('helm', settings('chart', '1'));
  desk.write({
    'deploy/web.yaml': deployment('web'),
    'deploy/more/settings.yaml': settings('settings', '1'),
    'apps/one/one.yaml': settings('one', '1'),
    'overlays/production/kustomization.yaml': 'resources: [settings.yaml]\n',
    'overlays/production/settings.yaml': settings('production', '1'),
    'web.yaml': deployment('web', { replicas: 2 }),
    '.gitlab/agents/production/config.yaml': 'gitops:\n  manifest_projects:\n  - id: group/shop # the shop\n',
  });
  await desk.git('init', '--quiet', '--initial-branch=main');
  const commit = () => desk.git(...PERSON, 'commit', '--quiet', '--all', '--message=Change');
  await desk.git('add', '.');
  await commit();
  await desk.git('tag', 'v1.4.0');
  await desk.git('checkout', '--quiet', '-b', 'change');
  desk.write({ 'deploy/more/settings.yaml': settings('settings', '2') });
  await commit();
  const kubectl = (...args: string[]) => desk.done('kubectl', ...args);
  await kubectl('create', 'namespace', 'shop');

  const planned = `${AGENT} diff -R -f deploy/ --applyset shop --prune -o plan --out plan.json`;
  await runAll(t, desk, [
    [`${AGENT} diff -R -f deploy/`, { code: 1, says: /2 to create/ }],
    [`${AGENT} diff -f 'apps/**/*.yaml' -n shop`, { code: 1, says: /configmap\/one -n shop/ }],
    [`helm template shop chart/ | ${AGENT} diff -f -`, { code: 1, says: /configmap\/chart/ }],
    [`${AGENT} diff -k overlays/production`, { code: 1, says: /configmap\/production/ }],
    [`${AGENT} diff -R -f deploy/ --rev v1.4.0`, { code: 1, says: /x: "1"/ }],
    [`${AGENT} diff -R -f deploy/ --rev main..HEAD -o markdown`, { code: 1, says: /1 to change/ }],
    [`${AGENT} apply -R -f deploy/ --dry-run`, { code: 1, says: /2 to create/ }],
    [`${AGENT} apply -R -f deploy/`, { says: /2 created/ }],
    [`${AGENT} apply -R -f deploy/ --rev v1.4.0 -n shop`, { says: /2 created/ }],
    [`${AGENT} apply -k overlays/production --preflight`, { says: /1 created/ }],
    [
      `${AGENT} apply -R -f deploy/ --take-over kustomize-controller`,
      {
        before: () =>
          kubectl(
            'apply',
            '--server-side',
            '--field-manager=kustomize-controller',
            '--force-conflicts',
            '-f',
            desk.file('left.yaml', settings('settings', '2').replace('{x: ', '{left: "1", x: ')),
          ),
        says: /- {2}left: "1"|data\.left|1 changed/,
      },
    ],
    [`${AGENT} apply -R -f deploy/ --wait --timeout 2m`, { says: /healthy/ }],
    [`${AGENT} apply -f web.yaml --conflicts=keep`, { says: /1 changed/ }],
    [`${AGENT} apply -R -f deploy/ --applyset shop --prune`, { says: /settings/ }],
    [
      planned,
      {
        code: 1,
        before: () => desk.write({ 'deploy/more/settings.yaml': settings('settings', '3') }),
      },
    ],
    [`${AGENT} apply -R -f deploy/ --plan plan.json`, { says: /1 changed/ }],
    [`${AGENT} history`, { says: /^ *2 /m }],
    [
      `${AGENT} history 1 -n shop --applyset shop`,
      {
        before: () =>
          kubectl('gitlab-agent', 'apply', '-R', '-f', 'deploy/', '-n', 'shop', '--applyset', 'shop'),
        says: /settings/,
      },
    ],
    [`${AGENT} inventory`, { says: /configmap\/settings/ }],
    [`${AGENT} inventory --applyset shop/shop -o name`, { says: /^deployment\.apps\/web -n shop$/m }],
    [`${AGENT} explain deploy/web -n shop`, { says: /deploy\/web\.yaml/ }],
    [`${AGENT} explain deployments.apps web -n shop -R -f deploy/`, { says: /deploy\/web\.yaml/ }],
    [
      `kubectl get all,pvc,ingress -n shop -o yaml | ${AGENT} health -f -`,
      { before: () => kubectl('rollout', 'status', '-n', 'shop', 'deploy/web'), says: /healthy/ },
    ],
    [
      `${AGENT} health -f objects.json -f more.yaml -o json`,
      {
        before: async () => {
          desk.file('objects.json', await kubectl('get', 'deploy', '-o', 'json'));
          desk.file('more.yaml', await kubectl('get', 'cm', 'settings', '-o', 'yaml'));
        },
        says: /"HealthReport"/,
      },
    ],
    [`${AGENT} config validate .`],
    [`${AGENT} config show .gitlab/agents/production/config.yaml`, { says: /prune: true/ }],
    [
      `${AGENT} config edit .gitlab/agents/production/config.yaml --entry group/shop --set ref.branch=production --set interval=1h`,
    ],
    [`${AGENT} completion kubectl > ~/.local/bin/kubectl_complete-gitlab_agent`],
    ['chmod +x ~/.local/bin/kubectl_complete-gitlab_agent'],
    [`source <(${AGENT} completion bash)`],
    [`${AGENT} completion zsh > "\${fpath[1]}/_kubectl-gitlab_agent"`],
    [`${AGENT} completion fish > ~/.config/fish/completions/kubectl-gitlab_agent.fish`],
    [`${AGENT} version -o json`, { says: /^\{"version":"\d/ }],
    [`${AGENT} help config edit`, { says: /^Set values in an agent's config\.yaml/m }],
    [`${AGENT} help concepts | less`, { says: /^What happens to a commit$/m }],
    [`${AGENT} help concepts`, { says: /^The words$/m }],
    [`${AGENT} help troubleshooting`, { says: /^Nothing happens after a push$/m }],
  ]);
  const read = (...path: string[]): string => readFileSync(join(...path), 'utf8');
  t.is(
    read(desk.directory, '.gitlab/agents/production/config.yaml'),
    'gitops:\n  manifest_projects:\n  - id: group/shop # the shop\n    interval: 1h\n    ref:\n      branch: production\n',
  );
  t.truthy(statSync(join(desk.home, '.local/bin/kubectl_complete-gitlab_agent')).mode & 0o100);
  t.deepEqual(readdirSync(join(desk.home, 'zsh')), ['_kubectl-gitlab_agent']);
  t.not(read(desk.home, '.config/fish/completions/kubectl-gitlab_agent.fish'), '');
});

const PERSON = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];

test.serial('examples of what is done with an agent', async (t) => {
  await using plane = await startControlPlane({ purpose: 'runs the examples of the help' });
  await using gitlab = await startGitLab({ tls: true, host: HOST });
  const authority = new Authority('an agent server');
  t.teardown(() => authority.remove());
  await using server = await AgentServer.start({
    gitlab: { url: `https://127.0.0.1:${gitlab.port}`, caFile: gitlab.caFile! },
    secret: gitlab.kasSecret,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    tls: authority.issue('kas', [`DNS:${KAS_HOST}`]),
  });
  const ports = { [HOST]: gitlab.port, [KAS_HOST]: server.port };
  await using proxy = await httpProxy([], undefined, undefined, ports);
  const ada = gitlab.createUser('ada');
  const members = { ada: 'maintainer' } as const;
  const config = await gitlab.createProject('group/agents', { members });
  const shop = await gitlab.createProject('group/shop', { members });
  const { value: token } = ada.createToken({ scopes: ['api', 'write_repository'] });
  const network = { HTTPS_PROXY: proxy.url, NO_PROXY: '127.0.0.0/8' };
  using desk = await Desk.open({
    KUBECONFIG: plane.kubeconfig,
    ...network,
    NODE_EXTRA_CA_CERTS: gitlab.caFile!,
    GIT_SSL_CAINFO: gitlab.caFile!,
    GITLAB_TOKEN: token,
    GITLAB_HOST: HOST,
  });
  desk.file('../.git-credentials', `https://oauth2:${token}@${HOST}\n`);
  await desk.git('config', '--global', 'credential.helper', 'store');
  await desk.git('config', '--global', 'user.name', 'Ada');
  await desk.git('config', '--global', 'user.email', 'ada@example.com');
  const kubectl = (...args: string[]) => desk.done('kubectl', ...args);
  const here = { endpoint: plane, namespace: 'gitlab-agent' };
  let pod = 'gitlab-agent-0';
  const env = { ...network, NODE_EXTRA_CA_CERTS: authority.ca.certFile };
  const agent = () => startInstalled(here, { gitlab, config }, { env, pod });
  const connectedAgent = async () => {
    const path = '/apis/apps/v1/namespaces/gitlab-agent/deployments/gitlab-agent';
    await waitFor(
      async () => /--kas-address/.test(JSON.stringify(await apiRequest(accessOf(plane), 'GET', path))),
      { what: 'a Deployment with an agent server' },
    );
    return agent();
  };
  for (const name of ['shop', 'web']) await kubectl('create', 'namespace', name);

  // The manifest project, as somebody has it before them.
  const files = (x: string, image = 'web'): Record<string, string> => ({
    'deploy/web.yaml': deployment(image, { namespace: 'shop' }),
    'deploy/settings.yaml': settings('settings', x, 'shop'),
  });
  await shop.commit(files('1'), { user: ada });
  await desk.git('clone', '--quiet', shop.url, '.');
  const push = async (x: string): Promise<string> => {
    desk.write(files(x));
    await desk.git('commit', '--quiet', '--all', `--message=x is ${x}`);
    await desk.git('push', '--quiet');
    return await desk.git('rev-parse', 'HEAD');
  };

  const install = `${AGENT} install --agent-name production --config-project group/agents --gitlab-url https://${HOST} --image registry.example.com/gitlab-agent:0.1.0`;
  const bootstrap = `${AGENT} bootstrap production --config-project group/agents --project group/shop --gitlab-url https://${HOST} --image registry.example.com/gitlab-agent:0.1.0 --rbac=generated`;
  const record = `${AGENT} register production --config-project group/agents`;
  await runAll(t, desk, [
    [`${record} --gitlab-url https://${HOST}`, { says: /registered the agent production/ }],
    [`export GITLAB_HOST=${HOST}`],
    [`${record} --list`, { says: /^ID +AGE/m }],
    [`${record} --rotate`, { says: /revoked token/ }],
    [`${install} --rbac=namespaces=shop,web --dry-run -o yaml`, { says: /^kind: Deployment$/m }],
    [
      `${AGENT} kubeconfig production --config-project group/agents --gitlab-url https://${HOST}`,
      { says: /wrote the context "group\/agents:production"/ },
    ],
    [
      `${AGENT} kubeconfig --agent-id 1 --context production --gitlab-url https://${HOST} --server https://kas.example.com/k8s-proxy`,
      { says: /wrote the context "production"/ },
    ],
    [
      `${install} --git-username gitlab+deploy-token-1 --git-token-file deploy-token`,
      {
        before: async () => {
          await config.commit({ '.gitlab/agents/production/config.yaml': '' }, { user: ada });
          const { username, value } = config.createDeployToken();
          t.is(username, 'gitlab+deploy-token-1');
          desk.file('deploy-token', `${value}\n`);
        },
        beside: agent,
        says: /the agent production \(v.*\) reports/,
      },
    ],
  ]);
  {
    await using running = await agent();
    await runAll(t, desk, [
      [`${AGENT} install --rbac=generated -R -f deploy/`, { says: /reports/ }],
      [`${AGENT} install --image registry.example.com/gitlab-agent:0.2.0`, { says: /reports/ }],
    ]);
    await running.end();
  }
  await runAll(t, desk, [
    [
      `${AGENT} install --kas-address wss://${KAS_HOST} --token-file agent-token`,
      {
        before: () => {
          const token = gitlab.createAgentToken(config, 'production');
          desk.file('agent-token', `${token.value}\n`);
        },
        beside: connectedAgent,
        says: /reports by way of wss/,
      },
    ],
    [
      `${AGENT} uninstall`,
      { typed: [[/delete the agent of the namespace gitlab-agent\? \[y\/N\]/, 'y']], says: /pruned/ },
    ],
  ]);

  await config.commit({ '.gitlab/agents/production/config.yaml': null }, { user: ada });
  await using logs = await LogNode.start(plane);
  pod = `agent-${randomBytes(4).toString('hex')}`;
  const running = Promise.withResolvers<Awaited<ReturnType<typeof agent>>>();
  await runAll(t, desk, [
    [
      bootstrap,
      {
        beside: async () => {
          running.resolve(await agent());
          return { [Symbol.asyncDispose]: async () => {} };
        },
        says: /synced and healthy at [0-9a-f]{7}/,
      },
    ],
  ]);
  {
    await using leader = await running.promise;
    const line = (level: string, msg: string): string =>
      JSON.stringify({ level, time: new Date().toISOString(), msg, project: 'group/shop' });
    const log = await logs.pod('gitlab-agent', pod);
    log.write(line('info', 'Synchronizing objects'));
    log.write(line('warn', 'Drift'));
    log.previous = [line('error', 'The end')];
    const healthyAt = (commit: string): number =>
      leader.lines.filter((said) => said.msg === 'Objects are healthy' && said.commit === commit).length;
    const synced = (commit: string) => leader.said('Objects are healthy', { commit });
    const first = await desk.git('rev-parse', 'HEAD');
    await runAll(t, desk, [
      [`${AGENT} status`, { says: /group\/shop/ }],
      [`${AGENT} status -o tree`, { says: /✓ 1 deployment\.apps/ }],
      [`${AGENT} status production -o tree -w`, { says: /✓ 1 deployment\.apps/, interrupted: true }],
      [`${AGENT} status production shop --exit-code`],
      [`${AGENT} sync`],
      [`${AGENT} sync production shop --wait`, { says: /synced and healthy/ }],
      [
        `${AGENT} sync production shop --prune-allow 1a2b3c4d`,
        { own: ['1a2b3c4d', async () => first.slice(0, 8)], says: /asked for a pass/ },
      ],
      [
        `${AGENT} wait production shop --commit HEAD`,
        { before: () => push('2'), says: /synced and healthy/ },
      ],
      [`${AGENT} wait production --timeout 10m`, { says: /synced and healthy/ }],
      [`${AGENT} suspend production shop --reason "a migration runs"`],
      [`${AGENT} resume production shop`],
      [
        `${AGENT} diff`,
        { before: async () => synced(await desk.git('rev-parse', 'HEAD')), says: /no changes|unchanged/ },
      ],
      [
        `${AGENT} diff production shop --rev release-2`,
        {
          before: async () => {
            await desk.git('checkout', '--quiet', '-b', 'release-2');
            desk.write(files('release'));
            await desk.git('commit', '--quiet', '--all', '--message=Release');
            await desk.git('push', '--quiet', 'origin', 'release-2');
            await desk.git('checkout', '--quiet', 'main');
          },
          code: 1,
          says: /^\+ {2}x: "?release/m,
        },
      ],
      [`${AGENT} inventory production shop`, { says: /configmap\/settings/ }],
      [`${AGENT} logs production --project shop -f`, { says: /Drift/, interrupted: true }],
      [`${AGENT} logs --since 1h --level warn`, { says: /Drift/ }],
      [`${AGENT} logs -p --tail 20`, { says: /The end/ }],
      [
        `${AGENT} history production shop`,
        { before: async () => synced(await push('3')), says: new RegExp(first.slice(0, 7)) },
      ],
      [`${AGENT} rollback production shop --to 3 --yes`, { says: /points \S+ at/ }],
      [
        `${AGENT} rollback production shop --wait`,
        {
          before: () => waitFor(() => healthyAt(first) > 1, { what: 'the agent to follow' }),
          typed: [[/\[y\/N\]/, 'y']],
          says: /synced and healthy at/,
        },
      ],
    ]);
    await leader.end();
  }
  await runAll(t, desk, [
    [
      `${AGENT} uninstall --prune --yes --prune-kinds Namespace,CustomResourceDefinition`,
      { says: /pruned {2}deployment\.apps\/web/ },
    ],
  ]);
  await waitFor(
    async () =>
      (await apiRequest(accessOf(plane), 'GET', '/apis/apps/v1/namespaces/shop/deployments/web')).status ===
      404,
    { what: 'what was synced to be gone' },
  );
  // GitLab lets an agent read what everybody may.
  shop.visibility = 'public';
  for (const { tokens } of config.agents) for (const token of tokens) token.status = 'revoked';
  await runAll(t, desk, [
    [
      `${AGENT} bootstrap production --config-project group/agents --project group/shop --gitlab-url https://${HOST} --image registry.example.com/gitlab-agent:0.1.0 --server wss://${KAS_HOST}`,
      { beside: connectedAgent, says: /synced and healthy at [0-9a-f]{7}/ },
    ],
  ]);
});

test.serial('every example of every help was run, and fits into 80 columns', async (t) => {
  const texts = await helpTexts();
  t.true(texts.size > 20);
  for (const [command, text] of texts) {
    const lines = exampleLines(text);
    t.true(commandsAmong(lines).length > 0 && lines[0] !== '', `${command} has no examples`);
    for (const line of lines) t.true(line.length <= 80, line);
  }
  const printed = new Set([...texts.values()].flatMap((text) => commandsAmong(exampleLines(text))));
  t.deepEqual([...printed].sort(), [...ran].sort());
});
