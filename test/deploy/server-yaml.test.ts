import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { dig, type JsonObject } from '../../core/model/json.ts';
import { parseServerConfig } from '../../server/configuration/server-config.ts';
import { kubectl, namespace } from '../support/cluster.ts';
import { objectsOf } from '../support/objects-of.ts';
import { kindOf, rendered, type Values } from './charts.ts';

const SERVER = join(import.meta.dirname, '..', '..', 'deploy', 'server');
const HEAD =
  '# What the chart gitlab-agent-server makes: UPDATE_GOLDEN=1 npm test -- test/deploy/server-yaml.test.ts\n';

/** The examples that stand in deploy/server. */
const VALUES: Values = {
  'image.repository': 'kubectl-gitlab-agent/server',
  'config.gitlab.address': 'https://gitlab.example.com',
  'registry.secretName': 'gitlab-agent-server-registry',
  'git.secretName': 'gitlab-agent-server-git',
};

/** What the chart makes without what only Helm needs, and the server's file by itself. */
async function fromChart(): Promise<Record<string, string>> {
  const text = await rendered('gitlab-agent-server', VALUES, 'gitlab-agent-server');
  const documents = text
    .replaceAll(
      /^# Source: .*\n|^ *(?:app\.kubernetes\.io\/managed-by|helm\.sh\/chart|checksum\/\w+): .*\n/gm,
      '',
    )
    .replaceAll(/^ *# The file is read when the server starts.*\n/gm, '')
    .split(/^---\n/m)
    .filter((one) => one.trim() !== '');
  const isConfig = (one: string): boolean => /^kind: ConfigMap$/m.test(one);
  const [config] = kindOf(objectsOf(documents.find(isConfig)!), 'ConfigMap');
  return {
    'objects.yaml': HEAD + documents.filter((one) => !isConfig(one)).join('---\n'),
    'server.yaml': `# docs/server-configuration.md has all fields.\n${dig(config, 'data', 'server.yaml')}`,
  };
}

test('deploy/server is what the chart makes', async (t) => {
  for (const [name, text] of Object.entries(await fromChart())) {
    const file = join(SERVER, name);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text);
    t.is(readFileSync(file, 'utf8'), text);
  }
});

test('kubectl apply -k deploy/server is taken by the API server, and becomes available', async (t) => {
  const within = await namespace(t);
  const { stdout } = await kubectl(['kustomize', SERVER]);
  const objects = objectsOf(stdout);
  const [config] = kindOf(objects, 'ConfigMap');
  const text = dig(config, 'data', 'server.yaml') as string;
  t.is(parseServerConfig(Buffer.from(text), 'server.yaml').gitlabUrl, 'https://gitlab.example.com');
  const [deployment] = kindOf(objects, 'Deployment');
  const pod = dig(deployment, 'spec', 'template', 'spec') as JsonObject;
  const [first] = pod.volumes as JsonObject[];
  t.is(dig(first, 'configMap', 'name'), config!.metadata.name);
  await kubectl(['label', 'namespace', within, 'pod-security.kubernetes.io/enforce=restricted']);
  const here = stdout
    .replace(/^apiVersion: v1\nkind: Namespace\n[\s\S]*?^---\n/m, '')
    .replaceAll('namespace: gitlab-agent-server', `namespace: ${within}`);
  await kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], { input: here });
  await t.notThrowsAsync(
    kubectl(['rollout', 'status', 'deployment/gitlab-agent-server', '-n', within, '--timeout=60s']),
  );
});
