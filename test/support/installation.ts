/** What tests of `install` and its kin need: a shop in a GitLab, and agents that run as they were installed. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentOptions, AgentProcess } from './agent.ts';
import { accessOf, apiCall, apiRequest, type Endpoint, sharedCluster, waitFor } from './cluster.ts';
import { writeKubeconfig } from './control-plane/users.ts';
import { type GitLab, type GitLabOptions, startGitLab } from './gitlab/gitlab.ts';
import type { Project } from './gitlab/project.ts';
import type { User } from './gitlab/user.ts';
import { type PluginOptions, type PluginResult, plugin } from './plugin.ts';

interface Test {
  teardown(end: () => Promise<void>): void;
}

const SHOP = join(import.meta.dirname, '..', '..', 'examples', 'shop');
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** A cluster's share for one test: names that nobody else has, removed when it ends. */
export interface Ground {
  endpoint: Endpoint;
  /** Of the agent; not made yet. */
  namespace: string;
  /** Of the shop; not made yet. */
  shop: string;
  /** examples/shop with names of its own, by file. */
  files: Record<string, string>;
  /** Group of the kind that the shop defines. */
  group: string;
}

export function ground(t: Test, endpoint: Endpoint = sharedCluster()): Ground {
  const id = randomBytes(4).toString('hex');
  const [namespace, shop, group] = [`t-agent-${id}`, `t-shop-${id}`, `shop-${id}.example.com`];
  const files = Object.fromEntries(
    readdirSync(SHOP).map((name) => [
      name,
      readFileSync(join(SHOP, name), 'utf8')
        .replaceAll(/(namespace| {2}name): shop$/gm, `$1: ${shop}`)
        .replaceAll(/(?<=apiVersion: |group: |discounts\.)shop\.example\.com/g, group),
    ]),
  );
  t.teardown(async () => {
    const admin = accessOf(endpoint);
    const paths = [
      ...[namespace, shop].map((name) => `/api/v1/namespaces/${name}`),
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/discounts.${group}`,
    ];
    for (const kind of ['clusterroles', 'clusterrolebindings']) {
      const { items } = await apiCall(admin, 'GET', `${RBAC}/${kind}`);
      for (const { metadata } of items as { metadata: { name: string } }[])
        if (metadata.name.endsWith(`-${namespace}`)) paths.push(`${RBAC}/${kind}/${metadata.name}`);
    }
    for (const path of paths) await apiRequest(admin, 'DELETE', path).catch(() => {});
  });
  return { endpoint, namespace, shop, files, group };
}

/** A GitLab with an agent's configuration and the shop. */
export interface Repositories extends AsyncDisposable {
  gitlab: GitLab;
  /** Maintains both projects. */
  ada: User;
  config: Project;
  shop: Project;
}

export async function repositories(
  files: Record<string, string>,
  { agent = 'test', ...options }: GitLabOptions & { agent?: string } = {},
): Promise<Repositories> {
  const gitlab = await startGitLab(options);
  const ada = gitlab.createUser('ada');
  const members = { ada: 'maintainer' } as const;
  const config = await gitlab.createProject('group/agents', { members });
  const shop = await gitlab.createProject('group/shop', { members });
  await shop.commit(files, { user: ada });
  await config.commit(
    {
      [`.gitlab/agents/${agent}/config.yaml`]:
        '# The shop.\ngitops:\n  manifest_projects:\n    - id: group/shop\n      name: shop\n',
    },
    { user: ada },
  );
  return { gitlab, ada, config, shop, [Symbol.asyncDispose]: () => gitlab[Symbol.asyncDispose]() };
}

/** Runs the plugin in the namespace of the agent. */
export function inNamespace(
  { namespace, endpoint }: Ground,
  args: readonly string[],
  options: PluginOptions = {},
): Promise<PluginResult> {
  return plugin([...args, '-n', namespace], {
    ...options,
    env: { KUBECONFIG: endpoint.kubeconfig, ...options.env },
  });
}

/** The flags of an installation that are always said. */
export function settingsFor({ gitlab, config }: Pick<Repositories, 'gitlab' | 'config'>): string[] {
  return [
    '--agent-name=test',
    `--config-project=${config.path}`,
    `--gitlab-url=${gitlab.url}`,
    '--image=registry.example.com/gitlab-agent:0.1.0',
  ];
}

/** The agent as its Pod would run: with the installed ServiceAccount's token, the Deployment's arguments, the Secrets. */
export async function startInstalled(
  { endpoint, namespace }: Pick<Ground, 'endpoint' | 'namespace'>,
  { gitlab, config }: Pick<Repositories, 'gitlab' | 'config'>,
  options: Pick<AgentOptions, 'env' | 'pod'> = {},
): Promise<AgentProcess> {
  const admin = accessOf(endpoint);
  const base = `/api/v1/namespaces/${namespace}`;
  const account = `${base}/serviceaccounts/gitlab-agent`;
  await waitFor(async () => (await apiRequest(admin, 'GET', account)).status === 200, {
    what: 'the ServiceAccount',
  });
  const deployment = await waitFor(
    async () => {
      const { status, body } = await apiRequest(
        admin,
        'GET',
        `/apis/apps/v1/namespaces/${namespace}/deployments/gitlab-agent`,
      );
      return (
        status === 200 && (body as { spec: { template: { spec: { containers: [{ args: string[] }] } } } })
      );
    },
    { what: 'the Deployment' },
  );
  const { args } = deployment.spec.template.spec.containers[0];
  const name = args.find((one) => one.startsWith('--agent-name='))!.slice('--agent-name='.length);
  const { status } = await apiCall(admin, 'POST', `${account}/token`, {
    spec: { expirationSeconds: 86_400 },
  });
  const kubeconfig = join(endpoint.dir, `${namespace}.kubeconfig`);
  writeKubeconfig(kubeconfig, { ...admin, token: status.token }, 'agent');
  const secret = async (of: string): Promise<Record<string, string> | undefined> => {
    const { status: code, body } = await apiRequest(admin, 'GET', `${base}/secrets/${of}`);
    if (code !== 200) return undefined;
    const { data } = body as { data: Record<string, string> };
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  };
  const [git, api] = [await secret('gitlab-agent-git'), await secret('gitlab-agent-api')];
  const address = args.find((one) => one.startsWith('--kas-address='))?.slice('--kas-address='.length);
  const agentToken = address === undefined ? undefined : await secret('gitlab-agent-token');
  return new AgentProcess({
    endpoint,
    gitlab,
    configProject: config,
    namespace,
    name,
    kubeconfig,
    apiToken: api?.token,
    gitFiles: git ?? {},
    ...(address !== undefined && {
      kas: { address, token: agentToken?.token ?? '' },
      args: args.filter((one) => /^--(agent-name|config-project|gitlab-url)=/.test(one)),
    }),
    ...options,
  });
}
