import test from 'ava';
import type { ApplyRecord } from '../../../core/model/apply.ts';
import type { ObjectHealth } from '../../../core/model/health.ts';
import { type ApplyTextOptions, applyText, became } from '../../support/apply.ts';
import { accessOf, apiCall, kubectl, waitFor } from '../../support/cluster.ts';
import { countRequests, recordRequests } from '../../support/control-plane/audit.ts';
import { type Stage, stage } from '../../support/plan.ts';
import { applyAsSet, configMap } from '../../support/sets.ts';
import {
  asKubelet,
  CRASHING,
  deployment,
  job,
  RUNNING,
  template,
  untilMissed,
  workload,
} from '../../support/workloads.ts';

const WAVE = 'argocd.argoproj.io/sync-wave';

function applyWaiting(
  on: Stage,
  yaml: string,
  {
    timeout = 40_000,
    onHealth,
    ...options
  }: ApplyTextOptions & { timeout?: number; onHealth?: (unwell: readonly ObjectHealth[]) => void } = {},
): Promise<ApplyRecord> {
  return applyText(on, yaml, { ...options, wait: { timeout, ...(onHealth && { onHealth }) } });
}

const annotated = (yaml: string, key: string, value: string): string =>
  yaml.replace(/metadata: \{name: ([^,}]+)/, `metadata: {name: $1, annotations: {"${key}": "${value}"}`);

function healthOf({ outcomes }: ApplyRecord): Record<string, string> {
  return Object.fromEntries(
    outcomes.map(({ change: { id }, health }) => [
      `${id.kind}/${id.name}`,
      health ? `${health.status} ${health.reason}` : '-',
    ]),
  );
}

test('waits for all of a set, written or not, with one LIST and one WATCH of each kind', async (t) => {
  const on = await stage(t);
  const yaml = deployment('web') + job('migrate') + configMap('c');
  let record: ApplyRecord | undefined;
  const requests = await recordRequests(on.endpoint, async () => {
    const applying = applyWaiting(on, yaml);
    await asKubelet(on, 'web', RUNNING);
    await asKubelet(on, 'migrate', { phase: 'Succeeded' });
    record = await applying;
  });
  t.is(record!.waited?.end, 'well');
  t.deepEqual(healthOf(record!), {
    'Deployment/web': 'healthy Available',
    'Job/migrate': 'healthy Complete',
    'ConfigMap/c': 'healthy NoStatus',
  });
  const mine = { userAgent: /^kubectl-gitlab-agent\/test/, namespace: on.namespace };
  for (const resource of ['deployments', 'jobs', 'replicasets', 'pods', 'events'])
    t.is(countRequests(requests, { ...mine, verb: 'watch', resource }), 1, resource);
  t.is(countRequests(requests, { ...mine, verb: 'watch', resource: 'configmaps' }), 0);
  t.is(countRequests(requests, { ...mine, verb: 'list', resource: 'replicasets' }), 1);
  t.true(countRequests(requests, { ...mine, verb: 'get' }) <= 4, 'nothing is polled');

  const again = await applyWaiting(on, yaml);
  t.is(again.waited?.end, 'well');
  t.deepEqual([...new Set(again.outcomes.map(({ result }) => result))], ['unchanged']);
});

test('a later wave waits for the health of an earlier one, and so does what is named in depends-on', async (t) => {
  const on = await stage(t);
  const yaml =
    annotated(deployment('db'), WAVE, '-1') +
    configMap('middle') +
    annotated(job('migrate'), WAVE, '1') +
    annotated(
      deployment('web'),
      'config.kubernetes.io/depends-on',
      `batch/namespaces/${on.namespace}/Job/migrate`,
    );
  const order: string[] = [];
  const applying = applyWaiting(on, yaml, { onOutcome: ({ change }) => order.push(change.id.name) });
  await waitFor(() => order.includes('db'), { what: 'the first wave' });
  await asKubelet(on, 'db', RUNNING);
  await waitFor(() => order.includes('migrate'), { what: 'the Job' });
  t.deepEqual(order, ['db', 'middle', 'migrate']);
  await asKubelet(on, 'migrate', { phase: 'Succeeded' });
  await waitFor(() => order.includes('web'), { what: 'the Deployment' });
  await asKubelet(on, 'web', RUNNING);
  t.is((await applying).waited?.end, 'well');
});

test('a wave that fails ends the run at once: what comes after is held back, and nothing is pruned', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('old'));
  const yaml = annotated(deployment('db'), WAVE, '-1') + deployment('fine') + configMap('same');
  const applying = applyAsSet(on, yaml, { wait: { timeout: 60_000 } });
  await asKubelet(on, 'db', CRASHING);
  const record = await applying;
  t.deepEqual(became(record), {
    'Deployment/db': 'applied create',
    'Deployment/fine': 'skipped WaveNotHealthy',
    'ConfigMap/same': 'skipped WaveNotHealthy',
    'ConfigMap/old': 'skipped PruneBlocked',
  });
  t.deepEqual(healthOf(record)['Deployment/db'], 'degraded CrashLoopBackOff');
  const { message } = record.outcomes.find(({ change }) => change.id.name === 'fine')!.error!;
  t.regex(message, /sync wave 0 is not begun while deployment\.apps\/db .* is degraded: CrashLoopBackOff: /);
  t.true(record.outcomes[0]!.story!.length >= 3);
});

