import test from 'ava';
import { shown, tellStory } from '../../../core/health/story.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { live, NOW } from './table.ts';

interface Row {
  title: string;
  /** The object of the story. */
  of: string;
  related: string[];
  story: string;
  /** As in the health tables. */
  cause: string;
}

const owner = (kind: string, name: string): string =>
  `ownerReferences: [{kind: ${kind}, name: ${name}, uid: ${name}, controller: true}]`;
const metadata = (name: string, more = ''): string =>
  `metadata: {name: ${name}, namespace: shop, uid: ${name}${more && `, ${more}`}}`;
const revision = (number: number): string => `annotations: {deployment.kubernetes.io/revision: "${number}"}`;

const DEPLOYMENT = `{apiVersion: apps/v1, kind: Deployment, ${metadata('web', revision(2))}, spec: {replicas: 1}, status: {replicas: 1, updatedReplicas: 1}}`;
const replicaSet = (status = 'replicas: 1, fullyLabeledReplicas: 1', number = 2): string =>
  `{apiVersion: apps/v1, kind: ReplicaSet, ${metadata(`web-${number}`, `${revision(number)}, ${owner('Deployment', 'web')}`)}, spec: {replicas: 1}, status: {${status}}}`;
const pod = (name: string, status: string, more = owner('ReplicaSet', 'web-2')): string =>
  `{apiVersion: v1, kind: Pod, ${metadata(name, more)}, status: {${status}}}`;
const event = (about: string, reason: string, message: string, more = 'type: Warning'): string =>
  `{apiVersion: v1, kind: Event, metadata: {name: ${about}.1}, involvedObject: {uid: ${about}}, reason: ${reason}, message: '${message}', lastTimestamp: "2026-03-01T11:58:00Z", ${more}}`;
const crash =
  'phase: Running, containerStatuses: [{name: app, restartCount: 5, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]';
const pull =
  'phase: Pending, containerStatuses: [{name: app, image: "example.com/none:1", state: {waiting: {reason: ImagePullBackOff, message: "Back-off pulling image"}}}]';
const QUOTA =
  'pods "web-2-" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1';
const UNSCHEDULABLE =
  'phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: "0/1 nodes are available: 1 node(s) did not match"}]';

