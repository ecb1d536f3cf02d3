/** Workloads whose Pods no scheduler and no kubelet takes: tests say what becomes of them. */
import { waitFor } from './cluster.ts';
import type { Stage } from './plan.ts';

/** A Pod template. Nobody schedules it, where not said otherwise. */
export function template(name: string, spec = 'schedulerName: nobody'): string {
  return `{metadata: {labels: {app: ${name}}}, spec: {${spec}, containers: [{name: app, image: registry.invalid/${name}}]}}`;
}

export function deployment(name: string, pod = template(name), more = ''): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec: {replicas: 1, selector: {matchLabels: {app: ${name}}}, template: ${pod}${more && `, ${more}`}}
---
`;
}

export function workload(kind: 'StatefulSet' | 'DaemonSet', name: string, pod = template(name)): string {
  const service = kind === 'StatefulSet' ? `serviceName: ${name}, ` : '';
  return `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: ${name}}
spec: {${service}selector: {matchLabels: {app: ${name}}}, template: ${pod}}
---
`;
}

export function job(name: string, more = ''): string {
  const pod = template(name, 'schedulerName: nobody, restartPolicy: Never');
  return `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec: {backoffLimit: 0, template: ${pod}${more && `, ${more}`}}
---
`;
}

/** Waits for the Pods of a workload and gives them a status, as their kubelet would. */
export async function asKubelet(on: Stage, app: string, status: object): Promise<void> {
  const pods = await waitFor(
    async () => {
      const names = await on.kubectl(['get', 'pods', '-l', `app=${app}`, '-o', 'name']);
      return names !== '' && names.trim().split('\n');
    },
    { what: `Pods of ${app}` },
  );
  const value = JSON.stringify({ status });
  for (const pod of pods)
    await on.kubectl(['patch', pod, '--subresource=status', '--type=merge', '-p', value]);
}

const container = (state: object, more: object = {}): object => ({
  name: 'app',
  image: 'registry.invalid/app',
  imageID: '',
  ready: false,
  restartCount: 0,
  state,
  ...more,
});

/** Waits until the controller has looked at a Deployment and misses its Pod: that takes what time it takes. */
export async function untilMissed(on: Stage, name: string): Promise<void> {
  const unavailable = ['get', 'deploy', name, '-o', 'jsonpath={.status.unavailableReplicas}'];
  await waitFor(async () => (await on.kubectl(unavailable)) === '1', {
    what: `the Pod of ${name} to be missed`,
  });
}

/** What kubelets write. */
export const RUNNING = {
  phase: 'Running',
  conditions: [
    { type: 'Ready', status: 'True' },
    { type: 'PodScheduled', status: 'True' },
  ],
  containerStatuses: [container({ running: { startedAt: '2026-01-01T00:00:00Z' } }, { ready: true })],
};
export const CRASHING = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }],
  containerStatuses: [
    container(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' } },
      {
        restartCount: 3,
        lastState: { terminated: { exitCode: 3, reason: 'Error', finishedAt: '2026-01-01T00:00:00Z' } },
      },
    ),
  ],
};
export const NO_IMAGE = {
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'True' }],
  containerStatuses: [container({ waiting: { reason: 'ImagePullBackOff', message: 'no such image' } })],
};
export const FAILED = {
  phase: 'Failed',
  containerStatuses: [container({ terminated: { exitCode: 7, reason: 'Error' } })],
};
