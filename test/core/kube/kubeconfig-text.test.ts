import test from 'ava';
import { loadAll } from 'js-yaml';
import { changeKubeconfig, type KubeconfigChange } from '../../../core/kube/kubeconfig-text.ts';
import { ProblemError } from '../../../core/model/problem.ts';

const CHANGE: KubeconfigChange = {
  entries: [
    { list: 'clusters', name: 'a:b', value: { server: 'https://kas.example.com' }, keeps: true },
    { list: 'users', name: 'a:b', value: { exec: { command: 'x', args: ['y'] } }, keeps: true },
    { list: 'contexts', name: 'a:b', value: { cluster: 'a:b', user: 'a:b' }, keeps: true },
  ],
};

const ITEMS = {
  clusters: `- cluster:
    server: https://kas.example.com
  name: a:b`,
  users: `- user:
    exec:
      command: x
      args:
      - y
  name: a:b`,
  contexts: `- context:
    cluster: a:b
    user: a:b
  name: a:b`,
};
const ALL = Object.entries(ITEMS)
  .map(([list, item]) => `${list}:\n${item}\n`)
  .join('');

/** As kubectl reads it: the first document, the last of equal keys. */
const read = (text: string): unknown => loadAll(text.replace(/^\ufeff/, ''), { json: true })[0];