const ROWS: Row[] = [
  {
    title: 'crash loop, by memory',
    of: DEPLOYMENT,
    related: [
      replicaSet('replicas: 1, fullyLabeledReplicas: 1', 1),
      replicaSet(),
      pod('web-2-a', crash),
      pod('web-2-b', crash),
      pod('web-1-a', pull, owner('ReplicaSet', 'web-1')),
      event('web-2-a', 'BackOff', 'Back-off restarting failed container app', 'type: Warning, count: 12'),
    ],
    story: `deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available
  replicaset.apps/web-2 -n shop: progressing, TooFewAvailable
    pod/web-2-a -n shop: degraded, CrashLoopBackOff: container app does not stay up: it ended with exit code 137 (OOMKilled), restarted 5 times
      event BackOff (12 times): Back-off restarting failed container app
    1 more Pod like it`,
    cause: 'degraded CrashLoopBackOff !',
  },
  {
    title: 'image that cannot be pulled',
    of: DEPLOYMENT,
    related: [replicaSet(), pod('web-2-a', pull), event('web-2-a', 'Failed', 'Error: ErrImagePull')],
    story: `deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available
  replicaset.apps/web-2 -n shop: progressing, TooFewAvailable
    pod/web-2-a -n shop: degraded, ImagePullBackOff: the image example.com/none:1 of container app cannot be pulled: Back-off pulling image
      event Failed: Error: ErrImagePull`,
    cause: 'degraded ImagePullBackOff !',
  },
  {
    title: 'quota, from the condition, told once',
    of: `{apiVersion: apps/v1, kind: Deployment, ${metadata('web', revision(2))}, spec: {replicas: 1}, status: {conditions: [{type: ReplicaFailure, status: "True", reason: FailedCreate, message: '${QUOTA}'}]}}`,
    related: [
      replicaSet(
        `replicas: 0, conditions: [{type: ReplicaFailure, status: "True", reason: FailedCreate, message: '${QUOTA}'}]`,
      ),
      event('web-2', 'FailedCreate', `Error creating: ${QUOTA}`),
    ],
    story: `deployment.apps/web -n shop: degraded, QuotaExceeded: 0 of 1 replica is created: ${QUOTA}
  replicaset.apps/web-2 -n shop: degraded, QuotaExceeded`,
    cause: 'degraded QuotaExceeded !',
  },
  {
    title: 'StatefulSet whose Pods a webhook refuses, from events only',
    of: `{apiVersion: apps/v1, kind: StatefulSet, ${metadata('db')}, spec: {replicas: 1}, status: {replicas: 0}}`,
    related: [
      event(
        'db',
        'FailedCreate',
        'create Pod db-0 in StatefulSet db failed error: admission webhook "policy.example.com" denied the request: no root',
      ),
    ],
    story: `statefulset.apps/db -n shop: progressing, TooFewReplicas: 0 of 1 replica is created
  event FailedCreate: create Pod db-0 in StatefulSet db failed error: admission webhook "policy.example.com" denied the request: no root`,
    cause: 'degraded WebhookDenied !',
  },
  {
    title: 'a refusal that was overcome',
    of: `{apiVersion: apps/v1, kind: StatefulSet, ${metadata('db')}, spec: {replicas: 1}, status: {replicas: 1}}`,
    related: [
      event('db', 'FailedCreate', QUOTA),
      event('db', 'SuccessfulCreate', 'create Pod db-0', 'type: Normal').replace('11:58', '11:59'),
    ],
    story: 'statefulset.apps/db -n shop: progressing, TooFewReady: 0 of 1 replica is ready',
    cause: 'progressing TooFewReady',
  },
  {
    title: 'unschedulable',
    of: DEPLOYMENT,
    related: [
      replicaSet(),
      pod('web-2-a', UNSCHEDULABLE),
      event('web-2-a', 'FailedScheduling', '0/1 nodes are available'),
    ],
    story: `deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available
  replicaset.apps/web-2 -n shop: progressing, TooFewAvailable
    pod/web-2-a -n shop: degraded, Unschedulable: 0/1 nodes are available: 1 node(s) did not match
      event FailedScheduling: 0/1 nodes are available`,
    cause: 'degraded Unschedulable !',
  },
  {
    title: 'unschedulable, and a node is on its way',
    of: DEPLOYMENT,
    related: [
      replicaSet(),
      pod('web-2-a', UNSCHEDULABLE),
      event('web-2-a', 'TriggeredScaleUp', 'pod triggered scale-up', 'type: Normal'),
    ],
    story: `deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available
  replicaset.apps/web-2 -n shop: progressing, TooFewAvailable
    pod/web-2-a -n shop: degraded, Unschedulable: 0/1 nodes are available: 1 node(s) did not match
      event TriggeredScaleUp: pod triggered scale-up`,
    cause: 'degraded Unschedulable',
  },
  {
    title: 'missing Secret of an environment',
    of: DEPLOYMENT,
    related: [
      replicaSet(),
      pod(
        'web-2-a',
        'phase: Pending, containerStatuses: [{name: app, state: {waiting: {reason: CreateContainerConfigError, message: \'secret "db" not found\'}}}]',
      ),
    ],
    story: `deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available
  replicaset.apps/web-2 -n shop: progressing, TooFewAvailable
    pod/web-2-a -n shop: degraded, CreateContainerConfigError: container app cannot start: secret "db" not found`,
    cause: 'degraded CreateContainerConfigError',
  },
  {
    title: 'missing Secret of a volume, in the newer Event API',
    of: DEPLOYMENT,
    related: [
      replicaSet(),
      pod('web-2-a', 'phase: Pending, conditions: [{type: PodScheduled, status: "True"}]'),
      '{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: x}, regarding: {uid: web-2-a}, type: Warning, reason: FailedMount, note: \'MountVolume.SetUp failed for volume "tls" : secret "tls" not found\', series: {count: 3, lastObservedTime: "2026-03-01T11:58:00.000000Z"}}',
    ],
    story: `deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available
  replicaset.apps/web-2 -n shop: progressing, TooFewAvailable
    pod/web-2-a -n shop: progressing, Starting: it is on a node, and its containers start
      event FailedMount (3 times): MountVolume.SetUp failed for volume "tls" : secret "tls" not found`,
    cause: 'degraded FailedMount',
  },
  {
    title: 'old Pods of a StatefulSet may still be replaced',
    of: `{apiVersion: apps/v1, kind: StatefulSet, ${metadata('db')}, spec: {replicas: 2}, status: {replicas: 2, readyReplicas: 1, updateRevision: db-2}}`,
    related: [pod('db-0', crash, `labels: {controller-revision-hash: db-1}, ${owner('StatefulSet', 'db')}`)],
    story: `statefulset.apps/db -n shop: progressing, TooFewReady: 1 of 2 replicas is ready
  pod/db-0 -n shop: degraded, CrashLoopBackOff: container app does not stay up: it ended with exit code 137 (OOMKilled), restarted 5 times`,
    cause: 'degraded CrashLoopBackOff',
  },
  {
    title: 'new Pods of a DaemonSet, told before old ones',
    of: `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log, namespace: shop, uid: log, annotations: {deprecated.daemonset.template.generation: "2"}}, status: {desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 1}}`,
    related: [
      pod('log-a', crash, `labels: {pod-template-generation: "1"}, ${owner('DaemonSet', 'log')}`),
      pod('log-b', crash, `labels: {pod-template-generation: "2"}, ${owner('DaemonSet', 'log')}`),
    ],
    story: `daemonset.apps/log -n shop: progressing, TooFewUpdated: 1 of 2 Pods is of the newest revision
  pod/log-b -n shop: degraded, CrashLoopBackOff: container app does not stay up: it ended with exit code 137 (OOMKilled), restarted 5 times
  1 more Pod like it`,
    cause: 'degraded CrashLoopBackOff !',
  },
  {
    title: 'a Job tries failed Pods again',
    of: `{apiVersion: batch/v1, kind: Job, ${metadata('seed')}, status: {startTime: "2026-03-01T11:00:00Z", active: 1, failed: 1}}`,
    related: [
      pod(
        'seed-a',
        'phase: Failed, containerStatuses: [{name: main, state: {terminated: {exitCode: 2}}}]',
        owner('Job', 'seed'),
      ),
      pod('seed-b', 'phase: Running', `${owner('Job', 'seed')}`),
    ],
    story: `job.batch/seed -n shop: progressing, Running: 0 of 1 completion reached, 1 Pod active, 1 Pod failed
  pod/seed-a -n shop: degraded, ContainerFailed: container main ended with exit code 2
  pod/seed-b -n shop: progressing, NotReady: it is not ready yet`,
    cause: 'degraded ContainerFailed',
  },
  {
    title: 'a claim that waits for its first Pod',
    of: `{apiVersion: v1, kind: PersistentVolumeClaim, ${metadata('data')}, status: {phase: Pending}}`,
    related: [
      event(
        'data',
        'WaitForFirstConsumer',
        'waiting for first consumer to be created before binding',
        'type: Normal',
      ),
    ],
    story: `persistentvolumeclaim/data -n shop: progressing, NotBound: no volume yet; the default StorageClass may wait for the first Pod that uses it
  event WaitForFirstConsumer: waiting for first consumer to be created before binding`,
    cause: 'progressing NotBound',
  },
  {
    title: 'a revision that the controller has not come to',
    of: DEPLOYMENT,
    related: [replicaSet('replicas: 1', 1), pod('web-1-a', crash, owner('ReplicaSet', 'web-1'))],
    story: 'deployment.apps/web -n shop: progressing, TooFewAvailable: 0 of 1 replica is available',
    cause: 'progressing TooFewAvailable',
  },
  {
    title: 'a generation that the controller has not seen',
    of: `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log, uid: log, generation: 2}, status: {observedGeneration: 1}}`,
    related: [pod('log-a', crash, owner('DaemonSet', 'log'))],
    story:
      'daemonset.apps/log: progressing, GenerationNotObserved: its controller has seen generation 1, and the newest is 2',
    cause: 'progressing GenerationNotObserved',
  },
  {
    title: 'several containers in trouble',
    of: pod(
      'two',
      'phase: Pending, initContainerStatuses: [{name: wait, state: {waiting: {reason: CrashLoopBackOff}}}], containerStatuses: [{name: app, state: {waiting: {reason: InvalidImageName}}, image: "!"}]',
    ),
    related: [],
    story: `pod/two -n shop: degraded, CrashLoopBackOff: init container wait does not stay up (and 1 more)
  init container wait does not stay up
  the image ! of container app cannot be pulled`,
    cause: 'degraded CrashLoopBackOff !',
  },
];

