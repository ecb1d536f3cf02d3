import test, { type ExecutionContext } from 'ava';
import { type Clock, realClock } from '../../../core/kube/clock.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type { Change } from '../../../core/model/plan.ts';
import { diffExitCode, summarize } from '../../../core/model/plan.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { type PlanOptions, planSet } from '../../../core/plan/plan.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';
import { type ControlPlane, startControlPlane } from '../../support/control-plane/control-plane.ts';
import { type Fault, failed, front, type Seen } from '../../support/front.ts';
import { readText, type Stage, stage } from '../../support/plan.ts';
import { clusterAt, connectionTo, quickClock } from '../kube/connections.ts';

function objectOf(kind: string, name: string, rest: object): string {
  return `---\n${JSON.stringify({ apiVersion: 'v1', kind, metadata: { name }, ...rest })}\n`;
}

/** 30 objects of three kinds. */
function shop(edit: (index: number) => string): string {
  return Array.from({ length: 10 }, (_, index) => {
    const value = edit(index);
    const data = { key: Buffer.from(value).toString('base64') };
    return (
      objectOf('ConfigMap', `c-${index}`, { data: { key: value } }) +
      objectOf('Secret', `s-${index}`, { data }) +
      objectOf('Service', `v-${index}`, { spec: { ports: [{ port: 80 }], selector: { app: value } } })
    );
  }).join('');
}
const APPLIED = shop(() => 'old');
const WANTED = shop((index) => (index % 3 === 0 ? 'new' : 'old')) + objectOf('ConfigMap', 'one-more', {});

/** Waits of retries are a fifth of the real ones, and so is the time in which there are any. */
const HURRIED: Clock = {
  now: () => realClock.now() * 5,
  after: (ms, run) => realClock.after(ms / 5, run),
};

interface Through {
  changes: Change[];
  seen: Seen[];
  /** In milliseconds. */
  took: number;
}

/** Plans through a server that goes wrong. */
async function through(
  on: Stage,
  yaml: string,
  fault: (request: Seen) => Fault | undefined,
  options: Partial<PlanOptions> = {},
): Promise<Through> {
  await using server = await front(on.endpoint, fault);
  const cluster = clusterAt(connectionTo(server.url, { requestTimeout: 2_000 }), { clock: HURRIED });
  const start = Date.now();
  try {
    const { changes } = await planSet(cluster, await readText(yaml), {
      namespace: on.namespace,
      enforceNamespace: false,
      gate: new SecretGate(),
      ...options,
    });
    return { changes, seen: server.seen, took: Date.now() - start };
  } finally {
    cluster.close();
  }
}

function verdicts(changes: readonly Change[]): Record<string, string> {
  return Object.fromEntries(
    changes.map(({ id, action, reason }) => [id.name, [action, reason].filter(Boolean).join(' ')]),
  );
}

function exitCode(changes: readonly Change[]): number {
  return diffExitCode(summarize(changes));
}

const PAGE = '<html><head><title>Bad gateway</title></head></html>';
const FAULTS: Record<string, (request: Seen) => Fault> = {
  'too many requests, come back in a second': () => ({
    status: 429,
    headers: { 'retry-after': '1' },
    body: failed(429, 'TooManyRequests', 'slow down'),
  }),
  'not available': () => ({ status: 503, body: failed(503, 'ServiceUnavailable', 'etcd is away') }),
  'a page of a load balancer': () => ({ status: 502, body: PAGE }),
  'a cut connection': () => 'cut',
  'half an answer': () => 'half',
  'a late answer': () => ({ late: 400 }),
  'all of these in turn': ({ number }) => Object.values(FAULTS)[(number / 5) % 6]!({ number } as Seen),
};
test('whatever one in five requests meets, the plan is the same', async (t) => {
  const on = await stage(t);
  await on.apply(APPLIED);
  const whole = await on.plan(WANTED);
  t.like(summarize(whole), { create: 1, update: 12, unchanged: 18, unknown: 0 });
  for (const [what, fault] of Object.entries(FAULTS)) {
    const { changes, seen, took } = await through(on, WANTED, (request) =>
      request.number % 5 === 0 ? fault(request) : undefined,
    );
    t.deepEqual(verdicts(changes), verdicts(whole), what);
    t.deepEqual(changes, whole, what);
    t.true(seen.length < 60, `${what}: ${seen.length} requests`);
    t.true(took < 10_000, `${what}: ${took} ms`);
  }
});

test('a page that is no answer makes one object unknown and hides no other', async (t) => {
  const on = await stage(t);
  const yaml = objectOf('ConfigMap', 'a', {}) + objectOf('ConfigMap', 'b', {});
  const { changes, seen } = await through(on, yaml, ({ method, path }) =>
    method === 'PATCH' && path.includes('/a?') ? { status: 200, body: '<title>Sign in</title>' } : undefined,
  );
  t.deepEqual(verdicts(changes), { a: 'unknown NotKubernetes', b: 'create' });
  t.is(exitCode(changes), 2);
  t.is(seen.filter(({ method }) => method === 'PATCH').length, 2);
});

test('a request without an answer ends when its time is over', async (t) => {
  const on = await stage(t);
  const yaml = objectOf('ConfigMap', 'a', {}) + objectOf('ConfigMap', 'b', {});
  const { changes, took } = await through(on, yaml, ({ method, path }) =>
    method === 'PATCH' && path.includes('/a?') ? 'hang' : undefined,
  );
  t.deepEqual(verdicts(changes), { a: 'unknown Unreachable', b: 'create' });
  t.is(changes[0]!.message, 'no answer within 2 seconds');
  t.true(took < 6_000, `${took} ms`);
});

