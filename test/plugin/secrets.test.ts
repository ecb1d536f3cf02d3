import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { accessOf, apiRequest, kubectl, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { findKubectl } from '../support/control-plane/binaries.ts';
import { type PluginResult, plugin, pluginEnvironment } from '../support/plugin.ts';
import { policyOnSecret } from '../support/secret-policy.ts';

/** Every planted value begins with this word and has a tail of its own; nothing else holds it. */
const WORD = 'canary-';
const plant = (tail: string): string => `${WORD}${tail}-8f1c`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
// The middle of what base64 makes of the word, wherever it begins in the bytes.
const NEEDLES = ['', 'x', 'xx'].map((before) =>
  base64(`${before}${WORD}`).slice(before ? 4 : 0, before ? -4 : -3),
);

const root = mkdtempSync(join(tmpdir(), 'secrets-'));
test.after.always(() => rmSync(root, { recursive: true, force: true }));
const disk = { TMPDIR: join(root, 'tmp'), HOME: join(root, 'home'), KUBECACHEDIR: join(root, 'cache') };
for (const directory of Object.values(disk)) mkdirSync(directory);

function clean(t: ExecutionContext, { stdout, stderr, progress }: PluginResult, what: string): void {
  const text = stdout + stderr + progress;
  t.not(text, '', what);
  for (const needle of [WORD, ...NEEDLES]) {
    const at = text.toLowerCase().indexOf(needle.toLowerCase());
    t.is(at, -1, `${what}: ${text.slice(Math.max(0, at - 200), at + 100)}`);
  }
}

/** A plan in a file: neither values nor anything by which somebody without the key could try values out. */
function unguessable(t: ExecutionContext, text: string): void {
  clean(t, { code: 0, stdout: text, stderr: '', progress: '' }, 'a plan in a file');
  const digests = [...text.matchAll(/hmac-sha256:([\w-]{43})/g)].map(([, digest]) =>
    Buffer.from(digest!, 'base64url'),
  );
  t.true(text.split('"(secret, hmac-sha256:').length > 8 && digests.length > 20);
  const raw = ['old', 'new', 'added', 'same', 'other', 'setting-new', 'vault-new', 'known'].map(plant);
  const values = [...raw, ...raw.map(base64), 'x'].flatMap((value) => [value, JSON.stringify(value)]);
  for (const value of values) {
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      const hash = createHash(algorithm).update(value).digest();
      const found = (['hex', 'base64', 'base64url'] as const).filter((form) =>
        text.includes(hash.toString(form)),
      );
      t.deepEqual(found, [], `${algorithm} of ${value}`);
    }
    for (const key of ['', '\0'.repeat(32)]) {
      const guess = createHmac('sha256', key).update(value).digest();
      t.false(
        digests.some((digest) => digest.equals(guess)),
        value,
      );
    }
  }
  t.false(text.includes(readFileSync(join(root, 'plan.json.key'), 'utf8').trim()), 'the key');
}

/** Writes files into a directory of their own and returns it. */
function directory(name: string, files: Record<string, string>): string {
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return join(root, name);
}

function secret(name: string, rest: object): string {
  return `---\n${JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...rest })}\n`;
}

async function run(args: readonly string[], cwd = root): Promise<PluginResult> {
  const PATH = `${pluginEnvironment().PATH}:${dirname(await findKubectl())}`;
  return plugin(['diff', '-v=9', ...args], { cwd, env: { ...disk, PATH } });
}

const FORMATS = ['unified', 'summary', 'json', 'yaml', 'markdown', 'name'];

