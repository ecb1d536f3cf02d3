import test from 'ava';
import { parseAgentConfig } from '../../../core/config/agent-config.ts';
import { type EntrySelector, setRef } from '../../../core/config/set-ref.ts';
import type { ManifestRef } from '../../../core/model/agent-config.ts';
import { formatProblem } from '../../../core/model/problem.ts';

const CONTEXT = { file: 'c', configProject: 'ops/clusters', gitlabUrl: 'https://gitlab.example.com' };
const OLD = `${'0'.repeat(39)}a`;
const NEW = 'b'.repeat(40);
const WEB: EntrySelector = { project: 'shop/web' };
const to = (text: string, ref: ManifestRef = { commit: NEW }, selector: EntrySelector = WEB) =>
  setRef(text, selector, ref, CONTEXT);

const HEAD = '# The shop.\ngitops:\n  manifest_projects:\n';
// The text before, and the lines that are other ones after; `-` and `+` at their beginning.
const LAYOUTS: [name: string, text: string, diff: string[], ref?: ManifestRef][] = [
  [
    'a commit by another one',
    `${HEAD}  - id: shop/web  # the web\n    ref:\n      # moved by the pipeline\n      commit: ${OLD}   # do not edit\n\n    prune: no\n`,
    [`-      commit: ${OLD}   # do not edit`, `+      commit: ${NEW}   # do not edit`],
  ],
  [
    'a branch by a commit',
    `${HEAD}  - id: shop/web\n    ref:\n      branch: main # for now\n`,
    ['-      branch: main # for now', `+      commit: ${NEW} # for now`],
  ],
  [
    'a commit by a tag that reads as a number',
    `${HEAD}  - id: shop/web\n    ref:\n      commit: ${OLD}\n`,
    [`-      commit: ${OLD}`, '+      tag: "1.10"'],
    { tag: '1.10' },
  ],
  [
    'a commit of digits only',
    `${HEAD}  - id: shop/web\n    ref: {commit: ${OLD}}\n`,
    [`-    ref: {commit: ${OLD}}`, `+    ref: {commit: "${'1'.repeat(40)}"}`],
    { commit: '1'.repeat(40) },
  ],
  [
    'a commit that reads as a float',
    `${HEAD}  - id: shop/web\n    ref: {commit: ${OLD}}\n`,
    [`-    ref: {commit: ${OLD}}`, `+    ref: {commit: "12e${'3'.repeat(37)}"}`],
    { commit: `12e${'3'.repeat(37)}` },
  ],
  [
    'quotes stay as they are',
    `${HEAD}  - id: shop/web\n    ref: { 'branch': 'main' }\n`,
    ["-    ref: { 'branch': 'main' }", `+    ref: { 'commit': '${NEW}' }`],
  ],
  [
    'double quotes',
    `${HEAD}  - id: shop/web\n    ref: { commit: "${OLD}" }\n`,
    [`-    ref: { commit: "${OLD}" }`, `+    ref: { commit: "${NEW}" }`],
  ],
  [
    'no ref yet',
    `${HEAD}  - id: shop/web  # the web\n    # which files\n    paths: []\n`,
    ['+    ref:', `+      commit: ${NEW}`],
  ],
  [
    'no ref yet, and no end of the last line',
    `${HEAD}  - id: shop/web`,
    ['+    ref:', `+      commit: ${NEW}`],
  ],
  [
    'no ref yet, and the id last',
    `${HEAD}  - paths:\n      - glob: a.yaml\n    id: shop/web\n  - id: shop/api\n`,
    ['+    ref:', `+      commit: ${NEW}`],
  ],
  [
    'nothing on one line',
    `${HEAD}  - paths:\n      - glob: a.yaml\n    id: >-\n      shop/web\n`,
    ['-  - paths:', '+  - ref:', `+      commit: ${NEW}`, '+    paths:'],
  ],
  [
    'no ref in a flow map',
    `${HEAD}  - {id: shop/web}\n`,
    ['-  - {id: shop/web}', `+  - {id: shop/web, ref: {commit: ${NEW}}}`],
  ],
  [
    'no ref in a flow map over lines',
    `${HEAD}  - {\n      id: shop/web, # the web\n    }\n`,
    ['-      id: shop/web, # the web', `+      id: shop/web, ref: {commit: ${NEW}}, # the web`],
  ],
  [
    'no ref in an airy flow map',
    `${HEAD}  - { id: shop/web }\n`,
    ['-  - { id: shop/web }', `+  - { id: shop/web, ref: { commit: ${NEW} } }`],
  ],
  [
    'JSON',
    '{"gitops": {"manifest_projects": [\n  {"id": "shop/web"}\n]}}',
    ['-  {"id": "shop/web"}', `+  {"id": "shop/web", "ref": {"commit": "${NEW}"}}`],
  ],
  [
    'an empty ref',
    `${HEAD}  - id: shop/web\n    ref: # none yet\n`,
    ['-    ref: # none yet', `+    ref: { commit: ${NEW} } # none yet`],
  ],
  ['a null ref', `${HEAD}  - id: shop/web\n    ref: ~\n`, ['-    ref: ~', `+    ref: { commit: ${NEW} }`]],
  [
    'an alias for the ref',
    `${HEAD}  - id: shop/api\n    ref: &main {branch: main}\n  - id: shop/web\n    ref: *main\n`,
    ['-    ref: *main', `+    ref: { commit: ${NEW} }`],
  ],
  [
    'an alias for the branch',
    `${HEAD}  - id: shop/api\n    ref: {branch: &main main}\n  - id: shop/web\n    ref: {branch: *main}\n`,
    ['-    ref: {branch: *main}', `+    ref: {commit: ${NEW}}`],
  ],
  [
    'a ref that is merged in',
    `${HEAD}  - &web\n    id: shop/api\n    ref: {branch: main}\n  - <<: *web\n    id: shop/web\n    prune: false\n`,
    ['+    ref:', `+      commit: ${NEW}`],
  ],
  [
    'a ref that is merged in below',
    `${HEAD}  - &web\n    ref: {branch: main}\n    id: shop/api\n  - name: web\n    <<: *web\n    id: shop/web\n`,
    ['+    ref:', `+      commit: ${NEW}`],
  ],
  [
    'a block scalar',
    `${HEAD}  - id: shop/web\n    ref:\n      commit: >-\n        ${OLD}\n    prune: true\n`,
    ['-      commit: >-', `-        ${OLD}`, `+      commit: ${NEW}`],
  ],
  [
    'keys in camel case, indented otherwise',
    'gitops:\n    manifestProjects:\n        -   id: shop/web\n            defaultNamespace: a\n',
    ['+            ref:', `+              commit: ${NEW}`],
  ],
  [
    'lines that end with CR LF',
    `${HEAD}  - id: shop/web # the web\n    prune: true\n`.replaceAll('\n', '\r\n'),
    ['+    ref:\r', `+      commit: ${NEW}\r`],
  ],
  [
    'a byte order mark',
    `\ufeff${HEAD}  - id: shop/web\n    ref: {branch: a}\n`,
    ['-    ref: {branch: a}', `+    ref: {commit: ${NEW}}`],
  ],
  [
    'a branch with a name for quotes',
    `${HEAD}  - id: shop/web\n    ref: {branch: 'a'}\n`,
    ["-    ref: {branch: 'a'}", '+    ref: {branch: "it\'s"}'],
    { branch: "it's" },
  ],
  [
    'an upper-case commit that is the same',
    `${HEAD}  - id: shop/web\n    ref: {commit: ${OLD.toUpperCase()}}\n`,
    [],
    { commit: OLD },
  ],
];
for (const [name, text, diff, ref] of LAYOUTS) {
  test(`only these lines change: ${name}`, (t) => {
    const result = to(text, ref);
    if (!('text' in result)) return t.fail(result.problems.map(formatProblem).join('\n'));
    t.deepEqual(lineDiff(text, result.text), diff);
    const entry = read(result.text).find(
      ({ repository }) => 'project' in repository && repository.project === 'shop/web',
    );
    t.deepEqual(entry!.ref, ref ?? { commit: NEW });
    t.deepEqual(to(result.text, ref), result, 'a second time changes nothing');
  });
}