test('a webhook that refuses dry runs is told as that', async (t) => {
  const on = await stage(t);
  const message = 'admission webhook "old.example.org" does not support dry run';
  const { changes, seen } = await through(on, objectOf('ConfigMap', 'a', {}), ({ method }) =>
    method === 'PATCH' ? { status: 400, body: failed(400, 'BadRequest', message) } : undefined,
  );
  t.deepEqual(verdicts(changes), { a: 'unknown WebhookRefusesDryRun' });
  t.is(changes[0]!.message, message);
  t.is(exitCode(changes), 2);
  t.is(seen.filter(({ method }) => method === 'PATCH').length, 1);
});

test('mistakes in manifests are never retried, and told with the line of the field', async (t) => {
  const on = await stage(t);
  const yaml = `apiVersion: v1
kind: ConfigMap
metadata: {name: unknown-field}
data: {key: value}
dta: {}
---
apiVersion: v1
kind: Secret
metadata: {name: wrong-type}
data:
  good: YQ==
  port: 8080
---
apiVersion: v1
kind: Secret
metadata: {name: not-base64}
data:
  good: YQ==
  bad.key: "not base64!"
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: deep}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - name: one
        image: one
      - name: two
        imag: two
---
apiVersion: v1
kind: Service
metadata: {name: bad-value}
spec:
  ports:
  - port: 80
  - name: other
    port: 99999
`;
  const { manifests, locate } = await readPositions(yaml);
  const { changes, seen } = await through(on, yaml, () => undefined, { locate });
  t.is(manifests, 5);
  const line = (start: string) => yaml.split('\n').findIndex((text) => text.startsWith(start)) + 1;
  const told = changes.map(({ id, action, reason, source, message }) => [
    id.name,
    action,
    reason,
    source?.line,
    message,
  ]);
  t.deepEqual(told, [
    ['unknown-field', 'unknown', 'Invalid', line('dta'), 'dta: field not declared in schema'],
    ['wrong-type', 'unknown', 'Invalid', line('  port: 8080'), 'data.port: expected string'],
    ['not-base64', 'unknown', 'Invalid', line('  bad.key'), 'data["bad.key"]: not base64'],
    [
      'deep',
      'unknown',
      'Invalid',
      line('        imag:'),
      'spec.template.spec.containers[name="two"].imag: field not declared in schema',
    ],
    ['bad-value', 'unknown', 'Invalid', line('  - port: 80'), told[4]![4]],
  ]);
  t.regex(
    String(told[4]![4]),
    /^spec\.ports\[0\]\.name: Required value; spec\.ports\[1\]\.port: Invalid value: 99999/,
  );
  t.is(seen.filter(({ method }) => method === 'PATCH').length, 5);
});

/** As `readText`, with the places of fields. The plan reads its own manifests: places are found by name. */
async function readPositions(yaml: string) {
  const { readManifests } = await import('../../../core/manifest/read.ts');
  const result = await readManifests(
    { filenames: ['-'], recursive: false },
    { cwd: '/', stdin: async () => Buffer.from(yaml), env: {}, signal: new AbortController().signal },
  );
  const locate: PlanOptions['locate'] = ({ id }, path) =>
    result.locate(result.manifests.find((manifest) => manifest.id.name === id.name)!, path);
  return { manifests: result.manifests.length, locate };
}

// An API server that is killed is one of these tests' own.
let own: Promise<ControlPlane> | undefined;
async function ownStage(t: ExecutionContext): Promise<Stage & { controlPlane: ControlPlane }> {
  own ??= startControlPlane({ workloads: false, purpose: 'kills its API server' });
  const controlPlane = await own;
  return Object.assign(await stage(t, controlPlane), { controlPlane });
}
test.after.always(async () => (await own)?.stop());

for (const returns of [true, false]) {
  const what = returns
    ? 'killed and started again: the plan is the same'
    : 'killed for good: what is left is unknown';
  test.serial(`an API server that is ${what}`, async (t) => {
    const on = await ownStage(t);
    const { controlPlane } = on;
    await on.apply(APPLIED);
    const whole = await on.plan(WANTED);
    const connection = loadConnection({ kubeconfig: controlPlane.kubeconfig }, { env: {}, homedir: '/' });
    // Who waits for a restart needs real time.
    const cluster = clusterAt(connection, { clock: returns ? realClock : quickClock, maxConcurrency: 2 });
    t.teardown(async () => cluster.close());
    let ended: Promise<unknown> | undefined;
    const start = Date.now();
    const { changes } = await planSet(cluster, await readText(WANTED), {
      namespace: on.namespace,
      enforceNamespace: false,
      gate: new SecretGate(),
      full: true,
      onProgress: (done) => {
        if (done !== 5) return;
        const { apiServer } = controlPlane;
        ended = returns ? apiServer.restart() : apiServer.kill();
      },
    });
    await ended;
    t.true(Date.now() - start < 30_000, `${Date.now() - start} ms`);
    if (returns) return t.deepEqual(changes, whole);
    const unreachable = changes.filter(
      ({ action, reason }) => action === 'unknown' && reason === 'Unreachable',
    );
    t.true(unreachable.length > 15, `${unreachable.length} unknown`);
    for (const change of changes) {
      if (!unreachable.includes(change))
        t.deepEqual(
          change,
          whole.find(({ source }) => source!.line === change.source!.line),
        );
    }
    t.is(exitCode(changes), 2);
    const error = await t.throwsAsync(on.plan(WANTED), { instanceOf: ProblemError });
    t.regex(error.message, /^nothing listens at https:\S+ \(connection refused\)$/);
  });
}
