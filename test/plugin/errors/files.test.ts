// What is read and written here: manifests, plans, configurations, and the output itself.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { namespace } from '../../support/cluster.ts';
import { type ErrorRow, type Situation, tellsErrors } from '../../support/error-rows.ts';
import { PLUGIN, plugin } from '../../support/plugin.ts';

const GOOD = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: value}\n';
const FILES: Record<string, string> = {
  'good.yaml': GOOD,
  'other.yaml': GOOD.replace('value', 'other'),
  'broken.yaml': 'a: [\n',
  'empty.yaml': '# nothing\n',
  'no-name.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n',
  'no-kind.yaml': 'apiVersion: v1\nmetadata: {name: a}\n',
  'list.yaml': '- a\n- b\n',
  'binary.yaml': '\x00\x01\x02',
  'private.yaml': GOOD,
  'plain/kustomization.txt': '',
  'kustomized/kustomization.yaml': 'resources: [nowhere.yaml]\n',
  'agent.yaml': 'gitops:\n  manifest_projects:\n  - id: group/shop\n',
  'config.yaml': 'gitops:\n  manifest_projects:\n  - id: group/shop\n    prun: true\n',
};

const cwd = mkdtempSync(join(tmpdir(), 'errors-files-'));
test.after.always(() => rmSync(cwd, { recursive: true, force: true }));
test.before(() => {
  chmodSync(cwd, 0o755);
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(cwd, name, '..'), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  chmodSync(join(cwd, 'private.yaml'), 0o600);
  mkdirSync(join(cwd, 'empty'));
});

/** Root may read and write everything. */
function asNobody(): [string, ...string[]] {
  if (process.getuid?.() !== 0) return [process.execPath, PLUGIN];
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  return ['setpriv', ...user, process.execPath, PLUGIN];
}

/** A plan that was saved, after something happened to it. */
async function planned(
  t: ExecutionContext,
  spoil: (file: string) => void,
  args: readonly string[] = [],
): Promise<Situation> {
  const directory = mkdtempSync(join(cwd, 'plan-'));
  const within = ['-f', '../good.yaml', '-n', await namespace(t)];
  const saved = await plugin(['diff', ...within, '-o', 'plan', '--out', 'plan.json'], { cwd: directory });
  t.is(saved.code, 1, saved.stderr);
  const secrets = [readFileSync(join(directory, 'plan.json.key'), 'utf8').trim()];
  spoil(join(directory, 'plan.json'));
  return { args: ['apply', ...within, '--plan', 'plan.json', ...args], cwd: directory, secrets };
}

const at = (
  what: string,
  args: string,
  row: Omit<ErrorRow, 'what' | 'given'>,
  more: object = {},
): ErrorRow => ({
  what: `${what}: ${args}`,
  given: { args, cwd, ...more },
  ...row,
});

