import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { separateShortValues, verbosity } from '../../plugin/arguments.ts';
import { wantsColor } from '../../plugin/io.ts';
import { plugin } from '../support/plugin.ts';

// No cluster is asked in any of these: a mistake is told before anything is sent.
const cwd = mkdtempSync(join(tmpdir(), 'usage-'));
const NO_CLUSTER = { KUBECONFIG: '/dev/null' };
test.after.always(() => rmSync(cwd, { recursive: true, force: true }));
test.before(() => {
  mkdirSync(join(cwd, 'empty'));
  writeFileSync(join(cwd, 'cm.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n');
  writeFileSync(join(cwd, 'bad-rules.yaml'), 'ignore:\n- kind: Job\n  paths: ["a b"]\n- foo: 1\n');
  writeFileSync(
    join(cwd, 'many.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: 1, x: 2}\n---\nkind: Pod\nmetadata: {}\n',
  );
  writeFileSync(join(cwd, 'more.yaml'), 'a: [\n');
});

const SERVER = ['-s', 'http://127.0.0.1:1'];
/** Arguments, then the whole of stderr. */
const MISTAKES: [string, string][] = [
  ['', 'error: say what to do\nhint: kubectl gitlab-agent --help lists the commands\n'],
  ['dif', 'error: there is no command "dif"\nhint: did you mean diff?\n'],
  ['frob', 'error: there is no command "frob"\nhint: kubectl gitlab-agent --help lists the commands\n'],
  [
    'diff --prune',
    'error: --prune is for manifests at hand, and none are named\nhint: name them by -f or -k; agents go by their configuration\n',
  ],
  ['diff -f cm.yaml -k .', 'error: -f and -k exclude each other\nhint: run diff once for each\n'],
  ['diff -f', 'error: -f needs a value\nhint: a value that begins with "-" is written -f=VALUE\n'],
  [
    'diff -f cm.yaml --context',
    'error: --context needs a value\nhint: a value that begins with "-" is written --context=VALUE\n',
  ],
  [
    'diff cm.yaml',
    'error: diff takes files by -f, and "cm.yaml" names an agent\nhint: did you mean -f cm.yaml?\n',
  ],
  [
    'config',
    'error: say what to do with the configuration\nhint: kubectl gitlab-agent config --help lists the commands\n',
  ],
  [
    'config frobnicate',
    'error: there is no command "config frobnicate"\nhint: kubectl gitlab-agent config --help lists the commands\n',
  ],
  ['config validat a', 'error: there is no command "config validat"\nhint: did you mean validate?\n'],
  [
    'config show',
    'error: say which file\nhint: kubectl gitlab-agent config show FILE, or - for standard input\n',
  ],
  ['config show a b', 'error: config show takes one file, not also "b"\n'],
  [
    'config show a --all',
    'error: there is no flag --all\nhint: kubectl gitlab-agent config show --help lists the flags\n',
  ],
  ['version now', 'error: version takes flags only, not "now"\n'],
  [
    'diff -f cm.yaml --server-side=true',
    'error: there is no flag --server-side\nhint: kubectl gitlab-agent diff --help lists the flags\n',
  ],
  [
    'diff -f cm.yaml -o xml',
    'error: --output can\'t be "xml"\nhint: it is one of unified, summary, json, yaml, markdown, name, plan\n',
  ],
  ['diff -f cm.yaml --color red', 'error: --color can\'t be "red"\nhint: it is one of auto, always, never\n'],
  ['diff -f cm.yaml -v=many', 'error: -v takes a number\nhint: -v=6 shows the requests\n'],
  [
    'diff -f cm.yaml --request-timeout=soon -s http://127.0.0.1:1',
    'error: "soon" is not a request timeout\nhint: write seconds (30) or a duration (1m30s)\n',
  ],
  [
    'diff -f cm.yaml --rev A...B',
    'error: can\'t read the revisions "A...B"\nhint: write A..B for two revisions, or A.. for a revision and the work tree\n',
  ],
  [
    'diff -f - --rev HEAD',
    'error: --rev reads from Git, and - is standard input\nhint: leave one of the two out\n',
  ],
  [
    'diff -f cm.yaml --secret-path token',
    'error: can\'t read the secret path "token"\nhint: write KIND[.GROUP]:PATH, such as ConfigMap:data.token or Database.example.org:spec.password\n',
  ],
  [
    'diff -f cm.yaml --ignore-file no.yaml',
    "error: no.yaml: the ignore file can't be read: there is no such file\n",
  ],
  ['diff -f cm.yaml --ignore-file .', "error: .: the ignore file can't be read: it is a directory\n"],
  [
    'diff -f cm.yaml --ignore-file bad-rules.yaml',
    `error: bad-rules.yaml:3:11: paths[0] is the path "a b", which can't be read: unexpected " " at offset 1
hint: write spec.replicas, or /spec/replicas
error: bad-rules.yaml:4:3: unknown key "foo"
hint: it is one of group, kind, namespace, name, paths, managers
`,
  ],
  [
    'diff -f empty -s http://127.0.0.1:1',
    'error: empty: the directory holds no manifests\nhint: manifests are .yaml, .yml and .json files; -R looks into directories below too\n',
  ],
  ['diff -f nowhere.yaml -s http://127.0.0.1:1', 'error: nowhere.yaml: no such file or directory\n'],
  [
    'diff -f - -s http://127.0.0.1:1',
    'error: there are no objects in standard input\nhint: did the command before the pipe fail?\n',
  ],
];
for (const [line, stderr] of MISTAKES) {
  test(`a mistake is one sentence and exit code 2: kubectl gitlab-agent ${line}`, async (t) => {
    const args = line === '' ? [] : line.split(' ');
    t.like(await plugin(args, { cwd, env: NO_CLUSTER }), { code: 2, stdout: '', stderr });
  });
}

test('an unset variable of a script is not the current directory', async (t) => {
  for (const flag of ['-f', '-k']) {
    const { code, stderr } = await plugin(['diff', flag, ''], { cwd, env: NO_CLUSTER });
    t.is(stderr, 'error: the path after -f or -k is empty\nhint: is a variable of the script not set?\n');
    t.is(code, 2);
  }
});

test('an unset variable of a script is no revision', async (t) => {
  const { code, stderr } = await plugin(['diff', '-f', 'cm.yaml', '--rev', ''], { cwd, env: NO_CLUSTER });
  t.is(stderr, 'error: the revision after --rev is empty\nhint: is a variable of the script not set?\n');
  t.is(code, 2);
});

test('all problems of all files are told at once, each with its place', async (t) => {
  const args = ['diff', '-f', 'many.yaml', '-f', 'more.yaml', '-f', 'nowhere.yaml', ...SERVER];
  const { code, stdout, stderr } = await plugin(args, { cwd, env: NO_CLUSTER });
  const places = stderr.match(/^error: \S+: /gm);
  t.deepEqual(places, [
    'error: many.yaml:4:14: ',
    'error: many.yaml:6:1: ',
    'error: more.yaml:1:5: ',
    'error: nowhere.yaml: ',
  ]);
  t.is(stdout, '');
  t.is(code, 2);
});

test('a file name can not drive the terminal of whoever reads the error', async (t) => {
  const name = 'a\x1b[31m\u202e.yaml';
  writeFileSync(join(cwd, name), 'a: [\n');
  const { stderr } = await plugin(['diff', '-f', name, ...SERVER], { cwd, env: NO_CLUSTER });
  t.regex(stderr, /^error: a\\x1b\[31m\\u202e\.yaml:1:5: /);
});

test('help goes to stdout, for the program and for each command', async (t) => {
  const [root, diff, version] = await Promise.all([
    plugin(['--help']),
    plugin(['diff', '-h']),
    plugin(['version', '--help']),
  ]);
  for (const { code, stderr } of [root, diff, version])
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.regex(root!.stdout, /diff \[agent\] +Show what an apply would change\n/);
  t.regex(diff!.stdout, /Exit codes: 0 no difference, 1 differences, 2 something is unknown or failed/);
  t.regex(diff!.stdout, /--secret-path/);
  for (const line of diff!.stdout.split('\n')) t.true(line.length <= 80, line);
});

test('the version is told in three ways', async (t) => {
  t.regex((await plugin(['version'])).stdout, /^kubectl gitlab-agent v\d+\.\d+\.\d+\n$/);
  t.regex((await plugin(['version', '-ojson'])).stdout, /^\{"version":"\d+\.\d+\.\d+"\}\n$/);
  t.regex((await plugin(['version', '-o', 'yaml'])).stdout, /^version: \d+\.\d+\.\d+\n$/);
});

const SPELLINGS: [string[], string[]][] = [
  [['-nshop'], ['--namespace=shop']],
  [['-n=shop'], ['--namespace=shop']],
  [['-n='], ['--namespace=']],
  [
    ['-ojson', '-v=6', '-v9'],
    ['--output=json', '--v=6', '--v=9'],
  ],
  [['-f', '-'], ['-f=-']],
  [['-Rf', '-'], ['-Rf=-']],
  [['--filename', '-'], ['--filename=-']],
  [['-fa=b.yaml'], ['--filename=a=b.yaml']],
  [
    ['logs', '-fp', '-nshop', '-f'],
    ['logs', '-fp', '--namespace=shop', '-f'],
  ],
  [
    ['-R', '--', '-nshop'],
    ['-R', '--', '-nshop'],
  ],
];
for (const [typed, read] of SPELLINGS) {
  test(`as kubectl's users type it: ${typed.join(' ')}`, (t) => {
    t.deepEqual(separateShortValues(typed), read);
  });
}

test('the log level is known however it is spelt', (t) => {
  for (const argv of [['-v=8'], ['-v8'], ['-v', '8'], ['--v=8'], ['--v', '8'], ['-v=2', '-v=8']]) {
    t.is(verbosity(['diff', ...argv]), 8, argv.join(' '));
  }
  t.is(verbosity(['diff', '-f', 'v=9']), 0);
});

test('colours are for terminals, unless the user, NO_COLOR or a dumb terminal says otherwise', (t) => {
  const terminal = { env: {}, stdoutIsTty: true };
  t.true(wantsColor(terminal, 'auto'));
  t.false(wantsColor({ ...terminal, stdoutIsTty: false }, 'auto'));
  t.false(wantsColor({ ...terminal, env: { NO_COLOR: '1' } }, 'auto'));
  t.false(wantsColor({ ...terminal, env: { TERM: 'dumb' } }, 'auto'));
  t.true(wantsColor({ stdoutIsTty: false, env: { NO_COLOR: '1' } }, 'always'));
  t.false(wantsColor(terminal, 'never'));
});
