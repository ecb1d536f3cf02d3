import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { load } from 'js-yaml';
import { kubectl, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { type Front, front } from '../support/front.ts';
import { plugin, startPlugin } from '../support/plugin.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../schemas/apply-report.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

function configMap(name: string, value: string, rest = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: "${value}"}\n${rest}---\n`;
}

test('what is done is said as it is done, and the last line counts it', async (t) => {
  const ns = await namespace(t);
  const run = (input: string, ...args: string[]) =>
    plugin(['apply', '-f', '-', '-n', ns, ...args], { input });
  const first = await run(configMap('a', '1') + configMap('b', '1'));
  t.deepEqual(first.stdout.split('\n').sort(), [
    '',
    `+ created  configmap/a -n ${ns}`,
    `+ created  configmap/b -n ${ns}`,
    '2 created',
  ]);
  t.is(first.code, 0);
  t.like(await run(configMap('a', '1')), { code: 0, stdout: '1 unchanged\n', stderr: '' });
  t.like(await run(configMap('a', '2')), {
    code: 0,
    stdout: `~ changed  configmap/a -n ${ns}   data.key\n1 changed\n`,
    stderr: '',
  });
  const bad = await run(configMap('a', '3') + configMap('c', '1', 'dat: {}\n'));
  t.is(bad.code, 2);
  t.regex(bad.stdout, /^! failed {2}configmap\/c -n \S+ {3}\(-:10\)\n {4}Invalid: dat: field not declared/m);
  t.regex(bad.stdout, /\n1 changed, 1 failed\n$/);
  await kubectl(['-n', ns, 'patch', 'cm/b', '-p', '{"immutable":true}']);
  const held = await run(configMap('b', '2'));
  t.is(held.code, 1);
  t.regex(
    held.stdout,
    /^\* held back {2}configmap\/b -n \S+ {3}\(-:1\)\n {4}ImmutableField: data\.key can't be/,
  );
  t.regex(held.stdout, /\n {4}hint: --replace, or the annotation/);
  t.regex(held.stdout, /\n1 held back\n$/);
});

test('reports for programs keep to the schema that the package ships', async (t) => {
  const ns = await namespace(t);
  const run = (input: string, ...args: string[]) =>
    plugin(['apply', '-f', '-', '-n', ns, ...args], { input });
  await run(configMap('a', '1') + configMap('b', '1'));
  await kubectl(['-n', ns, 'patch', 'cm/b', '-p', '{"immutable":true}']);
  const input =
    configMap('a', '2') + configMap('b', '2') + configMap('c', '1', 'dat: {}\n') + configMap('d', '1');
  const json = await run(input, '-o', 'json');
  t.is(json.code, 2);
  const report = JSON.parse(json.stdout) as { changes: { name: string; result: string }[]; results: unknown };
  t.true(validate(report), JSON.stringify(validate.errors));
  t.false(validate({ ...report, more: 1 }), 'the schema is closed');
  t.deepEqual(
    report.changes.map(({ name, result }) => `${name} ${result}`),
    ['c failed', 'b skipped', 'a applied', 'd applied'],
  );
  t.deepEqual(report.results, { failed: 1, skipped: 1, pruned: 0, applied: 2, unchanged: 0 });
  const yaml = await run(configMap('a', '3'), '-o', 'yaml');
  t.true(validate(load(yaml.stdout)), JSON.stringify(validate.errors));
  const names = await run(configMap('a', '4') + configMap('d', '1'), '-o', 'name');
  t.like(names, { code: 0, stdout: `configmap/a -n ${ns}\n`, stderr: '' });
});

test('a dry run prints the plan that diff prints, and writes nothing', async (t) => {
  const ns = await namespace(t);
  const input = configMap('a', '1') + configMap('b', '1', 'dat: {}\n');
  const flags = ['-f', '-', '-n', ns];
  const diff = await plugin(['diff', ...flags], { input });
  t.is(diff.code, 2);
  for (const dryRun of ['--dry-run', '--dry-run=server']) {
    // What is said of progress depends on how busy the machine is.
    const { stdout, code } = diff;
    t.like(await plugin(['apply', ...flags, dryRun], { input }), { stdout, code, stderr: '' });
  }
  const json = await plugin(['apply', ...flags, '--dry-run', '-o', 'json'], { input });
  t.is((JSON.parse(json.stdout) as { kind: string }).kind, 'DiffReport');
  const { stdout } = await kubectl(['-n', ns, 'get', 'cm', '-o', 'name']);
  t.notRegex(stdout, /configmap\/[ab]\b/);
  const client = await plugin(['apply', ...flags, '--dry-run=client'], { input });
  t.like(client, {
    code: 2,
    stdout: '',
    stderr: 'error: --dry-run can\'t be "client"\nhint: it is server or none; --dry-run alone means server\n',
  });
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} stops between objects and reports what was done`, async (t) => {
    const ns = await namespace(t);
    const names = Array.from({ length: 200 }, (_none, index) => `c-${index}`);
    let answered = 0;
    await using slow: Front = await front(sharedCluster(), ({ method }) => {
      if (method !== 'PATCH') return undefined;
      answered += 1;
      return answered <= 20 ? undefined : { late: 300 };
    });
    const { child, done } = startPlugin(['apply', '-f', '-', '-n', ns, '-s', slow.url, '-o', 'json'], {
      input: names.map((name) => configMap(name, '1')).join(''),
    });
    await waitFor(() => slow.seen.filter(({ method }) => method === 'PATCH').length > 30, { what: 'writes' });
    child.kill(signal);
    const { stdout, code: actual } = await done;
    t.is(actual, code);
    const { changes } = JSON.parse(stdout) as {
      changes: { name: string; result: string; error?: { reason: string } }[];
    };
    t.is(changes.length, 200);
    const applied = changes.filter(({ result }) => result === 'applied').map(({ name }) => name);
    const rest = changes.filter(({ result }) => result !== 'applied');
    t.true(applied.length >= 20 && applied.length < 200, `${applied.length} were applied`);
    t.deepEqual(
      [...new Set(rest.map(({ result, error }) => `${result} ${error!.reason}`))],
      ['skipped Interrupted'],
    );
    const live = (await kubectl(['-n', ns, 'get', 'cm', '-o', 'name'])).stdout;
    const found = [...live.matchAll(/configmap\/(c-\d+)$/gm)].map((match) => match[1]!);
    t.deepEqual(found.sort(), applied.sort(), 'what is there is what the report says');
  });
}

