import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { plugin } from '../support/plugin.ts';

const cwd = mkdtempSync(join(tmpdir(), 'health-'));
test.after.always(() => rmSync(cwd, { recursive: true, force: true }));

const WELL = '{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}}\n';
const SUSPENDED = '{apiVersion: batch/v1, kind: CronJob, metadata: {name: backup}, spec: {suspend: true}}\n';
const FAILED =
  '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop"},"status":{"phase":"Failed","reason":"Evicted","message":"low on memory"}}]}';

test('the exit code says whether all is well', async (t) => {
  const well = await plugin(['health', '-f', '-'], { input: `${WELL}---\n${SUSPENDED}` });
  t.like(well, { code: 0, stderr: '' });
  t.regex(well.stdout, /\n1 suspended, 1 healthy\n$/);
  const failed = await plugin(['health', '-f', '-'], { input: FAILED });
  t.like(failed, {
    code: 1,
    stderr: '',
    stdout: 'degraded     pod/web -n shop  Evicted\n             low on memory\n\n1 degraded\n',
  });
});

test('several files make one report, in their order', async (t) => {
  writeFileSync(join(cwd, 'a.json'), FAILED);
  writeFileSync(join(cwd, 'b.yaml'), WELL);
  const { code, stdout } = await plugin(['health', '-f', 'b.yaml', '-fa.json', '-f', '-', '-ojson'], {
    cwd,
    input: SUSPENDED,
  });
  t.is(code, 1);
  t.deepEqual(JSON.parse(stdout), {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'HealthReport',
    objects: [
      {
        group: '',
        version: 'v1',
        kind: 'ConfigMap',
        namespace: 'shop',
        name: 'settings',
        health: 'healthy',
        reason: 'NoStatus',
        message: 'it reports no status',
      },
      {
        group: '',
        version: 'v1',
        kind: 'Pod',
        namespace: 'shop',
        name: 'web',
        health: 'degraded',
        reason: 'Evicted',
        message: 'low on memory',
      },
      {
        group: 'batch',
        version: 'v1',
        kind: 'CronJob',
        name: 'backup',
        health: 'suspended',
        reason: 'Suspended',
        message: 'no new Jobs are started',
      },
    ],
  });
});

test('an empty List is well, and an empty input is not', async (t) => {
  const list = await plugin(['health', '-f', '-', '-o', 'yaml'], {
    input: 'apiVersion: v1\nkind: List\nitems: []\n',
  });
  t.like(list, {
    code: 0,
    stderr: '',
    stdout: 'apiVersion: agent.gitlab.com/v1alpha1\nkind: HealthReport\nobjects: []\n',
  });
  const nothing = await plugin(['health', '-f', '-'], { input: '\n' });
  t.like(nothing, { code: 2, stdout: '' });
  t.regex(nothing.stderr, /^error: -: standard input is empty\nhint: /);
});

test('what cannot be read is an error that names every place', async (t) => {
  writeFileSync(join(cwd, 'bad.yaml'), `${WELL}---\nkind: [`);
  const { code, stdout, stderr } = await plugin(['health', '-f', 'none.yaml', '-f', 'bad.yaml', '-f', '.'], {
    cwd,
  });
  t.like({ code, stdout }, { code: 2, stdout: '' });
  t.regex(stderr, /^error: none\.yaml: no such file or directory$/m);
  t.regex(stderr, /^error: bad\.yaml:3:\d+: /m);
  t.regex(stderr, /^error: \.: is a directory$/m);
});

test('it needs -f, and no cluster', async (t) => {
  const nothing = await plugin(['health'], { env: { KUBECONFIG: '/none' } });
  t.like(nothing, { code: 2, stdout: '' });
  t.regex(nothing.stderr, /^error: say what to judge: -f is missing\nhint: /);
  const offline = await plugin(['health', '-f', '-'], { input: WELL, env: { KUBECONFIG: '/none' } });
  t.is(offline.code, 0);
});