tellsErrors([
  at('not there', 'apply -f nowhere.yaml', { error: 'nowhere.yaml: no such file or directory' }),
  at('not there', 'health -f nowhere.yaml', { error: 'nowhere.yaml: no such file or directory' }),
  at('not there', 'config show nowhere.yaml', { error: 'nowhere.yaml: no such file or directory' }),
  at('not there', 'apply -k nowhere', {
    error: 'nowhere: no such directory',
    hint: '-k takes the directory that holds the kustomization.yaml',
  }),
  at('not there', 'apply -f good.yaml --plan nowhere.json', {
    error: 'nowhere.json: there is no such file',
    hint: 'make it: kubectl gitlab-agent diff -o plan --out FILE',
  }),
  at('a name that fits nothing', 'apply -f x*.yaml', {
    error: 'x*.yaml: the glob matches no manifests',
    hint: /"\*\*" stands for directories, .+/,
  }),
  at(
    'a file of somebody else',
    'apply -f private.yaml -s http://127.0.0.1:1',
    {
      error: 'private.yaml: no permission to read it',
    },
    { program: asNobody(), env: { HOME: '/nowhere', KUBECONFIG: '' } },
  ),
  at('an empty directory', 'apply -f empty', {
    error: 'empty: the directory holds no manifests',
    hint: 'manifests are .yaml, .yml and .json files; -R looks into directories below too',
  }),
  at('no YAML', 'apply -f broken.yaml', { error: /broken\.yaml:1:5: .+/ }),
  at('no YAML', 'health -f broken.yaml', { error: /broken\.yaml:\d+:\d+: .+/ }),
  at('no objects', 'apply -f empty.yaml', { error: 'there are no objects in empty.yaml' }),
  at('no objects', 'apply -f -', {
    error: 'there are no objects in standard input',
    hint: 'did the command before the pipe fail?',
  }),
  at('an object without a name', 'apply -f no-name.yaml', {
    error: 'no-name.yaml:3:1: ConfigMap has no metadata.name',
  }),
  at('an object without a kind', 'apply -f no-kind.yaml', {
    error: 'no-kind.yaml:1:1: the object has no kind',
    hint: 'every object needs one, such as "ConfigMap"',
  }),
  at('no object', 'apply -f list.yaml', { error: 'list.yaml:1:1: this is a list, not a Kubernetes object' }),
  at('no text', 'apply -f binary.yaml', {
    error: 'binary.yaml:1:1: a NUL byte',
    hint: 'is it a binary file? Manifests are text',
  }),
  at('no kustomization', 'apply -k plain', {
    error: /plain: kubectl could not build the kustomization: unable to find one of .+/,
    hint: 'see it whole with: kubectl kustomize plain',
  }),
  at('a kustomization of what is missing', 'diff -k kustomized', {
    error: /kustomized: kubectl could not build the kustomization: accumulating resources: .+/,
    hint: 'see it whole with: kubectl kustomize kustomized',
  }),
  at('no repository', 'diff -f good.yaml --rev main', {
    error: 'good.yaml: is not in a Git repository',
    hint: '--rev reads paths of a local Git repository',
  }),
  at(
    'git is missing',
    'diff -f good.yaml --rev main',
    { error: 'reading Git revisions needs the git program, which is not on PATH', hint: 'install git' },
    { env: { PATH: '/nowhere' } },
  ),
  at('an unknown key', 'config show config.yaml', {
    error: 'config.yaml:4:5: unknown key "prun"',
    hint: 'did you mean prune?',
  }),
  at('an unknown entry', 'config edit agent.yaml --entry nope --set prune=true', {
    error: /agent\.yaml: no entry is called nope: there is only shop-[0-9a-f]{8}/,
  }),
  at(
    'a configuration of somebody else',
    'config edit private.yaml --set prune=true',
    {
      error: 'private.yaml: no permission to read it',
    },
    { program: asNobody(), env: { HOME: '/nowhere', KUBECONFIG: '' } },
  ),
  at('a plan of another format', 'apply -f good.yaml --plan config.yaml', {
    error: 'config.yaml: the file is no plan',
    hint: 'a plan is made by kubectl gitlab-agent diff -o plan --out FILE',
  }),
  {
    what: 'an unknown revision: diff --rev',
    given: () => {
      execFileSync('git', ['init', '-q', join(cwd, 'repository')]);
      writeFileSync(join(cwd, 'repository', 'a.yaml'), GOOD);
      return { args: 'diff -f a.yaml --rev nowhere', cwd: join(cwd, 'repository') };
    },
    error: 'the repository has no revision "nowhere"',
    hint: 'git log --all shows what there is',
  },
  {
    what: 'the key of the plan is missing: apply --plan',
    given: (t) => planned(t, (file) => rmSync(`${file}.key`)),
    error:
      'plan.json: the key of the plan is missing: there is no plan.json.key, and GITLAB_AGENT_PLAN_KEY is not set',
    hint: 'the key was written beside the plan when it was made',
  },
  {
    what: 'the key of the plan is open to all: apply --plan',
    given: (t) => planned(t, (file) => chmodSync(`${file}.key`, 0o644)),
    error: 'plan.json.key: the key can be read or written by others',
    hint: 'chmod 600 plan.json.key, or make a new plan and key',
  },
  {
    what: 'the plan was tampered with: apply --plan',
    given: (t) =>
      planned(t, (file) => writeFileSync(file, readFileSync(file, 'utf8').replace('"value"', '"mine"'))),
    error: 'plan.json: the plan was changed after it was made',
    hint: 'make a new one: kubectl gitlab-agent diff -o plan --out FILE',
  },
  {
    what: 'the plan is cut short: apply --plan',
    given: (t) => planned(t, (file) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, 200))),
    error: 'plan.json: the file is no plan',
    hint: 'a plan is made by kubectl gitlab-agent diff -o plan --out FILE',
  },
  {
    what: 'terms that the plan does not have: apply --plan',
    given: (t) => planned(t, () => undefined, ['--replace']),
    error: '--replace contradicts the plan, which was made without it',
    hint: 'leave it out: the plan says it, or make a new plan',
  },
  at('nowhere to write', 'diff -f good.yaml -n default -o plan --out no/x', {
    error: "no/x: the plan can't be written: its directory does not exist",
  }),
  at('a file that is no plan', 'diff -f good.yaml -o plan --out other.yaml', {
    error: 'other.yaml: the file exists and is no plan: it is not overwritten',
    hint: 'name another file',
  }),
  ...[
    'version',
    'version -o json',
    '--help',
    'completion bash',
    'status -h',
    'config validate -',
    'health -f good.yaml',
  ].map(
    (args): ErrorRow =>
      at(
        'the disk is full',
        args,
        { error: "the output can't be written: no space is left on the disk" },
        {
          input: 'gitops: {}\n',
          stdout: '/dev/full',
        },
      ),
  ),
  {
    what: 'the disk is full: diff',
    given: async (t) => ({
      args: ['diff', '-f', 'good.yaml', '-n', await namespace(t)],
      cwd,
      stdout: '/dev/full',
    }),
    error: "the output can't be written: no space is left on the disk",
  },
]);
