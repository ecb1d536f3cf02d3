import test from 'ava';
import { parseAgentConfig } from '../../../core/config/agent-config.ts';
import { formatProblem } from '../../../core/model/problem.ts';

const CONTEXT = { file: 'c', configProject: 'ops/clusters', gitlabUrl: 'https://gitlab.example.com' };
const read = (text: string | Uint8Array) => parseAgentConfig(Buffer.from(text), CONTEXT);
const SHA = 'a'.repeat(40);

/** A file with one entry, whose fields begin at line 4, column 5. */
const entry = (fields: string): string => `gitops:\n  manifest_projects:\n  - id: a/b\n    ${fields}\n`;
const BROKEN: [text: string, problem: string][] = [
  // The file.
  ['gitops: [\n', '1:10: a "]" is missing, or what is in the brackets is not indented'],
  ['gitops:\n\tmanifest_projects: []\n', '2:1: a tab cannot indent\nhint: use spaces'],
  ['gitops:\n  a: 1\n b: 2\n', '3:1: this line is indented in a way that fits nothing above it'],
  [
    'gitops: {}\n---\ngitops: {}\n',
    '2:1: the file holds more than one YAML document\nhint: leave one, and no line "---" after it',
  ],
  ['- gitops\n', '1:1: the configuration is a map, not a list'],
  ['true\n', '1:1: the configuration is a map, not true'],
  ['gitops: "a\u0007b"\n', '1:11: the control character U+0007 is not allowed in YAML'],
  ['gitops: !!map {}\n', '1:15: tags have no place here\nhint: remove it'],
  ['gitops: {}\ngitops: {}\n', '2:1: "gitops" is given twice; the first is at 1:1\nhint: remove one'],
  ['? [a]\n: b\n', '1:3: a key is text'],
  ['gitops: *missing\n', '1:9: there is no anchor &missing before this alias'],
  ['<<: 3\n', '1:5: "<<" merges a map, or a list of maps'],
  // Keys.
  ['gitop: {}\n', '1:1: unknown key "gitop"\nhint: did you mean gitops?'],
  [
    'gitops:\n  manifestproject: []\n',
    '2:3: unknown key "manifestproject"\nhint: it is one of manifest_projects, charts',
  ],
  [entry('prun: true'), '4:5: unknown key "prun"\nhint: did you mean prune?'],
  [
    entry('prune: true\n    prune: true'),
    '5:5: "prune" is given twice; the first is at 4:5\nhint: remove one',
  ],
  [
    entry('default_namespace: a\n    defaultNamespace: b'),
    '5:5: defaultNamespace is the same key as default_namespace\nhint: remove one',
  ],
  [
    'observability: {logging: {lvl: debug}}\n',
    '1:27: unknown key "lvl"\nhint: it is one of level, grpc_level',
  ],
  // Types.
  ['gitops: []\n', '1:9: gitops is a map, not a list'],
  ['gitops: {manifest_projects: {id: a/b}}\n', '1:29: manifest_projects is a list, not a map'],
  ['gitops: {manifest_projects: [a/b]}\n', '1:30: manifest_projects[0] is a map, not "a/b"'],
  ['gitops:\n  manifest_projects:\n  -\n', '3:4: manifest_projects[0] is empty'],
  [entry('prune: maybe'), '4:12: prune is true or false, not "maybe"'],
  [entry('prune: "true"'), '4:12: prune is true or false, not "true"\nhint: remove the quotes'],
  [
    entry('default_namespace: 2024'),
    '4:24: default_namespace is text, and 2024 without quotes is a number\nhint: write "2024"',
  ],
  [
    entry('default_namespace: yes'),
    '4:24: default_namespace is text, and yes without quotes is a boolean\nhint: write "yes"',
  ],
  [entry('environment: ""'), '4:18: environment is empty'],
  [entry('default_namespace: [a]'), '4:24: default_namespace is text, not a list'],
  [entry('depends_on: a'), '4:17: depends_on is a list, not "a"'],
  [entry('depends_on: [~]'), '4:18: depends_on[0] is empty'],
  [entry('paths: [a.yaml]'), '4:13: paths[0] is a map, not "a.yaml"'],
  [entry('paths: [{}]'), '4:13: paths[0] has no glob'],
  [
    entry('reconcile_timeout: 3600'),
    '4:24: reconcile_timeout is a duration, not 3600\nhint: with a unit: 3600s',
  ],
  [
    entry('reconcile_timeout: 1 hour'),
    '4:24: reconcile_timeout is a duration, not "1 hour"\nhint: write 3600s, 90m or 1h30m',
  ],
  [
    entry('reconcile_timeout: -1s'),
    '4:24: reconcile_timeout is a duration, not "-1s"\nhint: write 3600s, 90m or 1h30m',
  ],
  [entry('interval: 1s'), '4:15: interval is shorter than 10s'],
  // Values.
  [
    entry('inventory_policy: adopt'),
    '4:23: inventory_policy can\'t be "adopt"\nhint: it is one of must_match, adopt_if_no_inventory, adopt_all',
  ],
  [
    'observability: {logging: {level: trace}}\n',
    '1:34: level can\'t be "trace"\nhint: it is one of info, debug, warn, error',
  ],
  [
    entry('default_namespace: Shop'),
    '4:24: default_namespace is no DNS label\nhint: up to 63 of a-z, 0-9 and "-", with a letter or digit at both ends',
  ],
  [
    entry('name: shop.web'),
    '4:11: name is no DNS label\nhint: up to 63 of a-z, 0-9 and "-", with a letter or digit at both ends',
  ],
  [
    'gitops: {manifest_projects: [{id: a}]}\n',
    '1:35: id is no path of a project\nhint: write group/project, without a slash at the ends',
  ],
  [
    'gitops: {manifest_projects: [{id: "https://gitlab.example.com/a/b"}]}\n',
    '1:35: id is a URL\nhint: write the path of the project: group/project; or use url',
  ],
  ['gitops: {manifest_projects: [{id: 0}]}\n', '1:35: id is no number of a project'],
  [
    'gitops: {manifest_projects: [{url: "git@example.com:a/b.git"}]}\n',
    '1:36: url is no URL\nhint: write https://HOST/PATH.git',
  ],
  [
    'gitops: {manifest_projects: [{url: "ssh://example.com/a/b.git"}]}\n',
    '1:36: url is no HTTPS URL\nhint: repositories are read over HTTPS: https://HOST/PATH.git',
  ],
  [
    'gitops: {manifest_projects: [{url: "http://example.com/a/b.git"}]}\n',
    '1:36: url would send credentials unencrypted\nhint: write https://',
  ],
  [
    'gitops: {manifest_projects: [{url: "https://u:hunter2@example.com/a/b.git"}]}\n',
    '1:36: url holds credentials\nhint: put them into the Secret gitlab-agent-git, and change them: Git remembers',
  ],
  [
    'gitops: {manifest_projects: [{url: "https://gitlab.example.com/a/b.git"}]}\n',
    '1:36: url is for repositories outside this GitLab\nhint: write id: a/b',
  ],
  [
    'gitops: {manifest_projects: [{id: a/b, url: "https://example.com/a/b.git"}]}\n',
    '1:45: id and url exclude each other\nhint: leave one of them',
  ],
  [
    entry('ref: {}'),
    '4:10: ref names no branch, tag or commit\nhint: without ref the default branch is read',
  ],
  [entry('ref: main'), '4:10: ref is a map, not "main"'],
  [entry(`ref: {branch: main, commit: ${SHA}}`), '4:33: ref has branch and commit\nhint: leave one of them'],
  [entry('ref: {branch: refs/heads/main}'), '4:19: branch is a name without "refs/…/"\nhint: write main'],
  [entry('ref: {branch: "--upload-pack=x"}'), '4:19: branch is a name that Git does not allow'],
  [entry('ref: {tag: a..b}'), '4:16: tag is a name that Git does not allow'],
  [
    entry('ref: {commit: abc123f}'),
    '4:19: commit is a shortened SHA\nhint: write all of it: git rev-parse prints it',
  ],
  [
    entry('ref: {commit: main}'),
    '4:19: commit is no SHA of a commit\nhint: a SHA has 40 hexadecimal digits; use branch or tag for names',
  ],
  [
    entry('ref: {commit: 123456789}'),
    '4:19: commit is text, and 123456789 without quotes is a number\nhint: write "123456789"',
  ],
  [entry('paths: [{glob: ../x/*.yaml}]'), '4:20: glob leads out of the repository\nhint: remove the ".."'],
  [
    entry('paths: [{glob: "a[b"}]'),
    '4:20: glob can\'t be read: a "[" has no "]"\nhint: put a "\\" before a character that is meant as it is',
  ],
  [
    entry('paths: [{glob: "a{b"}]'),
    '4:20: glob can\'t be read: a "{" has no "}"\nhint: put a "\\" before a character that is meant as it is',
  ],
  [
    entry('paths: [{glob: a.yaml}, {glob: a.yaml}]'),
    '4:29: paths[1] is the same as paths[0]\nhint: remove one',
  ],
  [
    entry(`paths: [${Array.from({ length: 101 }, (_, index) => `{glob: f${index}}`)}]`),
    '4:12: paths has 101 items, and 100 are allowed',
  ],
  [
    entry('kustomize: true\n    paths: [{glob: "*"}]'),
    '5:20: with kustomize: true a path is a directory, without wildcards',
  ],
  [
    entry('prune_limit: 120%'),
    '4:18: prune_limit is a number or a share of up to 100%\nhint: write 30, or 80%',
  ],
  [
    entry('prune_limit: most'),
    '4:18: prune_limit is a number or a share of up to 100%\nhint: write 30, or 80%',
  ],
  [
    entry('prune_kinds: [Deployment]'),
    '4:19: prune_kinds[0] can\'t be "Deployment"\nhint: it is one of Namespace, CustomResourceDefinition, PersistentVolume, PersistentVolumeClaim, StatefulSet',
  ],
  [
    entry('environment: a?b'),
    '4:18: environment is no name of an environment\nhint: up to 255 letters, digits, spaces and any of - _ / $ { } . without a slash at the ends',
  ],
  [
    entry('ignore: [{kind: Pod}]'),
    '4:14: ignore[0] names no paths and no managers\nhint: a rule has kind, group, namespace, name, and paths or managers',
  ],
  [
    entry('ignore: [{paths: ["a["]}]'),
    `4:23: paths[0] is the path "a[", which can't be read: expected a JSON value at offset 2\nhint: write spec.replicas, or /spec/replicas`,
  ],
  [entry('resource_exclusions: [{kinds: [Secret]}]'), '4:27: resource_exclusions[0] has no api_groups'],
  [entry('resource_exclusions: [{api_groups: [], kinds: [Secret]}]'), '4:40: api_groups is empty'],
  [
    'gitops: {charts: [{release_name: x}]}\n',
    '1:18: charts is not supported: Helm charts are not installed\nhint: render the chart (helm template) into a manifest project',
  ],
  // What several fields say together.
  [
    'gitops:\n  manifest_projects:\n  - id: a/b\n  - id: A/b\n',
    '4:9: this entry and the one at 3:5 are both called b-c14cddc0\nhint: give each a name of its own',
  ],
  [
    'gitops:\n  manifest_projects:\n  - {id: a/b, name: x}\n  - {id: a/c, name: x}\n',
    '4:21: this entry and the one at 3:5 are both called x\nhint: give each a name of its own',
  ],
  [entry('depends_on: [nobody]'), '4:18: no entry is called nobody\nhint: there is only b-c14cddc0'],
  [entry('name: x\n    depends_on: [x]'), '5:18: x depends on itself\nhint: remove one of the steps'],
  [
    'gitops:\n  manifest_projects:\n  - {name: a, depends_on: [b]}\n  - {name: b, depends_on: [c]}\n  - {name: c, depends_on: [a]}\n',
    '5:28: a circle: a → b → c → a\nhint: remove one of the steps',
  ],
];
for (const [text, expected] of BROKEN) {
  test(`broken: ${text.slice(0, 200)}`, (t) => {
    const { config, problems, effective } = read(text);
    t.is(config, undefined);
    t.is(effective, undefined);
    t.deepEqual(problems.map(formatProblem), [`error: c:${expected}`]);
  });
}