const WRITTEN: [what: string, before: string, after: string][] = [
  ['nothing', '', `apiVersion: v1\nkind: Config\n${ALL}`],
  ['a comment only', '# mine', `# mine\napiVersion: v1\nkind: Config\n${ALL}`],
  ['other keys only', 'kind: Config\n', `kind: Config\n${ALL}`],
  ['no line feed at the end', 'kind: Config', `kind: Config\n${ALL}`],
  [
    'empty lists, as kubectl config writes them',
    'apiVersion: v1\nclusters: null # none\ncontexts: []\ncurrent-context: ""\nusers: # none\nkind: Config\n',
    `apiVersion: v1\nclusters: # none\n${ITEMS.clusters}\ncontexts:\n${ITEMS.contexts}\ncurrent-context: ""\nusers: # none\n${ITEMS.users}\nkind: Config\n`,
  ],
  [
    'comments around every entry, and odd layout',
    `# of the company
users:
  # mine
  -   name:   'me'   # me
      user: { "token": t }     # secret


# where
clusters:
- name: one
  cluster:
    server: "https://one"   # one
    # no more
    extensions: [ {name: x, extension: {y: 1}} ]
# which
contexts:
- context:
    cluster: one

    user: me
  name: one # the usual

current-context:   one   # stays
`,
    `# of the company
users:
  # mine
  -   name:   'me'   # me
      user: { "token": t }     # secret
  - user:
      exec:
        command: x
        args:
        - y
    name: a:b


# where
clusters:
- name: one
  cluster:
    server: "https://one"   # one
    # no more
    extensions: [ {name: x, extension: {y: 1}} ]
- cluster:
    server: https://kas.example.com
  name: a:b
# which
contexts:
- context:
    cluster: one

    user: me
  name: one # the usual
${ITEMS.contexts}

current-context:   one   # stays
`,
  ],
  [
    'a block scalar at the end, and null values',
    `users:
- name: a
  user:
- name: b
  user:
    token: |
      x
clusters: []
contexts: []
`,
    `users:
- name: a
  user:
- name: b
  user:
    token: |
      x
${ITEMS.users}
clusters:
${ITEMS.clusters}
contexts:
${ITEMS.contexts}
`,
  ],
  [
    'entries of its own: fields of others in them stay, and what is as it should be keeps its comments',
    `clusters:
- name: a:b # mine
  cluster:
    server: https://old.example.com # old
    proxy-url: socks5://localhost:1
- name: other
users:
- user: {exec: {command: x, args: [y]}, as: root} # so be it
  name: a:b
contexts:
- name: a:b
  context: {cluster: a:b, user: a:b, namespace: shop}
`,
    `clusters:
- cluster:
    server: https://kas.example.com
    proxy-url: socks5://localhost:1
  name: a:b
- name: other
users:
- user: {exec: {command: x, args: [y]}, as: root} # so be it
  name: a:b
contexts:
- name: a:b
  context: {cluster: a:b, user: a:b, namespace: shop}
`,
  ],
  [
    'JSON',
    '{\n    "clusters": [],\n    "users": [{"name": "me", "user": {"token": "t"}}]\n}\n',
    `${JSON.stringify(
      {
        clusters: [{ cluster: { server: 'https://kas.example.com' }, name: 'a:b' }],
        users: [
          { name: 'me', user: { token: 't' } },
          { user: { exec: { command: 'x', args: ['y'] } }, name: 'a:b' },
        ],
        contexts: [{ context: { cluster: 'a:b', user: 'a:b' }, name: 'a:b' }],
      },
      null,
      4,
    )}\n`,
  ],
];
for (const [what, before, after] of WRITTEN)
  test(`entries are added to ${what}`, (t) => {
    t.is(changeKubeconfig(before, CHANGE, 'config'), after);
    t.is(changeKubeconfig(after, CHANGE, 'config'), after, 'once is enough');
    const windows = (text: string): string => `\ufeff${text.replaceAll('\n', '\r\n')}`;
    if (/^[^{]*\n/.test(before))
      t.is(changeKubeconfig(windows(before), CHANGE, 'config'), windows(after), 'CRLF');
  });

const ODD: [what: string, before: string][] = [
  ['flow style', '# mine\n{users: [{name: me, user: {token: t}}], contexts: [], current-context: me}\n'],
  [
    'lists in flow style',
    'users: [{name: me, user: {token: t}}] # mine\nclusters: [\n  {name: x}, # mine\n  ]\n',
  ],
  ['an anchor in an entry', 'users:\n- name: me\n  user: &u {token: t} # mine\n- name: you\n  user: *u\n'],
  ['a dash on a line of its own', 'users:\n-\n  name: me # mine\n  user: {token: t}\n'],
  ['equal keys', 'users:\n- name: no\nusers:\n- name: me # mine\n  user: {token: t}\n'],
  ['an alias', '# mine\nx: &l [{name: me, user: {token: t}}]\nusers: *l\n'],
  ['the end of the document', '# mine\nusers:\n- name: me\n  user: {token: t}\n...\n'],
  ['a document marker', '---\n# mine\nusers:\n- name: me\n  user: {token: t}\n'],
];
for (const [what, before] of ODD)
  test(`others' entries and comments stay in spite of ${what}`, (t) => {
    const after = changeKubeconfig(before, CHANGE, 'config');
    const [old, now] = [before, after].map(read) as Record<string, { name: string }[]>[];
    t.deepEqual(now!.users!.slice(0, -1), old!.users);
    t.is(now!.users!.at(-1)!.name, 'a:b');
    t.is(now!.contexts!.at(-1)!.name, 'a:b');
    t.regex(after, /# mine/);
    t.is(changeKubeconfig(after, CHANGE, 'config'), after);
  });

test('what is not of the same thing is replaced whole', (t) => {
  const before = 'users:\n- name: a:b\n  user: {token: t}\n- name: you\n  user: {token: u}\n';
  const entries = CHANGE.entries.map((entry) => ({ ...entry, keeps: false }));
  const after = changeKubeconfig(before, { entries }, 'config');
  t.false(after.includes('token: t'));
  t.true(after.includes('token: u'));
});

for (const [before, after] of [
  ['current-context: one # mine\n', 'current-context: a:b # mine\n'],
  ['current-context: # mine\n', 'current-context: a:b # mine\n'],
  ["current-context: ''\nkind: Config\n", 'current-context: a:b\nkind: Config\n'],
  ['kind: Config\n', 'kind: Config\ncurrent-context: a:b\n'],
  ['current-context: |\n  one\nkind: Config\n', 'current-context: a:b\nkind: Config\n'],
] as const)
  test(`the current context of ${JSON.stringify(before)}`, (t) => {
    t.is(changeKubeconfig(before, { entries: [], currentContext: 'a:b' }, 'config'), after);
  });

for (const [before, message] of [
  ['kind: Config\n---\nkind: Config\n', 'it has several YAML documents, of which kubectl reads the first'],
  ['- a\n', 'it is no kubeconfig, a map with clusters, users and contexts'],
  ['a: [\n', 'it is no kubeconfig, a map with clusters, users and contexts'],
] as const)
  test(`refused: ${JSON.stringify(before)}`, (t) => {
    const error = t.throws(() => changeKubeconfig(before, CHANGE, 'config'), { instanceOf: ProblemError });
    t.is(error!.problems[0]!.message, message);
    t.is(error!.problems[0]!.file, 'config');
  });
