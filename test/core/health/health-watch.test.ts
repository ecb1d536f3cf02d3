import test, { type ExecutionContext } from 'ava';
import type { ObjectHealth, StoryLine, WaitEnd } from '../../../core/model/health.ts';
import { grant, serviceAccount, waitFor } from '../../support/cluster.ts';
import { recordRequests } from '../../support/control-plane/audit.ts';
import { type Stage, stage } from '../../support/plan.ts';
import { healthText, waitText } from '../../support/waiting.ts';
import {
  asKubelet,
  CRASHING,
  deployment,
  FAILED,
  job,
  NO_IMAGE,
  RUNNING,
  template,
  workload,
} from '../../support/workloads.ts';
import { Authority } from '../kube/certificates.ts';
import { serve } from '../kube/servers.ts';

const text = (story: readonly StoryLine[] = []): string =>
  story.map(({ depth, text: line }) => `${'  '.repeat(depth)}${line}`).join('\n');

interface Failure {
  title: string;
  yaml: string;
  make?: (on: Stage) => Promise<unknown>;
  health: string;
  /** Must be in the story, in this order. */
  story: string[];
}

async function noPods(on: Stage): Promise<void> {
  await on.kubectl('create quota none --hard=pods=0');
  const counted = ['get', 'quota', 'none', '-o', 'jsonpath={.status.hard.pods}'];
  await waitFor(async () => (await on.kubectl(counted)) === '0', { what: 'the quota to count' });
}

const FAILURES: Failure[] = [
  {
    title: 'crash-looping Deployment',
    yaml: deployment('web'),
    make: (on) => asKubelet(on, 'web', CRASHING),
    health: 'degraded CrashLoopBackOff',
    story: ['deployment.apps/web', 'replicaset.apps/web-', 'pod/web-', 'exit code 3', 'restarted 3 times'],
  },
  {
    title: 'crash-looping StatefulSet',
    yaml: workload('StatefulSet', 'db'),
    make: (on) => asKubelet(on, 'db', CRASHING),
    health: 'degraded CrashLoopBackOff',
    story: ['statefulset.apps/db', 'pod/db-0', 'exit code 3'],
  },
  {
    title: 'DaemonSet without an image',
    yaml: workload('DaemonSet', 'log'),
    make: (on) => asKubelet(on, 'log', NO_IMAGE),
    health: 'degraded ImagePullBackOff',
    story: ['daemonset.apps/log', 'pod/log-', 'registry.invalid', 'no such image'],
  },
  {
    title: 'Deployment without an image',
    yaml: deployment('none'),
    make: (on) => asKubelet(on, 'none', NO_IMAGE),
    health: 'degraded ImagePullBackOff',
    story: ['deployment.apps/none', 'replicaset.apps/none-', 'pod/none-', 'no such image'],
  },
  {
    title: 'Deployment that no node takes',
    yaml: deployment('lost', template('lost', 'nodeSelector: {disk: golden}')),
    health: 'degraded Unschedulable',
    story: [
      'deployment.apps/lost',
      'replicaset.apps/lost-',
      'pod/lost-',
      "didn't match Pod's node affinity",
      'event FailedScheduling',
    ],
  },
  {
    title: 'Deployment beyond its quota',
    yaml: deployment('big'),
    make: noPods,
    health: 'degraded QuotaExceeded',
    story: ['deployment.apps/big', 'exceeded quota: none'],
  },
  {
    title: 'StatefulSet beyond its quota, of which only an event speaks',
    yaml: workload('StatefulSet', 'db'),
    make: noPods,
    health: 'degraded QuotaExceeded',
    story: ['statefulset.apps/db', 'event FailedCreate', 'exceeded quota: none'],
  },
  {
    title: 'failed Job',
    yaml: job('migrate'),
    make: (on) => asKubelet(on, 'migrate', FAILED),
    health: 'degraded BackoffLimitExceeded',
    story: ['job.batch/migrate', 'pod/migrate-', 'exit code 7'],
  },
];

