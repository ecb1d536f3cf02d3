import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { waitFor } from '../support/cluster.ts';
import { stage } from '../support/plan.ts';
import { plugin, startPlugin } from '../support/plugin.ts';
import { configMap } from '../support/sets.ts';
import { asKubelet, CRASHING, deployment, RUNNING, untilMissed } from '../support/workloads.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../schemas/apply-report.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

interface Report {
  waited?: { end: string; seconds: number };
  changes: {
    name: string;
    health?: { status: string; reason: string; message?: string; story?: string[] };
  }[];
}

const parse = (stdout: string): Report => {
  const report = JSON.parse(stdout) as Report;
  if (!validate(report)) throw new Error(JSON.stringify(validate.errors));
  return report;
};

test('--wait ends with 0 when all is healthy, and says how long that took', async (t) => {
  const on = await stage(t);
  const args = ['apply', '-f', '-', '-n', on.namespace, '--wait'];
  const input = deployment('web') + configMap('c');
  const { done } = startPlugin([...args, '--timeout', '1m'], { input });
  await asKubelet(on, 'web', RUNNING);
  const { code, stdout, stderr } = await done;
  t.regex(stdout, /\n2 created\nall are healthy, after \d+(\.\d)? s\n$/);
  t.is(stderr, '');
  t.is(code, 0);
  const again = await plugin([...args, '-o', 'json'], { input });
  t.is(again.code, 0);
  const report = parse(again.stdout);
  t.is(report.waited?.end, 'well');
  t.deepEqual(
    report.changes.map(({ health }) => health?.status),
    ['healthy', 'healthy'],
  );
  t.false(
    'waited' in
      parse((await plugin(['apply', '-f', '-', '-n', on.namespace, '-o', 'json'], { input })).stdout),
  );
});

test('what fails for good ends it with 1, and its story', async (t) => {
  const on = await stage(t);
  const args = ['apply', '-f', '-', '-n', on.namespace, '--wait'];
  const input = deployment('web') + configMap('c');
  const { done } = startPlugin(args, { input });
  await asKubelet(on, 'web', CRASHING);
  const { code, stdout } = await done;
  t.is(code, 1);
  t.regex(
    stdout.replaceAll(/\s+/g, ' '),
    / ! degraded deployment\.apps\/web -n \S+ CrashLoopBackOff progressing, TooFewAvailable: 0 of 1 replica is available replicaset\.apps\/web-\S+ -n \S+: progressing, TooFewAvailable pod\/web-\S+ -n \S+: degraded, CrashLoopBackOff: container app does not stay up: it ended with exit code 3, restarted 3 times 2 created /,
  );
  t.regex(stdout, /\n2 created\n1 not healthy; ended after \d+(\.\d)? s, as waiting on would not mend it\n$/);
  const { changes } = parse((await plugin([...args, '-o', 'json'], { input })).stdout);
  t.like(changes[0], { name: 'web', health: { status: 'degraded', reason: 'CrashLoopBackOff' } });
  t.regex(changes[0]!.health!.story![2]!, /^ {4}pod\/web-/);
});

test('the time is over with 1', async (t) => {
  const on = await stage(t);
  const applying = ['apply', '-f', '-', '-n', on.namespace];
  await plugin(applying, { input: deployment('web') });
  await untilMissed(on, 'web');
  const args = [...applying, '--wait', '--timeout', '2s'];
  const { code, stdout } = await plugin(args, { input: deployment('web') });
  t.is(code, 1);
  t.regex(stdout, /^! progressing {2}deployment\.apps\/web .*TooFewAvailable\n/);
  const names = await plugin([...args, '-o', 'name'], { input: deployment('web') });
  t.like(names, { code: 1, stdout: '' });
  t.regex(names.stderr, /^! progressing {2}deployment\.apps\/web /);
  t.regex(stdout, /\n1 unchanged\n1 not healthy after \d+(\.\d)? s of waiting \(--timeout\)\n$/);
});

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends the waiting, after the report`, async (t) => {
    const on = await stage(t);
    const args = ['apply', '-f', '-', '-n', on.namespace, '--wait', '-o', 'json'];
    const { child, done } = startPlugin(args, { input: deployment('web') });
    await waitFor(async () => (await on.kubectl('get pods -o name')) !== '', { what: 'the Pod' });
    child.kill(signal);
    const { code, stdout } = await done;
    t.is(code, expected);
    const report = parse(stdout);
    t.is(report.waited?.end, 'stopped');
    t.is(report.changes[0]?.health?.status, 'progressing');
  });
}

const USAGE: [string, string[], string][] = [
  [
    '--timeout alone',
    ['--timeout', '5m'],
    'error: --timeout says how long to wait, and --wait is missing\nhint: say what to wait for: --wait; the time of a single request is --request-timeout\n',
  ],
  [
    'no duration',
    ['--wait', '--timeout', '5'],
    'error: can\'t read --timeout "5"\nhint: write a duration: 90s, 5m, 1h30m\n',
  ],
];

for (const [name, flags, stderr] of USAGE) {
  test(`refused: ${name}`, async (t) => {
    const result = await plugin(['apply', '-f', '-', ...flags], { input: configMap('c') });
    t.like(result, { code: 2, stdout: '', stderr });
  });
}
