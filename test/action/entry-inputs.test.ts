import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseAgentConfig } from '../../core/config/agent-config.ts';
import { Connections } from '../../core/git/connections.ts';
import { openRepository } from '../../core/git/revision-source.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { readEntry } from '../../core/sync.ts';
import { step, temporaryDirectory } from '../support/action.ts';
import { CONFIG, type Company, company } from './world.ts';

const configMap = (name: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: shop}\n`;
const kustomization = (...resources: string[]) =>
  `namePrefix: built-\nresources: [${resources.join(', ')}]\n`;

const TREE = { 'a.yaml': configMap('a'), 'deep/b.yml': configMap('b'), '.hidden/c.yaml': configMap('c') };

/** The names of the objects that an entry of these lines has in a project of these files. */
const CASES: Record<string, [entry: string, files: Record<string, string>, names: string[]]> = {
  'no paths': ['', TREE, ['a', 'b']],
  'no paths, a manifest.yaml at the root': ['', { ...TREE, 'manifest.yaml': configMap('m') }, ['m']],
  'no paths, a manifest.yaml elsewhere': ['', { 'deep/manifest.yaml': configMap('m') }, ['m']],
  'paths beside a manifest.yaml': [
    "paths: [{glob: 'deep/*'}]",
    { ...TREE, 'manifest.yaml': configMap('m') },
    ['b'],
  ],
  'a kustomization at the root': [
    'kustomize: true',
    { ...TREE, 'kustomization.yaml': kustomization('a.yaml') },
    ['built-a'],
  ],
  'a kustomization at the root, beside a manifest.yaml': [
    'kustomize: true',
    { ...TREE, 'manifest.yaml': configMap('m'), 'kustomization.yaml': kustomization('deep/b.yml') },
    ['built-b'],
  ],
  'a kustomization in a directory': [
    "kustomize: true\n      paths: [{glob: 'deep'}]",
    { ...TREE, 'deep/kustomization.yaml': kustomization('b.yml') },
    ['built-b'],
  ],
};

const configOf = (entry: string) =>
  `gitops:\n  manifest_projects:\n    - id: group/shop\n      name: shop\n      ${entry}\n`;

for (const [title, [entry, files, names]] of Object.entries(CASES))
  test(`diff reads what the agent reads: ${title}`, async (t) => {
    const world = await company(t);
    await world.agents.commit({ [CONFIG]: configOf(entry) });
    const base = await world.shop.commit({ 'README.md': '' });
    const commit = await world.shop.commit(files);
    t.deepEqual(await agentReads(t, world, { entry, commit }), names);
    t.deepEqual(await diffReads(t, world, { base, commit }), names, 'over HTTPS');
    const directory = temporaryDirectory(t);
    execFileSync('git', ['clone', '--quiet', world.shop.directory, directory]);
    t.deepEqual(await diffReads(t, world, { base, commit, directory }), names, 'checked out');
  });

async function agentReads(
  t: ExecutionContext,
  { gitlab, shop, token }: Company,
  { entry, commit }: { entry: string; commit: string },
): Promise<string[]> {
  const context = { file: CONFIG, configProject: 'group/agents', gitlabUrl: gitlab.url };
  const { config, problems } = parseAgentConfig(Buffer.from(configOf(entry)), context);
  t.deepEqual(problems, []);
  const { env } = process;
  const { signal } = new AbortController();
  const connections = new Connections({ env });
  t.teardown(() => connections.close());
  const opened = openRepository({
    url: shop.url,
    credential: async () => ({ username: 'oauth2', token }),
    connections,
    env,
    cacheDirectory: temporaryDirectory(t),
    userAgent: 'test',
  });
  if (!opened.ok) return [opened.failure.message];
  const open = async () => {
    const found = await opened.source.open(commit, signal);
    if (!found.ok) throw new ProblemError(found.failure);
    return found.tree;
  };
  const onNotice = (text: string) => t.log(text);
  const read = await readEntry({ entry: config!.entries[0]!, open, signal, env, onNotice });
  return read.ok ? read.manifests.map(({ id }) => id.name).sort() : read.problems.map((one) => one.message);
}

async function diffReads(
  t: ExecutionContext,
  { gitlab, shop, token }: Company,
  { base, commit, directory = temporaryDirectory(t) }: { base: string; commit: string; directory?: string },
): Promise<string[]> {
  const done = await step(
    t,
    { gitlab, project: shop, commit, directory, env: { CI_MERGE_REQUEST_DIFF_BASE_SHA: base } },
    { mode: 'diff', agent: 'production', config_project: 'group/agents', token, report_path: 'report' },
  );
  t.is(done.code, 0, done.log);
  const report = readFileSync(join(directory, 'report', 'diff.json'), 'utf8');
  return (JSON.parse(report) as { changes: { name: string }[] }).changes.map(({ name }) => name).sort();
}