for (const { title, yaml, make, health, story } of FAILURES) {
  test(`ends at once, with its story: ${title}`, async (t) => {
    const on = await stage(t);
    const before = title.includes('quota');
    if (before) await make?.(on);
    await on.kubectl('apply -f -', yaml);
    const waiting = waitText(on, yaml);
    if (!before) await make?.(on);
    const { end, objects } = await waiting;
    t.is(end, 'terminal');
    t.is(healthText(objects[0]!), health);
    const told = text(objects[0]!.story);
    t.log(told);
    story.reduce((from, part) => {
      const at = told.indexOf(part, from);
      t.true(at >= 0, `${part} is missing in\n${told}`);
      return at;
    }, 0);
  });
}

test('waits for a slow rollout, by one LIST and one WATCH of each kind', async (t) => {
  const on = await stage(t);
  const yaml = deployment('slow') + job('task', 'ttlSecondsAfterFinished: 0');
  await on.kubectl('apply -f -', `${yaml}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}`);
  const rounds: string[] = [];
  let result: { end: WaitEnd; objects: ObjectHealth[] } | undefined;
  const requests = await recordRequests(on.endpoint, async () => {
    const waiting = waitText(on, `${yaml}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}`, {
      onHealth: (unwell) => rounds.push(unwell.map(healthText).join()),
    });
    await waitFor(() => rounds.some((round) => round.includes('progressing TooFew')), { what: 'health' });
    // Longer than a Pod may look for a node, it is not said to be failed.
    await asKubelet(on, 'slow', { conditions: [{ type: 'PodScheduled', status: 'True' }] });
    await waitFor(() => rounds.filter((round) => round.includes('TooFewAvailable')).length > 2, {
      what: 'patience',
    });
    await asKubelet(on, 'task', { phase: 'Succeeded' });
    await waitFor(() => rounds.at(-1) === 'progressing TooFewAvailable', { what: 'the Job' });
    await asKubelet(on, 'slow', RUNNING);
    result = await waiting;
  });
  t.is(result?.end, 'well');
  t.deepEqual(result?.objects.map(healthText), ['healthy Available', 'healthy Complete', 'healthy NoStatus']);
  const own = requests.filter(
    ({ userAgent, namespace }) => userAgent.includes('waiting') && namespace === on.namespace,
  );
  const wanted = ['deployments', 'events', 'jobs', 'pods', 'replicasets'].flatMap((kind) => [
    `list ${kind}`,
    `watch ${kind}`,
  ]);
  t.deepEqual(own.map(({ verb, resource }) => `${verb} ${resource}`).sort(), wanted.sort());
});

test('time, a stop, and what is not there', async (t) => {
  const on = await stage(t);
  const yaml = deployment('slow');
  await on.kubectl('apply -f -', yaml);
  const { end, objects } = await waitText(on, yaml + deployment('gone'), { timeout: 1500 });
  t.is(end, 'timeout');
  t.is(objects[1] && healthText(objects[1]), 'missing NotFound');
  t.regex(text(objects[0]!.story), /replicaset\.apps\/slow-.*\n.*pod\/slow-/s);
  const stop = new AbortController();
  const waiting = waitText(on, yaml, { stop: stop.signal, onHealth: () => stop.abort() });
  t.is((await waiting).end, 'stopped');
  t.is(
    (await waitText(on, yaml, { timeout: 0 })).objects.map(healthText).join(),
    'progressing TooFewAvailable',
  );
});

async function userWith(
  t: ExecutionContext,
  on: Stage,
  verbs: string[],
  ...kinds: [string, string][]
): Promise<string> {
  const user = await serviceAccount(on.namespace, 'waiter');
  const rules = kinds.map(([group, kind]) => ({ apiGroups: [group], resources: [kind], verbs }));
  await grant(user, rules, { namespace: on.namespace });
  t.is(user.kubeconfig.includes('waiter'), true);
  return user.kubeconfig;
}

