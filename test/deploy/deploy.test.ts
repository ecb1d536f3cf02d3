import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { dig, type JsonObject } from '../../core/model/json.ts';
import { kubectl, namespace } from '../support/cluster.ts';
import { objectsOf } from '../support/objects-of.ts';
import { plugin } from '../support/plugin.ts';

const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy');

/** The examples that stand in deploy/. */
const SETTINGS = [
  '--agent-name=production',
  '--config-project=group/agents',
  '--gitlab-url=https://gitlab.example.com',
  '--image=kubectl-gitlab-agent/agent:0.1.0',
];
const MODES: Record<string, { rbac: string; more?: string[] }> = {
  cluster: { rbac: 'cluster' },
  escalate: { rbac: 'escalate' },
  namespaces: { rbac: 'namespaces=shop' },
  impersonate: { rbac: 'cluster', more: ['--impersonate', '--kas-address=grpcs://kas.example.com:8150'] },
};
const DEPLOYMENT = 'deployment.apps/gitlab-agent -n gitlab-agent';

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plugin(['install', ...SETTINGS, ...args, '--dry-run', '-o', 'yaml']);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

test('every folder of deploy/ is one that is compared here', (t) => {
  const folders = readdirSync(DEPLOY, { withFileTypes: true }).filter((one) => one.isDirectory());
  t.deepEqual(
    folders.map(({ name }) => name).sort(),
    ['base', 'charts', 'server', ...Object.keys(MODES)].sort(),
  );
});

for (const [folder, { rbac, more = [] }] of Object.entries(MODES)) {
  test(`install applies what kubectl apply -k deploy/${folder} applies`, async (t) => {
    const built = objectsOf((await kubectl(['kustomize', join(DEPLOY, folder)])).stdout);
    const ours = objectsOf(await printed(`--rbac=${rbac}`, ...more));
    const { metadata } = ours.get(DEPLOYMENT)!;
    t.is(dig(metadata, 'annotations', 'agent.gitlab.com/rbac'), rbac);
    delete metadata.annotations;
    // How an agent connects to a server, people write into the Deployment of deploy/base.
    if (more.length > 0) for (const objects of [built, ours]) t.true(objects.delete(DEPLOYMENT));
    // It may have to be made first, for its Role.
    ours.delete('namespace/shop');
    t.deepEqual([...ours.keys()].sort(), [...built.keys()].sort());
    for (const [name, object] of built) t.deepEqual(ours.get(name), object, name);
  });

  test(`the API server takes every object of ${folder} as it is written`, async (t) => {
    const within = await namespace(t);
    const text = (await printed(`--rbac=${rbac.replace('shop', within)}`, '-n', within, ...more)).replace(
      /^apiVersion: v1\nkind: Namespace\n[\s\S]*?^---\n/m,
      '',
    );
    const { stdout } = await kubectl(
      ['apply', '--dry-run=server', '--validate=strict', '-o', 'name', '-f', '-'],
      {
        input: text,
      },
    );
    t.is(stdout.trim().split('\n').length, objectsOf(text).size);
  });
}

test('the Pod is one of the Pod Security Standard "restricted"', async (t) => {
  const within = await namespace(t);
  await kubectl(['label', 'namespace', within, 'pod-security.kubernetes.io/enforce=restricted']);
  const objects = objectsOf(await printed('-n', within));
  const deployment = objects.get(`deployment.apps/gitlab-agent -n ${within}`)!;
  const template = dig(deployment, 'spec', 'template') as JsonObject;
  const pod = (spec: unknown): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'agent', namespace: within },
      spec: { ...(spec as object), serviceAccountName: 'default' },
    });
  const create = ['create', '--dry-run=server', '-f', '-'];
  await t.notThrowsAsync(kubectl(create, { input: pod(template.spec) }));
  const { securityContext: _left, ...loose } = template.spec as JsonObject;
  const refused = await kubectl(create, { input: pod(loose), allowFailure: true });
  t.regex(refused.stderr, /violates PodSecurity "restricted/);
});

test("the authorities of GitLab's certificate are mounted, and nothing else of their file", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'install-ca-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'ca.pem');
  const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  writeFileSync(
    file,
    `# ours\n-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n${certificate}`,
  );
  const objects = objectsOf(await printed(`--gitlab-ca-file=${file}`));
  t.deepEqual(objects.get('configmap/gitlab-agent-ca -n gitlab-agent')!.data, { 'ca.crt': certificate });
  const text = JSON.stringify(objects.get('deployment.apps/gitlab-agent -n gitlab-agent'));
  t.regex(text, /"--gitlab-ca-file=\/etc\/gitlab-agent\/ca\/ca\.crt"/);
  t.regex(text, /"mountPath":"\/etc\/gitlab-agent\/ca"/);
  writeFileSync(file, 'no certificate');
  await t.throwsAsync(printed(`--gitlab-ca-file=${file}`), { message: /holds no certificate/ });
});

test('the images have what the agent and the agent server need of them', (t) => {
  const stages = readFileSync(join(DEPLOY, 'Dockerfile'), 'utf8').split(/^(?=FROM )/m);
  const stage = (first: RegExp) => stages.filter((text) => first.test(text));
  for (const [text] of [stage(/^FROM runtime\n/), stage(/^FROM runtime AS server\n/)])
    t.regex(text!, /^USER 1000:1000$/m);
  t.regex(stages.at(-1)!, /^ENTRYPOINT \["node", "--max-semi-space-size=4".*"\/app\/gitlab-agent\.js"\]$/m);
  const [server] = stage(/^FROM runtime AS server\n/);
  t.regex(server!, /^COPY --from=build \/build\/dist\/server \/app$/m);
  t.regex(server!, /^ENTRYPOINT \["node", "--enable-source-maps", "\/app\/gitlab-agent-server\.js"\]$/m);
  // It reads repositories with git.
  t.regex(stage(/^FROM .* AS runtime\n/)[0]!, /ca-certificates git \\$/m);
});