test('one that needs what does not become healthy is held back, others are written', async (t) => {
  const on = await stage(t);
  const needs = `apps/namespaces/${on.namespace}/Deployment/db`;
  const yaml =
    deployment('db') +
    configMap('config') +
    annotated(deployment('web'), 'config.kubernetes.io/depends-on', needs);
  const applying = applyWaiting(on, yaml, { timeout: 2500 });
  const record = await applying;
  t.is(became(record)['Deployment/web'], 'skipped DependencyNotHealthy');
  t.is(became(record)['ConfigMap/config'], 'applied create');
  t.regex(
    record.outcomes.at(-1)!.error!.message,
    /deployment\.apps\/db .* is progressing after the whole --timeout: /,
  );
  t.true(record.waited!.seconds < 30);
});

test('a terminal failure ends it all, and the others are told as they are', async (t) => {
  const on = await stage(t);
  const yaml = deployment('bad') + deployment('slow') + workload('StatefulSet', 'good');
  const applying = applyWaiting(on, yaml, { timeout: 120_000 });
  await asKubelet(on, 'good', RUNNING);
  await asKubelet(on, 'bad', CRASHING);
  const record = await applying;
  t.is(record.waited?.end, 'terminal');
  t.true(record.waited!.seconds < 60);
  t.deepEqual(healthOf(record), {
    'Deployment/bad': 'degraded CrashLoopBackOff',
    'Deployment/slow': 'progressing TooFewAvailable',
    'StatefulSet/good': 'healthy Ready',
  });
});

test('where something failed it only looks, and a stop ends the waiting with what is known', async (t) => {
  const on = await stage(t);
  await applyText(on, deployment('web'));
  await untilMissed(on, 'web');
  const bad = configMap('bad').replace('\ndata: ', '\ndada: ');
  const failed = await applyWaiting(on, deployment('web') + bad, { timeout: 120_000 });
  t.is(became(failed)['ConfigMap/bad'], 'failed Invalid');
  t.is(healthOf(failed)['Deployment/web'], 'progressing TooFewAvailable');
  t.true(failed.waited!.seconds < 60);

  const stop = new AbortController();
  const record = await applyWaiting(on, deployment('web'), {
    timeout: 120_000,
    stop: stop.signal,
    onHealth: (unwell) => unwell.some(({ health }) => health.reason === 'TooFewAvailable') && stop.abort(),
  });
  t.is(record.waited?.end, 'stopped');
  t.is(healthOf(record)['Deployment/web'], 'progressing TooFewAvailable');
});

test('a secret value in the words of the cluster is not repeated', async (t) => {
  const on = await stage(t);
  const secret =
    '\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: hunter2hunter2}\n---\n';
  const heard: string[] = [];
  const applying = applyWaiting(on, deployment('web') + secret, {
    onHealth: (unwell) => heard.push(JSON.stringify(unwell)),
  });
  await asKubelet(
    on,
    'web',
    JSON.parse(
      JSON.stringify(CRASHING).replace(
        '"exitCode":3',
        '"exitCode":3,"message":"login hunter2hunter2 refused"',
      ),
    ),
  );
  const record = await applying;
  const told = JSON.stringify([record, heard]);
  t.false(told.includes('hunter2'));
  t.true(told.includes('login (hidden) refused'));
});

const webhook = (on: Stage): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: ${on.namespace}}
webhooks:
- name: hook.example.com
  clientConfig: {service: {namespace: ${on.namespace}, name: hook}}
  rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [things]}]
  sideEffects: None
  admissionReviewVersions: [v1]
---
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {selector: {app: hook}, ports: [{port: 443}]}
---
`;

test('a new webhook is written when its backend in the set is ready, also without --wait', async (t) => {
  const on = await stage(t);
  t.teardown(
    async () =>
      void (await kubectl(['delete', 'validatingwebhookconfiguration', on.namespace], {
        kubeconfig: on.endpoint.kubeconfig,
        allowFailure: true,
      })),
  );
  const yaml = webhook(on) + deployment('hook');
  const order: string[] = [];
  const applying = applyText(on, yaml, { onOutcome: ({ change }) => order.push(change.id.kind) });
  await waitFor(() => order.includes('Deployment'), { what: 'the backend' });
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?fieldSelector=metadata.name=${on.namespace}`;
  const { items } = await apiCall(accessOf(on.endpoint), 'GET', path);
  t.is(items.length, 0);
  await asKubelet(on, 'hook', RUNNING);
  const record = await applying;
  t.deepEqual(order, ['Service', 'Deployment', 'ValidatingWebhookConfiguration']);
  t.is(record.waited, undefined);
  t.is(
    record.outcomes.every(({ result }) => result === 'applied'),
    true,
  );
});

test('a webhook whose backend fails is written all the same: it may be what the backend lacks', async (t) => {
  const on = await stage(t);
  t.teardown(
    async () =>
      void (await kubectl(['delete', 'validatingwebhookconfiguration', on.namespace], {
        kubeconfig: on.endpoint.kubeconfig,
        allowFailure: true,
      })),
  );
  const applying = applyText(on, webhook(on) + deployment('hook', template('hook')));
  await asKubelet(on, 'hook', CRASHING);
  t.is(became(await applying)[`ValidatingWebhookConfiguration/${on.namespace}`], 'applied create');
});