test('without the right to look the health is unknown, and nobody waits for it', async (t) => {
  const on = await stage(t);
  const yaml = deployment('web') + workload('StatefulSet', 'db');
  await on.kubectl('apply -f -', yaml);
  const kubeconfig = await userWith(t, on, ['list', 'watch'], ['apps', 'deployments']);
  const waiting = waitText(on, yaml, { kubeconfig });
  await asKubelet(on, 'web', RUNNING);
  const { end, objects } = await waiting;
  t.is(end, 'unknown');
  t.deepEqual(objects.map(healthText), ['healthy Available', 'unknown Forbidden']);
  t.regex(objects[1]!.health.message!, /can't be watched: .*cannot list resource "statefulsets"/);
});

test('a story says what may not be seen', async (t) => {
  const on = await stage(t);
  const yaml = deployment('web');
  await on.kubectl('apply -f -', yaml);
  const kubeconfig = await userWith(
    t,
    on,
    ['list', 'watch'],
    ['apps', 'deployments'],
    ['apps', 'replicasets'],
  );
  const { objects } = await waitText(on, yaml, { kubeconfig, timeout: 2000 });
  t.regex(
    text(objects[0]!.story),
    /replicaset\.apps\/web.*\n {2}pods can't be seen: .*\n {2}events can't be seen: /s,
  );
});

test('a write that has not been seen yet is not taken for what it replaces', async (t) => {
  const on = await stage(t);
  const yaml = deployment('web');
  await on.kubectl('apply -f -', yaml);
  await asKubelet(on, 'web', RUNNING);
  await waitFor(async () => (await waitText(on, yaml, { timeout: 0 })).end === 'well', {
    what: 'the first rollout',
  });
  await on.kubectl('apply -f -', yaml.replace('registry.invalid/web', 'registry.invalid/web:2'));
  const { end, objects } = await waitText(on, yaml, { timeout: 1500 });
  t.is(end, 'timeout');
  t.is(objects[0]!.health.status, 'progressing');
});

test('the story ends with the last log lines, which the kubelet gives', async (t) => {
  const on = await stage(t);
  const authority = new Authority();
  t.teardown(async () => authority.remove());
  const asked: string[] = [];
  await using kubelet = await serve(
    (request, _body, response) => {
      asked.push(request.url!);
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end('{"level":"info"}\npanic: no route to the database\n');
    },
    authority.issue('kubelet', ['IP:127.0.0.1']),
  );
  const node = on.namespace;
  t.teardown(async () => void (await on.kubectl(['delete', 'node', node, '--wait=false'])));
  const taint = '{taints: [{key: tests, effect: NoSchedule}]}';
  await on.kubectl(
    'apply -f -',
    `apiVersion: v1
kind: Node
metadata: {name: ${node}}
spec: ${taint}`,
  );
  const ready = ['get', 'node', node, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
  await waitFor(async () => (await on.kubectl(ready)) === 'True', { what: 'the node' });
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
  };
  const value = JSON.stringify({ status });
  await on.kubectl(['patch', 'node', node, '--subresource=status', '--type=merge', '-p', value]);
  const yaml = deployment('web', template('web', `nodeName: ${node}`));
  await on.kubectl('apply -f -', yaml);
  const running = ['get', 'pods', '-o', 'jsonpath={.items[*].status.phase}'];
  await waitFor(async () => (await on.kubectl(running)) === 'Running', { what: 'the Pod' });
  await asKubelet(on, 'web', CRASHING);
  const { objects } = await waitText(on, yaml);
  const told = text(objects[0]!.story);
  t.regex(
    told,
    /exit code 3.*\n {6}log of container app before its restart:\n {8}\{"level":"info"\}\n {8}panic: no route to the database$/s,
  );
  t.regex(asked[0]!, /\/containerLogs\/.*\/app\?limitBytes=65536&previous=true&tailLines=5$/);
});