test.serial('values of Secrets and of named paths are in no output of a plan', async (t) => {
  const ns = await namespace(t);
  const group = `${ns}.example.org`;
  await installVaults(t, group);
  await installPolicy(t, ns);
  const kubectlApply = (input: string, ...args: string[]) =>
    kubectl(['apply', '-n', ns, '-f', '-', ...args], { input });
  const vault = (password: string, tokens: string[]) =>
    `---\n${JSON.stringify({
      apiVersion: `${group}/v1`,
      kind: 'Vault',
      metadata: { name: 'vault' },
      spec: {
        users: [
          { name: 'a', password: 'x' },
          { name: 'b', password },
        ],
        tokens,
        free: { deep: [{ pin: password }] },
      },
    })}\n`;
  const settings = (token: string) =>
    `---\n${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { token, shown: 'shown' } })}\n`;
  await kubectlApply(
    secret('legacy', { data: { gone: base64(plant('gone')) }, stringData: { text: plant('text') } }),
  );
  await kubectlApply(
    secret('ours', { data: { changed: base64(plant('old')), removed: base64(plant('removed')) } }) +
      secret('frozen', { data: { key: base64(plant('frozen')) }, immutable: true }) +
      secret('same', { data: { key: base64(plant('same')) } }) +
      settings(plant('setting-old')) +
      vault(plant('vault-old'), [plant('token-old')]),
    '--server-side',
    '--field-manager=gitlab-agent',
  );
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'listed' },
        data: { key: base64(plant('listed')) },
      },
    ],
  };
  const secretList = {
    ...list,
    kind: 'SecretList',
    items: [{ metadata: { name: 'listed-too' }, stringData: { key: plant('listed-too') } }],
  };
  const path = directory('set', {
    'secrets.yaml':
      secret('legacy', { data: { other: base64(plant('other')) } }) +
      secret('ours', { data: { changed: base64(plant('new')) }, stringData: { added: plant('added') } }) +
      secret('frozen', { data: { key: base64(plant('thawed')) }, immutable: true }) +
      secret('same', { stringData: { key: plant('same') } }) +
      secret('new', { stringData: { lines: `${plant('line-1')}\n${plant('line-2')}\n"quoted"` } }),
    'invalid.yaml':
      secret('wrong-type', { data: { key: 1, list: [plant('list')], map: { deep: plant('deep') } } }) +
      secret('not-base64', { data: { key: `${plant('not-base64')}!` } }) +
      secret('unknown-field', { dta: { key: plant('unknown') }, data: { key: base64(plant('known')) } }) +
      secret('bad-key', { data: { 'a b': base64(plant('bad-key')) } }) +
      secret('data-string', { data: plant('data-string') }) +
      secret('mistyped', {
        data: { '.dockerconfigjson': base64(plant('docker')) },
        type: 'kubernetes.io/dockerconfigjson',
      }),
    'policy.yaml':
      secret('denied', { data: { key: base64(plant('denied')) } }) +
      secret('warned', { data: { key: base64(plant('warned')) } }),
    'list.json': JSON.stringify(list),
    'secret-list.json': JSON.stringify(secretList),
    'others.yaml': settings(plant('setting-new')) + vault(plant('vault-new'), [plant('token-new')]),
  });
  const hidden = [
    'ConfigMap:data.token',
    `Vault.${group}:spec.users.password`,
    `Vault.${group}:spec.tokens`,
    `vault.${group}:/spec/free`,
  ];
  const args = ['-f', path, '-n', ns, '--color=always', ...hidden.map((value) => `--secret-path=${value}`)];
  for (const format of FORMATS) {
    const result = await run([...args, '-o', format]);
    t.is(result.code, 2);
    clean(t, result, format);
    t.regex(result.stderr, /warning: /);
  }
  const saved = await run([...args, '-o', 'plan', '--out', 'plan.json']);
  t.is(saved.code, 2, saved.stderr);
  clean(t, saved, 'what is said of a saved plan');
  unguessable(t, readFileSync(join(root, 'plan.json'), 'utf8'));
  const { stdout } = await run([...args, '-o', 'json', '--full']);
  const report = JSON.parse(stdout);
  t.like(
    report.summary,
    { create: 4, update: 4, replace: 1, unchanged: 1, unknown: 7 },
    JSON.stringify(report.summary),
  );
  clean(t, { code: 0, stdout, stderr: '', progress: '' }, 'full');
});

const BROKEN: Record<string, string> = {
  'a quote that is not closed': `data:\n  key: "${plant('quote')}\n`,
  'a flow that is not closed': `data: {key: ${plant('flow')}, \n`,
  'a key given twice': `data:\n  key: ${plant('first')}\n  key: ${plant('second')}\n`,
  'a value that is itself a map': `stringData:\n  key: ${plant('colon')}: x\n`,
  'a tab': `data:\n\tkey: ${plant('tab')}\n`,
  'a value without its key': `data:\n  key: x\n ${plant('lost')}\n`,
  'an unknown alias': `data:\n  key: *${plant('alias')}\n`,
  'an unknown tag': `data:\n  key: !${plant('tag')} x\n`,
  'text that is no string': `stringData:\n  key: [${plant('string')}]\n`,
  'a control character': `stringData:\n  key: ${plant('control')}\u0000\n`,
  'a number of the wrong base': `stringData:\n  ${'key'}: 0x${plant('hex')}\n  other: 12\n`,
};
test.serial('values near a mistake in a file are not repeated', async (t) => {
  for (const [what, text] of Object.entries(BROKEN)) {
    const file = join(root, 'broken.yaml');
    writeFileSync(file, `apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n${text}`);
    const result = await run(['-f', file]);
    t.is(result.code, 2, what);
    clean(t, result, what);
  }
});

