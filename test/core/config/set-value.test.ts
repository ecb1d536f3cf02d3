import test from 'ava';
import { parseAgentConfig } from '../../../core/config/agent-config.ts';
import { type Setting, setValue } from '../../../core/config/set-value.ts';

const CONTEXT = { file: 'c', configProject: 'ops/clusters', gitlabUrl: 'https://gitlab.example.com' };
const WEB = { project: 'shop/web' };
const HEAD = '# The shop.\ngitops:\n  manifest_projects:\n';
const set = (path: string, value?: string, entry: Setting['entry'] = WEB): Setting => ({
  ...(entry && { entry }),
  path: path.split('.') as unknown as Setting['path'],
  value,
});
const root = (path: string, value?: string): Setting => ({
  path: path.split('.') as unknown as Setting['path'],
  value,
});

// The text, what is set, and what becomes of it: lines with - and +.
const LAYOUTS: [name: string, text: string, setting: Setting, diff: string[]][] = [
  [
    'a value by another',
    `${HEAD}  - id: shop/web\n    prune: yes  # for now\n`,
    set('prune', 'false'),
    ['-    prune: yes  # for now', '+    prune: false  # for now'],
  ],
  [
    'a key in camel case',
    `${HEAD}  - id: shop/web\n    defaultNamespace: a\n`,
    set('default_namespace', 'b'),
    ['-    defaultNamespace: a', '+    defaultNamespace: b'],
  ],
  [
    'a new one',
    `${HEAD}  - id: shop/web # the web\n    prune: no\n`,
    set('interval', '1h'),
    ['+    interval: 1h'],
  ],
  [
    'a new one with keys of its own',
    `${HEAD}  - id: shop/web\n`,
    set('ref.branch', 'production'),
    ['+    ref:', '+      branch: production'],
  ],
  [
    'in braces',
    `${HEAD}  - {id: shop/web, ref: {branch: a}}\n`,
    set('ref.branch', 'b'),
    ['-  - {id: shop/web, ref: {branch: a}}', '+  - {id: shop/web, ref: {branch: b}}'],
  ],
  [
    'new in braces',
    `${HEAD}  - { id: shop/web }\n`,
    set('suspend', 'true'),
    ['-  - { id: shop/web }', '+  - { id: shop/web, suspend: true }'],
  ],
  [
    'an empty value',
    `${HEAD}  - id: shop/web\n    depends_on:\n  - id: shop/db\n    name: db\n`,
    set('depends_on', '[db]'),
    ['-    depends_on:', '+    depends_on: [db]'],
  ],
  [
    'a list of lines',
    `${HEAD}  - id: shop/web\n    paths:\n      - glob: a.yaml\n      - glob: b.yaml\n\n    # rests\n    suspend: true\n`,
    set('paths', '[{glob: "**/*.yaml"}]'),
    ['-    paths:', '-      - glob: a.yaml', '-      - glob: b.yaml', '+    paths: [{glob: "**/*.yaml"}]'],
  ],
  [
    'removed',
    `${HEAD}  - id: shop/web\n    ref:\n      branch: a # old\n    prune: no\n`,
    set('ref'),
    ['-    ref:', '-      branch: a # old'],
  ],
  ['removed at the end', `${HEAD}  - id: shop/web\n    prune: no`, set('prune'), ['-    prune: no']],
  [
    'of the file',
    `observability:\n  logging:\n    level: info # loud\n`,
    root('observability.logging.level', 'debug'),
    ['-    level: info # loud', '+    level: debug # loud'],
  ],
  [
    'of the file, new',
    `gitops: {}\n`,
    root('observability.logging.level', 'debug'),
    ['-gitops: {}', '+gitops: {}', '+observability:', '+  logging:', '+    level: debug'],
  ],
];

for (const [name, text, setting, diff] of LAYOUTS) {
  for (const eol of ['\n', '\r\n']) {
    test(`only that changes: ${name}${eol === '\n' ? '' : ', with carriage returns'}`, (t) => {
      const given = text.replaceAll('\n', eol);
      const edited = setValue(given, setting, CONTEXT);
      if ('problems' in edited) return t.fail(edited.problems[0]!.message);
      const [before, after] = [given, edited.text].map((all) => all.split(eol));
      const lost = before!.filter((line) => !after!.includes(line));
      const come = after!.filter((line) => !before!.includes(line));
      const differing = (sign: string): string[] =>
        diff.filter((line) => line[0] === sign).map((line) => line.slice(1));
      const both = new Set(differing('-').filter((line) => differing('+').includes(line)));
      t.deepEqual(
        lost.filter(Boolean),
        differing('-').filter((line) => !both.has(line)),
      );
      t.deepEqual(
        come.filter(Boolean),
        differing('+').filter((line) => !both.has(line)),
      );
      t.deepEqual(parseAgentConfig(Buffer.from(edited.text), CONTEXT).problems, []);
      const again = setValue(edited.text, setting, CONTEXT);
      t.deepEqual(again, edited, 'the second time nothing changes');
    });
  }
}

for (const [name, text, setting, says] of [
  [
    'an unknown field',
    `${HEAD}  - id: shop/web\n`,
    set('prun', 'true'),
    /prun can't be true: unknown key "prun"/,
  ],
  ['a wrong value', `${HEAD}  - id: shop/web\n`, set('prune', 'maybe'), /prune can't be maybe: /],
  [
    'a value of two',
    `${HEAD}  - {id: shop/web}\n`,
    set('default_namespace', 'a, prune: no'),
    /can't be changed alone|no value on one line|can't be a, prune/,
  ],
  ['a comment as a value', `${HEAD}  - id: shop/web\n`, set('suspend', 'true # x'), /no value on one line/],
  [
    'a shared anchor',
    `${HEAD}  - id: shop/web\n    ref: &main {branch: main}\n  - id: shop/db\n    ref: *main\n`,
    set('ref.branch', 'b'),
    /can't be changed alone/,
  ],
  ['the identity', `${HEAD}  - id: shop/web\n`, set('id', 'shop/other'), /can't be changed alone/],
  [
    'comments that would go',
    `${HEAD}  - id: shop/web\n    paths:\n      - glob: a.yaml\n      # and these\n      - glob: b.yaml\n`,
    set('paths', '[]'),
    /comments of its own/,
  ],
  [
    'no such entry',
    `${HEAD}  - id: shop/web\n`,
    set('prune', 'no', { name: 'wob' }),
    /no entry is called wob/,
  ],
  ['a broken file', `${HEAD}  - id: [\n`, set('prune', 'no'), /./],
  [
    'what must stay',
    `${HEAD}  - id: shop/web\n    resource_exclusions: [{api_groups: [a], kinds: [b]}]\n`,
    root('gitops.manifest_projects'),
    /./,
  ],
] as [string, string, Setting, RegExp][]) {
  test(`refused: ${name}`, (t) => {
    const edited = setValue(text, setting, CONTEXT);
    t.true('problems' in edited, 'text' in edited ? edited.text : '');
    if ('problems' in edited) t.regex(edited.problems[0]!.message, says);
  });
}