test('SIGTERM during a prune stops between objects, and the rest stays in the set', async (t) => {
  const ns = await namespace(t);
  const yaml = (count: number): string =>
    Array.from({ length: count }, (_none, index) => configMap(`c-${index}`, '1')).join('');
  const args = ['apply', '-f', '-', '-n', ns, '--applyset', 'set', '--prune', '--prune-allow=100%'];
  await plugin(args, { input: yaml(150) });
  let answered = 0;
  await using slow: Front = await front(sharedCluster(), ({ method }) => {
    if (method !== 'DELETE') return undefined;
    answered += 1;
    return answered <= 20 ? undefined : { late: 300 };
  });
  const { child, done } = startPlugin([...args, '-s', slow.url, '-o', 'json'], { input: yaml(1) });
  await waitFor(() => slow.seen.filter(({ method }) => method === 'DELETE').length > 30, { what: 'deletes' });
  child.kill('SIGTERM');
  const { stdout, code } = await done;
  t.is(code, 143);
  const { changes } = JSON.parse(stdout) as {
    changes: { name: string; result: string; error?: { reason: string } }[];
  };
  t.is(changes.length, 150);
  const pruned = changes.filter(({ result }) => result === 'pruned').map(({ name }) => name);
  t.true(pruned.length >= 20 && pruned.length < 149, `${pruned.length} were pruned`);
  const rest = changes.filter(({ result }) => result !== 'pruned' && result !== 'unchanged');
  t.deepEqual(
    [...new Set(rest.map(({ result, error }) => `${result} ${error!.reason}`))],
    ['skipped Interrupted'],
  );
  const live = (await kubectl(['-n', ns, 'get', 'cm', '-o', 'name'])).stdout;
  const left = [...live.matchAll(/configmap\/(c-\d+)$/gm)].map((match) => match[1]!);
  t.deepEqual(left.sort(), ['c-0', ...rest.map(({ name }) => name)].sort(), 'what is there is what is said');
  const next = await plugin(args, { input: yaml(1) });
  t.regex(next.stdout, new RegExp(`\n${rest.length} pruned, 1 unchanged\n$`));
});

test('usage mistakes are one sentence each', async (t) => {
  const errorOf = async (...args: string[]): Promise<string> =>
    (await plugin(['apply', ...args])).stderr.split('\n')[0]!;
  t.is(await errorOf(), 'error: say what to apply: -f or -k is missing');
  t.is(await errorOf('-f', '.', '--rev', 'a..b'), 'error: apply takes one revision, not a..b');
  t.is(await errorOf('-f', '.', '--conflicts=ask'), 'error: --conflicts can\'t be "ask"');
  t.is(await errorOf('-f', '.', '--wiat'), 'error: there is no flag --wiat');
});
