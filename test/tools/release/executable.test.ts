import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { VERSION } from '../../../tools/bundle-options.ts';
import { executableContents } from '../../../tools/release/contents.ts';
import { type Executable, makeExecutable } from '../../../tools/release/executable.ts';
import { isOwn, PLATFORMS } from '../../../tools/release/platforms.ts';
import { namespace, sharedCluster } from '../../support/cluster.ts';
import { findKubectl } from '../../support/control-plane/binaries.ts';

const scratch = mkdtempSync(join(tmpdir(), 'executable-'));
const bin = join(scratch, 'bin');
let made: Executable;
test.before(async () => {
  made = await makeExecutable(PLATFORMS.find(isOwn)!, join(scratch, 'made'));
  mkdirSync(bin);
  symlinkSync(made.path, join(bin, 'kubectl-gitlab_agent'));
  copyFileSync(
    join(import.meta.dirname, '../../../plugin/completion/scripts/kubectl.sh'),
    join(bin, 'kubectl_complete-gitlab_agent'),
  );
  chmodSync(join(bin, 'kubectl_complete-gitlab_agent'), 0o755);
  symlinkSync(await findKubectl(), join(bin, 'kubectl'));
});
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a program where nothing but kubectl, the executable and its completion is on PATH. */
function run(program: string, args: string[], env: Record<string, string> = {}, input = '') {
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, {
    env: { PATH: bin, HOME: scratch, ...env },
    input,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

test('it runs without any Node, and says which version it is', (t) => {
  const said = `kubectl gitlab-agent v${VERSION}\n`;
  t.deepEqual(run('kubectl-gitlab_agent', ['version']), { code: 0, stdout: said, stderr: '' });
  t.deepEqual(run('kubectl-gitlab_agent', ['version', '-o', 'yaml']), {
    code: 0,
    stdout: `version: ${VERSION}\n`,
    stderr: '',
  });
});

test('NODE_OPTIONS of a person are not for it', (t) => {
  const { code, stderr } = run('kubectl-gitlab_agent', ['--help'], { NODE_OPTIONS: '--require /nowhere.js' });
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

test('its help is that of the bundle, and mistakes are told the same way', (t) => {
  const bundle = (args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['dist/plugin/kubectl-gitlab_agent.cjs', ...args],
      { env: { HOME: scratch }, encoding: 'utf8' },
    );
    return { code: status, stdout, stderr };
  };
  for (const args of [['--help'], ['diff', '--help'], ['frob'], ['diff'], ['config', 'show', 'nowhere']])
    t.deepEqual(run('kubectl-gitlab_agent', args), bundle(args));
});

test('kubectl finds it and its completion, and it speaks to a cluster', async (t) => {
  const within = await namespace(t);
  const env = { KUBECONFIG: sharedCluster().kubeconfig };
  const manifest = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cart}\n';
  const agent = (...args: string[]) => run('kubectl', ['gitlab-agent', ...args], env, manifest);
  t.is(agent('version').code, 0);
  const created = agent('diff', '-f', '-', '-n', within, '-o', 'name');
  t.deepEqual(created, { code: 1, stdout: `configmap/cart -n ${within}\n`, stderr: '' });
  t.is(agent('apply', '-f', '-', '-n', within).code, 0);
  t.is(agent('diff', '-f', '-', '-n', within).code, 0);
  const completed = run('kubectl', ['__complete', 'gitlab-agent', 'explain', '-n', within, 'cm/c'], env);
  t.is(completed.stdout, 'cm/cart\n:4\n');
});

test('what goes with it tells every package in it, and Node, with versions and licences', async (t) => {
  const contents = await executableContents(made);
  t.deepEqual(
    contents.map(({ name }) => name),
    ['kubectl-gitlab_agent', 'kubectl_complete-gitlab_agent', 'LICENSE', 'LICENSES.txt', 'sbom.cdx.json'],
  );
  const texts = new Map(contents.map((entry) => [entry.name, 'text' in entry ? entry.text : '']));
  const { metadata, components, dependencies, ...document } = JSON.parse(texts.get('sbom.cdx.json')!);
  t.like(document, { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
  t.is(metadata.component.version, VERSION);
  const names = components.map(({ name }: { name: string }) => name);
  for (const name of ['yargs', 'yaml', '@kubernetes/client-node', 'node']) t.true(names.includes(name), name);
  for (const name of ['esbuild', 'typescript', 'ava', 'prom-client']) t.false(names.includes(name), name);
  for (const { name, version, purl, licenses } of components) {
    t.true(purl.endsWith(`@${version}`), name);
    t.is(licenses.length, 1, name);
    const heading = name === 'node' ? `Node.js ${version}\n` : `${name} ${version} (`;
    t.true(texts.get('LICENSES.txt')!.includes(heading), name);
  }
  const refs = components.map((component: Record<string, string>) => component['bom-ref']);
  t.is(new Set(refs).size, refs.length);
  t.deepEqual(dependencies[0].dependsOn, refs);
  t.regex(texts.get('LICENSES.txt')!, /OpenSSL/);
});
