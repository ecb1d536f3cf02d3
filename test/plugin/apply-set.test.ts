import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { kubectl, namespace, sharedCluster } from '../support/cluster.ts';
import { type Fault, failed, front } from '../support/front.ts';
import { plugin } from '../support/plugin.ts';
import { Random } from '../support/random.ts';

function configMap(name: string, value = '1'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: "${value}"}\n`;
}

/** A directory of manifests, by file name. */
function directory(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'set-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  mkdirSync(join(path, 'deploy'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, 'deploy', name), text);
  return path;
}

test('one file removed: diff and dry run show exactly its object, apply deletes exactly that', async (t) => {
  const ns = await namespace(t);
  const cwd = directory({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
  const args = ['-f', 'deploy', '-n', ns, '--applyset', 'shop', '--prune'];
  const first = await plugin(['apply', ...args], { cwd });
  t.regex(first.stdout, /\n2 created\n$/);
  t.like(await plugin(['apply', ...args], { cwd }), { code: 0, stdout: '2 unchanged\n' });

  rmSync(join(cwd, 'deploy', 'b.yaml'));
  const [diff, dryRun] = [
    await plugin(['diff', ...args], { cwd }),
    await plugin(['apply', ...args, '--dry-run'], { cwd }),
  ];
  t.is(diff.code, 1);
  t.regex(diff.stdout, /^- delete {2}configmap\/b -n \S+\n(-.*\n)+\n1 to delete, 1 unchanged\n$/);
  t.is(dryRun.stdout, diff.stdout);
  const done = await plugin(['apply', ...args], { cwd });
  t.like(done, { code: 0, stdout: `- pruned  configmap/b -n ${ns}\n1 pruned, 1 unchanged\n` });
  t.like(await plugin(['diff', ...args], { cwd }), { code: 0, stdout: 'nothing to change, 1 unchanged\n' });

  rmSync(join(cwd, 'deploy', 'a.yaml'));
  const empty = await plugin(['apply', ...args], { cwd });
  t.is(empty.code, 2);
  t.regex(empty.stderr, /^error: /);
  const { stdout } = await kubectl(['-n', ns, 'get', 'cm', '-o', 'name']);
  t.regex(stdout, /configmap\/a\n/, 'all files removed: nothing is deleted');
});

test('what was held back is said with the flag that allows it', async (t) => {
  const ns = await namespace(t);
  const names = Array.from({ length: 21 }, (_none, index) => `c-${index}`);
  const all = names.map((name) => configMap(name)).join('---\n');
  const args = ['apply', '-f', '-', '-n', ns, '--applyset', `${ns}/shop`, '--prune'];
  await plugin(args, { input: all });
  const held = await plugin(args, { input: configMap('c-0') });
  t.is(held.code, 1);
  t.regex(
    held.stdout,
    /^20 held back: PruneLimit: 20 of the 21 members of the set would be deleted;\n {2}hint: --prune-allow 20 if that is meant\n1 unchanged, 20 held back\n$/,
  );
  const some = await plugin([...args, '--prune-allow=99%'], { input: configMap('c-0') });
  t.regex(some.stdout, /\n20 pruned, 1 unchanged\n$/);
});

test('flags of a set that mean nothing without one are refused', async (t) => {
  const errorOf = async (...args: string[]): Promise<string> =>
    (await plugin(['apply', '-f', '-', ...args], { input: configMap('a') })).stderr.split('\n')[0]!;
  t.is(await errorOf('--prune'), 'error: --prune needs a set');
  t.is(await errorOf('--adopt-set', 'x'), 'error: --adopt-set needs a set');
  t.is(await errorOf('--applyset', 'a/b/c'), 'error: can\'t read the apply set "a/b/c"');
  t.is(await errorOf('--applyset', 'a', '--prune-allow', 'all'), 'error: can\'t read --prune-allow "all"');
  t.is(
    await errorOf('--applyset', 'a', '--prune', '--prune-kinds', 'Namespce'),
    'error: --prune-kinds has "Namespce", which is no kind that prune holds back',
  );
});

test('one request in five goes wrong, and the set is still as it should be', async (t) => {
  const ns = await namespace(t);
  const random = new Random(Number(process.env.TEST_SEED ?? 20261123));
  const faults: Fault[] = [
    { status: 429, body: failed(429, 'TooManyRequests', 'slow down'), headers: { 'retry-after': '0' } },
    { status: 500, body: failed(500, 'InternalError', 'etcd has no leader') },
    { status: 503, body: failed(503, 'ServiceUnavailable', 'not now') },
    'cut',
  ];
  await using rough = await front(sharedCluster(), () =>
    random.chance(0.2) ? random.pick(faults) : undefined,
  );
  const args = ['apply', '-f', '-', '-n', ns, '--applyset', 'shop', '--prune', '-s', rough.url];
  const names = (count: number): string[] => Array.from({ length: count }, (_none, index) => `c-${index}`);
  for (const [count, value] of [
    [40, '1'],
    [40, '2'],
    [25, '3'],
  ] as const) {
    const input = names(count)
      .map((name) => configMap(name, value))
      .join('---\n');
    const { code, stdout, stderr } = await plugin(args, { input });
    t.is(code, 0, stdout + stderr);
    const live = await kubectl([
      '-n',
      ns,
      'get',
      'cm',
      '-l',
      'applyset.kubernetes.io/part-of',
      '-o',
      'jsonpath={range .items[*]}{.metadata.name}={.data.key} {end}',
    ]);
    const wanted = names(count).map((name) => `${name}=${value}`);
    t.deepEqual(live.stdout.trim().split(' ').sort(), wanted.sort());
  }
});
