import test from 'ava';
import { judgeHealth } from '../../../core/health/judge.ts';
import { type Story, tellStory } from '../../../core/health/story.ts';
import type { Health } from '../../../core/model/health.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  kubectl,
  namespace,
  sharedCluster,
  waitFor,
} from '../../support/cluster.ts';
import { plugin } from '../../support/plugin.ts';

// What the real controllers write, judged while they write it. kwok makes Pods run.

const template = (app: string, spec = ''): string =>
  `{metadata: {labels: {app: ${app}}}, spec: {${spec}containers: [{name: app, image: "example.com/app:1"}]}}`;
const deployment = (name: string, spec = ''): string =>
  `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ${name}}, spec: {replicas: 2, selector: {matchLabels: {app: ${name}}}, template: ${template(name, spec)}}}`;

class Place {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async apply(...objects: string[]): Promise<void> {
    // A text that begins with a brace would be JSON.
    const input = objects.map((object) => `---\n${object}\n`).join('');
    await kubectl(['apply', '--server-side', '-n', this.name, '-f', '-'], { input });
  }

  async get(path: string): Promise<KubeObject> {
    const [group, rest] = path.startsWith('v1/') ? ['api', path] : ['apis', path];
    const [plural, name] = rest.split('/').slice(-2);
    const base = rest.split('/').slice(0, -2).join('/');
    const url = `/${group}/${base}/namespaces/${this.name}/${plural}/${name}`;
    return (await apiCall(accessOf(sharedCluster()), 'GET', url)) as unknown as KubeObject;
  }

  /** Waits until the object is judged so, and returns the judgement. */
  async until(path: string, wanted: string): Promise<Health> {
    let last: Health | undefined;
    return await waitFor(
      async () => {
        last = judgeHealth(await this.get(path), { now: new Date() });
        if (`${last.status} ${last.reason}` !== wanted) throw new Error(`it is ${JSON.stringify(last)}`);
        return last;
      },
      { what: `${path} to be ${wanted}`, timeout: 60_000 },
    );
  }

