import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { plugin } from '../support/plugin.ts';

const cwd = mkdtempSync(join(tmpdir(), 'config-'));
test.after.always(() => rmSync(cwd, { recursive: true, force: true }));
const FILES: Record<string, string> = {
  'good/.gitlab/agents/one/config.yaml': 'gitops:\n  manifest_projects:\n  - id: shop/web\n',
  'good/.gitlab/agents/two/config.yaml':
    'ci_access: {}\ngitops:\n  manifest_projects: [{name: a}, {name: b}]\n',
  'good/.gitlab/agents/none/README.md': 'no configuration',
  'bad/.gitlab/agents/one/config.yaml':
    'gitops:\n  manifest_projects:\n  - id: shop/web\n    prun: true\n    interval: 3\n',
  'bad/.gitlab/agents/two/config.yaml': 'gitops: {}\n',
  'misnamed/.gitlab/agents/one/config.yml': 'gitops: {}\n',
  'empty/README.md': 'nothing here',
};
test.before(() => {
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(cwd, file)), { recursive: true });
    writeFileSync(join(cwd, file), text);
  }
});

const ONE = '.gitlab/agents/one/config.yaml';
const TWO = '.gitlab/agents/two/config.yaml';
const NOTICE = `notice: good/${TWO}: left alone, for it belongs to GitLab's own agent: ci_access\n`;
const VALIDATED: [args: string, code: number, stdout: string, stderr: string][] = [
  [`good/${ONE}`, 0, `good/${ONE}: ok, 1 manifest project\n`, ''],
  ['good', 0, `good/${ONE}: ok, 1 manifest project\ngood/${TWO}: ok, 2 manifest projects\n`, NOTICE],
  ['good/.gitlab/agents/two', 0, `good/${TWO}: ok, 2 manifest projects\n`, NOTICE],
  [
    'bad/.gitlab/agents/',
    2,
    `bad/${TWO}: ok, 0 manifest projects\n`,
    `error: bad/${ONE}:4:5: unknown key "prun"\nhint: did you mean prune?\n` +
      `error: bad/${ONE}:5:15: interval is a duration, not 3\nhint: with a unit: 3s\n`,
  ],
  [
    'misnamed',
    2,
    '',
    'error: misnamed/.gitlab/agents/one/config.yml: agents do not read this file\nhint: call it config.yaml\n',
  ],
  [
    'empty',
    2,
    '',
    'error: empty: there is no configuration of an agent\nhint: it is .gitlab/agents/<agent name>/config.yaml in the configuration project\n',
  ],
  ['nowhere.yaml', 2, '', 'error: nowhere.yaml: no such file or directory\n'],
];
for (const [args, code, stdout, stderr] of VALIDATED) {
  test(`config validate ${args}`, async (t) => {
    t.like(await plugin(['config', 'validate', ...args.split(' ')], { cwd }), { code, stdout, stderr });
  });
}

test('config validate reads standard input', async (t) => {
  const good = await plugin(['config', 'validate', '-'], { input: 'gitops: {}\n' });
  t.like(good, { code: 0, stdout: '-: ok, 0 manifest projects\n', stderr: '' });
  const bad = await plugin(['config', 'validate', '-'], { input: 'gitops: {\u001b[2J: 1}\n' });
  t.like(bad, { code: 2, stdout: '' });
  t.notRegex(bad.stderr, /\u001b/);
});

test('config validate knows the addresses of this GitLab when it is told', async (t) => {
  const input = 'gitops: {manifest_projects: [{url: "https://gitlab.example.com/a/b.git"}]}';
  t.like(await plugin(['config', 'validate', '-'], { input }), { code: 0 });
  const told = await plugin(['config', 'validate', '-', '--gitlab-url', 'https://gitlab.example.com'], {
    input,
  });
  t.is(told.stderr, 'error: -:1:36: url is for repositories outside this GitLab\nhint: write id: a/b\n');
});

test('config show prints all defaults, as a file that says the same', async (t) => {
  const yaml = await plugin(['config', 'show', `good/${ONE}`], { cwd });
  t.like(yaml, { code: 0, stderr: '' });
  const [entry] = parse(yaml.stdout).gitops.manifest_projects;
  t.like(entry, {
    id: 'shop/web',
    name: 'web-97375646',
    prune: true,
    reconcile_timeout: '1h',
    on_removal: 'orphan',
  });
  t.deepEqual(parse(yaml.stdout).observability, { logging: { level: 'info', grpc_level: 'error' } });
  const json = await plugin(['config', 'show', '-', '-ojson'], { input: yaml.stdout });
  t.like(json, { code: 0, stderr: '' });
  t.deepEqual(JSON.parse(json.stdout), parse(yaml.stdout));
});

test('config show asks for the project that it does not know', async (t) => {
  const unknown = await plugin(['config', 'show', `good/${TWO}`], { cwd });
  t.is(
    unknown.stderr,
    `${NOTICE}error: good/${TWO}:3:23: this entry means the project that holds the file, and that is not known here\nhint: name it: --config-project GROUP/PROJECT\n`.replace(
      /(error.*\n)(hint.*\n)/,
      (_all, error: string, hint: string) => `${error}${hint}${error.replace('3:23', '3:34')}${hint}`,
    ),
  );
  t.is(unknown.code, 2);
  const told = await plugin(['config', 'show', `good/${TWO}`, '--config-project=ops/clusters'], { cwd });
  t.is(parse(told.stdout).gitops.manifest_projects[1].id, 'ops/clusters');
});