for (const { title, of, related, story, cause } of ROWS) {
  test(title, (t) => {
    const told = tellStory(live(of), related.map(live), { now: NOW });
    t.is(
      shown(told.lines)
        .map(({ depth, text }) => `${'  '.repeat(depth)}${text}`)
        .join('\n'),
      story,
    );
    const { status, reason, terminal } = told.cause;
    t.is(`${status} ${reason}${terminal ? ' !' : ''}`, cause);
  });
}

test('objects that own each other end the story', (t) => {
  const first = live(
    `{apiVersion: apps/v1, kind: ReplicaSet, ${metadata('a', owner('ReplicaSet', 'a'))}, status: {}}`,
  );
  const told = tellStory(first, [first, first], { now: NOW });
  t.is(told.lines.length, 1);
});

test('a thousand Pods in trouble make a short story', (t) => {
  const pods = Array.from({ length: 1000 }, (_, index): KubeObject => live(pod(`web-2-${index}`, crash)));
  const told = tellStory(live(DEPLOYMENT), [live(replicaSet()), ...pods], { now: NOW });
  t.is(told.lines.length, 4);
  t.is(told.lines.at(-1)?.text, '999 more Pods like it');
});

test('what is hidden is looked for in the words of the cluster, not in ours', (t) => {
  const pod = live(
    'apiVersion: v1\nkind: Pod\nmetadata: {name: shop, namespace: shop}\nstatus: {phase: Failed, reason: Evicted, message: shop is full}',
  );
  const { lines } = tellStory(pod, [], { now: NOW });
  const [first] = shown(lines, (text) => text.replaceAll('shop', '(hidden)'));
  t.regex(first!.text, /^pod\/shop -n shop: degraded, Evicted: .*\(hidden\) is full$/);
});