  /** The story of an object with all that is in its namespace. */
  async story(path: string): Promise<Story> {
    const kinds = 'replicasets,pods,events,jobs';
    const { stdout } = await kubectl(['get', kinds, '-n', this.name, '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: KubeObject[] };
    return tellStory(await this.get(path), items, { now: new Date() });
  }
}

const deploymentPath = (name: string): string => `apps/v1/deployments/${name}`;

test('a Deployment becomes available, a Job completes, a set of Pods is ready', async (t) => {
  const place = new Place(await namespace(t));
  await place.apply(
    deployment('web'),
    `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 2, serviceName: db, selector: {matchLabels: {app: db}}, template: ${template('db')}}}`,
    `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log}, spec: {selector: {matchLabels: {app: log}}, template: ${template('log')}}}`,
    `{apiVersion: batch/v1, kind: Job, metadata: {name: seed}, spec: {template: ${template('seed', 'restartPolicy: Never, ')}}}`,
  );
  const health = await place.until(deploymentPath('web'), 'healthy Available');
  t.is(health.message, '2 of 2 replicas are available');
  await place.until('apps/v1/statefulsets/db', 'healthy Ready');
  await place.until('apps/v1/daemonsets/log', 'healthy Available');
  await place.until('batch/v1/jobs/seed', 'healthy Complete');
  const story = await place.story(deploymentPath('web'));
  t.is(story.lines.length, 1);
});

test('what waits, is suspended or has no address', async (t) => {
  const place = new Place(await namespace(t));
  await place.apply(
    '{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}',
    `{apiVersion: batch/v1, kind: CronJob, metadata: {name: backup}, spec: {suspend: true, schedule: "* * * * *", jobTemplate: {spec: {template: ${template('backup', 'restartPolicy: Never, ')}}}}}`,
    `{apiVersion: batch/v1, kind: Job, metadata: {name: later}, spec: {suspend: true, template: ${template('later', 'restartPolicy: Never, ')}}}`,
    '{apiVersion: v1, kind: Service, metadata: {name: public}, spec: {type: LoadBalancer, ports: [{port: 80}], selector: {app: web}}}',
    '{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}',
    '{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {minReplicas: 1, maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}}}',
  );
  await place.until('v1/persistentvolumeclaims/data', 'progressing NotBound');
  await place.until('batch/v1/cronjobs/backup', 'suspended Suspended');
  await place.until('batch/v1/jobs/later', 'suspended Suspended');
  await place.until('v1/services/public', 'progressing NoAddress');
  await place.until('policy/v1/poddisruptionbudgets/web', 'healthy InsufficientPods');
  const { stdout, code } = await plugin(['health', '-f', '-'], {
    input: (await kubectl(['get', 'pvc,cronjobs,jobs', '-n', place.name, '-o', 'yaml'])).stdout,
  });
  t.is(code, 1);
  t.regex(stdout, /^progressing {2}persistentvolumeclaim\/data -n \S+ +NotBound\n/);
  t.regex(stdout, /\n1 progressing, 2 suspended\n$/);
});

test('a Deployment blocked by a quota is a terminal failure that names the quota', async (t) => {
  const place = new Place(await namespace(t));
  await place.apply(
    '{apiVersion: v1, kind: ResourceQuota, metadata: {name: small}, spec: {hard: {pods: "1"}}}',
  );
  // The controller counts first; before that, admission lets nothing through.
  await waitFor(
    async () => {
      const { status } = (await place.get('v1/resourcequotas/small')) as { status?: { hard?: object } };
      return status?.hard !== undefined;
    },
    { what: 'the quota to be counted' },
  );
  await place.apply(deployment('web'));
  const health = await place.until(deploymentPath('web'), 'degraded QuotaExceeded');
  t.true(health.terminal);
  t.regex(health.message ?? '', /exceeded quota: small/);
  const { lines, cause } = await place.story(deploymentPath('web'));
  t.like(cause, { status: 'degraded', reason: 'QuotaExceeded', terminal: true });
  t.is(lines.length, 2, JSON.stringify(lines));
});

test('a Deployment that no node takes is told from its Pods and events', async (t) => {
  const place = new Place(await namespace(t));
  await place.apply(deployment('web', 'nodeSelector: {no-such-label: "true"}, '));
  await place.until(deploymentPath('web'), 'progressing TooFewAvailable');
  const story = await waitFor(
    async () => {
      const told = await place.story(deploymentPath('web'));
      return told.cause.reason === 'NotScheduled' || told.cause.reason === 'Unschedulable' ? told : undefined;
    },
    { what: 'the Pods to be unschedulable' },
  );
  t.is(story.lines.filter(({ text }) => /^1 more Pod like it$/.test(text)).length, 1);
  // The window of 15 s, without waiting for it.
  const { items } = JSON.parse((await kubectl(['get', 'pods', '-n', place.name, '-o', 'json'])).stdout);
  t.like(judgeHealth(items[0], { now: new Date(Date.now() + 16_000) }), {
    reason: 'Unschedulable',
    terminal: true,
  });
});

test('a crash loop, as a kubelet would write it, is told from the Deployment', async (t) => {
  const place = new Place(await namespace(t));
  await place.apply(deployment('web', 'nodeSelector: {no-such-label: "true"}, '));
  const pods = await waitFor(
    async () => {
      const { stdout } = await kubectl(['get', 'pods', '-n', place.name, '-o', 'json']);
      const { items } = JSON.parse(stdout) as { items: KubeObject[] };
      return items.length === 2 && items;
    },
    { what: 'two Pods' },
  );
  const status = {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'app',
        image: 'example.com/app:1',
        imageID: '',
        ready: false,
        restartCount: 3,
        state: {
          waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' },
        },
        lastState: { terminated: { exitCode: 1, reason: 'Error' } },
      },
    ],
  };
  const path = `/api/v1/namespaces/${place.name}/pods/${pods[0]!.metadata.name}/status`;
  const patched = await apiRequest(accessOf(sharedCluster()), 'PATCH', path, { status });
  t.is(patched.status, 200);
  const { cause, lines } = await place.story(deploymentPath('web'));
  t.like(cause, { reason: 'CrashLoopBackOff', terminal: true });
  t.regex(lines.map(({ text }) => text).join('\n'), /ended with exit code 1, restarted 3 times/);
});

test('an APIService without a backend is progressing, with its reason', async (t) => {
  const group = `t${Date.now()}.example.com`;
  const name = `v1.${group}`;
  const path = '/apis/apiregistration.k8s.io/v1/apiservices';
  const admin = accessOf(sharedCluster());
  const spec = {
    group,
    version: 'v1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
    service: { namespace: 'default', name: 'no-such-service' },
  };
  t.teardown(async () => void (await apiRequest(admin, 'DELETE', `${path}/${name}`)));
  await apiCall(admin, 'POST', path, { metadata: { name }, spec });
  const health = await waitFor(
    async () => {
      const object = (await apiCall(admin, 'GET', `${path}/${name}`)) as unknown as KubeObject;
      const judged = judgeHealth(object, { now: new Date() });
      return judged.reason !== 'NotChecked' && judged;
    },
    { what: 'the APIService to be checked' },
  );
  t.like(health, { status: 'progressing', reason: 'ServiceNotFound' });
  t.regex(health.message ?? '', /no-such-service/);
});
