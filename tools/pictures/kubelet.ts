import { setTimeout as pause } from 'node:timers/promises';
import { type Access, apiCall, apiRequest } from '../../test/support/control-plane/api.ts';

interface Pod {
  metadata: { name: string; namespace: string; deletionTimestamp?: string };
  spec: { containers: { name: string; image: string }[] };
  status: { phase?: string; containerStatuses?: unknown };
}

/**
 * Writes of every Pod what a kubelet would, until the signal ends: it runs, but for those whose image is not in the
 * registry. There are no images where pictures are made.
 */
export async function actAsKubelet(cluster: Access, missing: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { items } = (await apiCall(cluster, 'GET', '/api/v1/pods')) as { items: Pod[] };
    for (const pod of items.filter(isNew)) {
      const { namespace, name } = pod.metadata;
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
      // It may be gone by now; the next look tells.
      await apiRequest(cluster, 'PATCH', path, { status: statusOf(pod, missing) });
      // There are no Nodes: what the scheduler says of that would be in the way.
      const complaints = `/api/v1/namespaces/${namespace}/events?fieldSelector=reason%3DFailedScheduling`;
      await apiRequest(cluster, 'DELETE', complaints);
    }
    await pause(200, undefined, { signal }).catch(() => undefined);
  }
}

function isNew({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status.containerStatuses === undefined;
}

function statusOf({ spec }: Pod, missing: string): object {
  const at = new Date().toISOString();
  const isMissing = spec.containers.some(({ image }) => image === missing);
  const condition = (type: string, isTrue: boolean) => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime: at,
  });
  return {
    phase: isMissing ? 'Pending' : 'Running',
    conditions: [condition('PodScheduled', true), condition('Ready', !isMissing)],
    containerStatuses: spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: image !== missing,
      restartCount: 0,
      state:
        image === missing
          ? { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } }
          : { running: { startedAt: at } },
    })),
  };
}