const TWO = `${HEAD}  - id: shop/web\n    name: blue\n  - id: shop/web\n    name: green\n`;
const REFUSED: [name: string, text: string, expected: string, selector?: EntrySelector, ref?: ManifestRef][] =
  [
    ['no such project', `${HEAD}  - id: shop/api\n`, 'error: c: no entry is for the project shop/web'],
    ['no such name', TWO, 'error: c: no entry is called bleu: it is one of blue, green', { name: 'bleu' }],
    ['an empty file', '', 'error: c: no entry is for the project shop/web'],
    [
      'a project that is there twice',
      TWO,
      'error: c: 2 entries are for the project shop/web: say which of blue, green',
    ],
    [
      'two entries of one name',
      TWO.replace('green', 'blue'),
      'error: c:7:11: this entry and the one at 4:5 are both called blue\nhint: give each a name of its own',
      { name: 'blue' },
    ],
    [
      'a broken file',
      `${HEAD}  - id: shop/web\n    pruned: false\n`,
      'error: c:5:5: unknown key "pruned"\nhint: did you mean prune?',
    ],
    [
      'a ref that another entry shares',
      `${HEAD}  - id: shop/web\n    ref: &main {branch: main}\n  - id: shop/api\n    ref: *main\n`,
      "error: c:5:16: the ref of web-97375646 can't be changed alone as the file is written\nhint: give the entry a ref of its own, by hand",
    ],
    [
      'a branch that is none',
      `${HEAD}  - id: shop/web\n    ref: {branch: a}\n`,
      'error: c:5:10: branch is a name that Git does not allow',
      WEB,
      { branch: 'a b' },
    ],
  ];
for (const [name, text, expected, selector, ref] of REFUSED) {
  test(`refused: ${name}`, (t) => {
    const result = to(text, ref, selector);
    t.deepEqual('problems' in result && result.problems.map(formatProblem), [expected]);
  });
}

test('an entry by the number of its project', (t) => {
  const text = `${HEAD}  - id: 42\n  - id: shop/web\n`;
  const result = to(text, { tag: 'v1' }, { project: 'shop/api', projectId: 42 });
  t.is('text' in result && result.text, text.replace('- id: 42', '- id: 42\n    ref:\n      tag: v1'));
});

test('an entry by its name', (t) => {
  const result = to(TWO, { tag: 'v1' }, { name: 'green' });
  t.is(
    'text' in result && result.text,
    TWO.replace(
      '- id: shop/web\n    name: green',
      '- id: shop/web\n    ref:\n      tag: v1\n    name: green',
    ),
  );
});

function read(text: string) {
  return parseAgentConfig(Buffer.from(text), CONTEXT).config!.entries;
}

/** The lines between what both begin and end with. */
function lineDiff(before: string, after: string): string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  while (a.length > 0 && b.length > 0 && a[0] === b[0]) [a, b].map((lines) => lines.shift());
  while (a.length > 0 && b.length > 0 && a.at(-1) === b.at(-1)) [a, b].map((lines) => lines.pop());
  return [...a.map((line) => `-${line}`), ...b.map((line) => `+${line}`)];
}
