import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { loadKubeconfig } from '../../../core/kube/kubeconfig.ts';
import type { Kubeconfig } from '../../../core/kube/kubeconfig-file.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { findKubectl } from '../../support/control-plane/binaries.ts';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'kube-kubeconfig-'));
test.after.always(() => rmSync(dir, { recursive: true, force: true }));

const FILES: Record<string, string> = {
  a: `
current-context: one
clusters:
- {name: one, cluster: {server: "https://a.one", certificate-authority: certs/ca.pem}}
- {name: shared, cluster: {server: "https://a.shared"}}
users:
- {name: one, user: {client-certificate: ../jane.pem, client-key: /abs/jane.key}}
- {name: shared, user: {token: a, tokenFile: tokens/a}}
contexts:
- {name: one, context: {cluster: one, user: one, namespace: a}}
`,
  b: `
current-context: two
clusters:
- {name: shared, cluster: {server: "https://b.shared", insecure-skip-tls-verify: true}}
- {name: two, cluster: {server: "https://b.two", tls-server-name: x, proxy-url: "http://p:1", disable-compression: true}}
users:
- {name: shared, user: {username: b, password: b}}
- name: two
  user:
    as: jane
    as-uid: "7"
    as-groups: [g, h]
    as-user-extra: {k: [v, w]}
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/x, args: [a, "1"], env: [{name: NAME, value: VALUE}], interactiveMode: Never, provideClusterInfo: true}
- {name: path, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, installHint: get it}}}
- {name: oidc, user: {auth-provider: {name: oidc, config: {client-id: c, id-token: t}}}}
contexts:
- {name: one, context: {cluster: two, user: two, namespace: b}}
- {name: two, context: {cluster: two, user: two}}
`,
  'sub/json':
    '{"kind":"Config","apiVersion":"v1","clusters":[{"name":"json","cluster":{"server":"https://json","certificate-authority":"/ca.pem"}}],"contexts":null}',
  bom: '\uFEFFcurrent-context: bom\ncontexts:\n- {name: bom, context: {cluster: one, user: one}}\n',
  crlf: 'current-context: crlf\r\ncontexts:\r\n- name: crlf\r\n  context:\r\n    cluster: one\r\n    user: one\r\n',
  empty: '',
  comment: '# nothing\n',
  repeated: 'current-context: first\ncurrent-context: last\n',
  anchors: 'x: &c {server: "https://anchor"}\nclusters:\n- name: one\n  cluster: *c\n',
  extra: 'unknown: 1\nclusters:\n- {name: one, cluster: {server: "https://x", unknown: [1]}}\n',
  documents: 'current-context: first\n---\ncurrent-context: second\n',
};
mkdirSync(join(dir, 'sub'));
mkdirSync(join(dir, 'home', '.kube'), { recursive: true });
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text);
writeFileSync(join(dir, 'home', '.kube', 'config'), FILES.a!);

const LISTS: string[][] = [
  ['a'],
  ['b'],
  ['a', 'b'],
  ['b', 'a'],
  ['missing', 'b', '', 'a', 'b'],
  ['sub/json', 'a'],
  ['bom'],
  ['crlf', 'a'],
  ['empty', 'comment', 'b'],
  ['repeated'],
  ['anchors'],
  ['extra', 'a'],
  ['documents'],
];

for (const list of LISTS) {
  test(`merges as kubectl does: ${list.join(':')}`, async (t) => {
    const value = list.map((name) => (name ? join(dir, name) : '')).join(delimiter);
    const { stdout } = await run(await findKubectl(), ['config', 'view', '--raw', '-o', 'json'], {
      env: { PATH: process.env.PATH, HOME: join(dir, 'home'), KUBECONFIG: value },
    });
    t.deepEqual(
      plain(loadKubeconfig(undefined, { KUBECONFIG: value }, join(dir, 'home')).config),
      fromKubectl(JSON.parse(stdout)),
    );
  });
}

test('without KUBECONFIG the home folder counts, with --kubeconfig only that file', (t) => {
  const home = loadKubeconfig(undefined, {}, join(dir, 'home'));
  t.is(home.config.currentContext, 'one');
  t.is(home.config.clusters.get('one')?.certificateAuthority, join(dir, 'home', '.kube', 'certs/ca.pem'));
  const explicit = loadKubeconfig(join(dir, 'b'), { KUBECONFIG: join(dir, 'a') }, join(dir, 'home'));
  t.is(explicit.config.currentContext, 'two');
  t.deepEqual(explicit.files, [join(dir, 'b')]);
});

test('one broken file of several is an error with its line', (t) => {
  writeFileSync(join(dir, 'broken'), 'users:\n- name: a\n  user: {token: [PLANTED\n');
  const env = { KUBECONFIG: [join(dir, 'a'), join(dir, 'broken')].join(delimiter) };
  const error = t.throws(() => loadKubeconfig(undefined, env, dir), { instanceOf: ProblemError })!;
  t.like(error.problems[0], { code: 'KubeconfigSyntax', file: join(dir, 'broken'), line: 4 });
  t.notRegex(error.message, /PLANTED/);
});

/** Both sides in one form: names to the fields that are set. */
type Plain = Record<'clusters' | 'users' | 'contexts', Record<string, unknown>> & { currentContext: string };

function plain(config: Kubeconfig): Plain {
  const entries = (map: ReadonlyMap<string, unknown>) =>
    Object.fromEntries([...map].map(([name, entry]) => [name, JSON.parse(JSON.stringify(entry))]));
  return {
    currentContext: config.currentContext ?? '',
    clusters: entries(config.clusters),
    users: entries(config.users),
    contexts: entries(config.contexts),
  };
}

const OUR_NAMES: Record<string, string> = {
  'insecure-skip-tls-verify': 'insecureSkipTlsVerify',
  'auth-provider': 'authProvider',
};

function fromKubectl(view: Record<string, unknown>): Plain {
  const entries = (list: unknown, inner: string) =>
    Object.fromEntries(
      ((list ?? []) as Record<string, unknown>[]).map((item) => [
        item.name,
        rename(item[inner] as Record<string, unknown>),
      ]),
    );
  return {
    currentContext: view['current-context'] as string,
    clusters: entries(view.clusters, 'cluster'),
    users: entries(view.users, 'user'),
    contexts: entries(view.contexts, 'context'),
  };
}

/** `config view` shows them as they are written; all relative ones stand in `dir` here. */
const FILES_IN = new Set(['certificateAuthority', 'clientCertificate', 'clientKey', 'tokenFile']);

function rename(entry: Record<string, unknown>): Record<string, unknown> {
  const pairs = Object.entries(entry).filter(([, value]) => value !== '');
  return Object.fromEntries(
    pairs.map(([name, value]) => {
      const ours = OUR_NAMES[name] ?? name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      if (FILES_IN.has(ours)) return [ours, resolve(dir, value as string)];
      return [ours, name === 'exec' ? execOf(value as Record<string, unknown>) : value];
    }),
  );
}

/** kubectl writes nulls where there is nothing, and a mode that it filled in. */
function execOf(exec: Record<string, unknown>): Record<string, unknown> {
  const { args, env, interactiveMode, command, ...rest } = exec;
  const mode = rest.apiVersion === 'client.authentication.k8s.io/v1' ? { interactiveMode } : {};
  const program = (command as string).includes('/') ? resolve(dir, command as string) : command;
  return { ...rest, command: program, args: args ?? [], env: env ?? [], ...mode };
}