test.serial('generated Secrets of a kustomization stay hidden, and so do its mistakes', async (t) => {
  const ns = await namespace(t);
  const good = directory('kustomization', {
    'kustomization.yaml': `secretGenerator:\n- name: a\n  literals: [key=${plant('literal')}]\n  files: [file.txt]\n`,
    'file.txt': plant('file'),
  });
  const result = await run(['-k', good, '-n', ns]);
  t.is(result.code, 1, result.stderr);
  clean(t, result, 'kustomization');
  const bad = directory('bad-kustomization', {
    'kustomization.yaml': `secretGenerator:\n- name: a\n  literals: ["${plant('no-equals')}"]\n`,
  });
  clean(t, await run(['-k', bad, '-n', ns]), 'a mistake in a kustomization');
});

test.serial('two revisions are compared without their values', async (t) => {
  const repository = directory('repository', {});
  mkdirSync(repository);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: repository,
      stdio: 'pipe',
    });
  git('init', '-q');
  const commit = (value: string, extra = '') => {
    const files = {
      'app/secret.yaml': secret('a', { stringData: { key: plant(value), same: plant('same') } }) + extra,
      'app/misspelt.yaml': secret('b', { data: { key: plant(value) } }).replace('"Secret"', '"secret"'),
      'app/lower-case.yaml': secret('c', { stringdata: { key: plant(value) } }),
      'kustom/kustomization.yaml': `secretGenerator:\n- name: a\n  literals: [key=${plant(value)}]\n`,
    };
    directory('repository', files);
    git('add', '.');
    git('commit', '-qm', value);
  };
  commit('before', secret('gone', { data: { key: base64(plant('gone')) } }));
  commit('after', secret('come', { data: { key: base64(plant('come')) } }));
  directory('repository', { 'app/secret.yaml': secret('a', { stringData: { key: plant('work-tree') } }) });
  for (const format of FORMATS) {
    const range = await run(['-f', 'app', '--rev', 'HEAD~1..HEAD', '-o', format], repository);
    t.is(range.code, 1, range.stderr);
    clean(t, range, `range ${format}`);
  }
  clean(t, await run(['-f', 'app', '--rev', 'HEAD~1..'], repository), 'work tree');
  const kustomized = await run(['-k', 'kustom', '--rev', 'HEAD~1..HEAD'], repository);
  t.is(kustomized.code, 1, kustomized.stderr);
  clean(t, kustomized, 'kustomized revisions');
});

test.serial('nothing of it is left on the disk', (t) => {
  const files = Object.values(disk).flatMap((path) =>
    readdirSync(path, { recursive: true, withFileTypes: true }),
  );
  t.true(files.length > 0, 'there are caches to look at');
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    const text = readFileSync(path, 'latin1');
    for (const needle of [WORD, ...NEEDLES]) t.false(text.includes(needle), path);
  }
});

async function installVaults(t: ExecutionContext, group: string): Promise<void> {
  const string = { type: 'string' };
  const user = { type: 'object', required: ['name'], properties: { name: string, password: string } };
  const properties = {
    users: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: user,
    },
    tokens: { type: 'array', 'x-kubernetes-list-type': 'set', items: string },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
  };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `vaults.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'vaults', singular: 'vault', kind: 'Vault' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
  await kubectl(['apply', '-f', '-'], { input: JSON.stringify(crd) });
  t.teardown(async () => void (await kubectl(['delete', 'crd', `vaults.${group}`, '--wait=false'])));
  await kubectl(['wait', '--for=condition=Established', `crd/vaults.${group}`, '--timeout=60s']);
}

/** Refuses the Secret `denied` and warns of `warned`, both with the value in their words. */
async function installPolicy(t: ExecutionContext, ns: string): Promise<void> {
  const access = accessOf(sharedCluster());
  await policyOnSecret(t, access, { namespace: ns, name: 'denied', key: 'key', action: 'Deny' });
  await policyOnSecret(t, access, { namespace: ns, name: 'warned', key: 'key', action: 'Warn' });
  const probe = { metadata: { name: 'denied' }, data: { key: 'eA==' } };
  await waitFor(
    async () =>
      (await apiRequest(access, 'POST', `/api/v1/namespaces/${ns}/secrets?dryRun=All`, probe)).status === 422,
    { what: 'the policy to be in force' },
  );
}
