import type { Health } from '../model/health.ts';
import { dig, isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { containerTroubles, ending, endReason, restarts } from './containers.ts';
import { findCondition, mapsAt, numberAt, saying, textAt, timeAt, word } from './fields.ts';
import { degraded, failed, healthy, progressing, share, verdict } from './verdict.ts';

/** kstatus's `ScheduleWindow`: so long a Pod may look for a node before it counts as unschedulable. */
const SCHEDULE_WINDOW_MS = 15_000;

/**
 * kstatus's phases; a failed Pod is degraded and one with an end (restartPolicy Never, OnFailure) is progressing
 * while it runs, as in Argo CD. Containers in trouble make a Pod degraded in any phase but the last two.
 */
export function pod(object: KubeObject, now: Date): Health {
  const phase = textAt(object.status, 'phase');
  if (phase === 'Succeeded') return healthy('Succeeded', 'all containers ended with success');
  if (phase === 'Failed') return failedPod(object);
  const ready = findCondition(object, 'Ready', 'True') !== undefined;
  const endless = (textAt(object, 'spec', 'restartPolicy') || 'Always') === 'Always';
  if (phase === 'Running' && ready && endless) return healthy('Ready', readyContainers(object));
  const [trouble, ...more] = containerTroubles(object);
  if (trouble) {
    const others = more.length > 0 ? ` (and ${more.length} more)` : '';
    const { status, reason, message, terminal } = trouble;
    return { status, reason, message: `${message}${others}`, ...(terminal ? { terminal } : {}) };
  }
  if (phase === 'Pending') return pending(object, now);
  if (phase === 'Running') return running(object, endless);
  if (phase === '') return progressing('NotObserved', 'no kubelet has reported on it yet');
  return verdict(
    'unknown',
    word(phase, 'UnknownPhase'),
    textAt(object.status, 'message') || `its phase is ${phase}`,
  );
}

function running(object: KubeObject, endless: boolean): Health {
  if (!endless) return progressing('Running', 'it runs until its containers end');
  const restarted = mapsAt(object.status, 'containerStatuses').find(
    (status) => status.ready !== true && isObject(dig(status, 'lastState', 'terminated')),
  );
  if (restarted) {
    const last = dig(restarted, 'lastState', 'terminated') as JsonObject;
    const words = `container ${textAt(restarted, 'name')} is up again, not ready; it ended with ${ending(last)}`;
    return degraded('ContainerRestarted', `${words}${restarts(restarted)}`);
  }
  const condition = findCondition(object, 'Ready', 'False');
  // A readiness gate may be what is missing.
  const why = condition && condition.reason !== 'ContainersNotReady' && condition.message;
  return progressing('NotReady', `${readyContainers(object)}${why ? `: ${why}` : ''}`);
}

function pending(object: KubeObject, now: Date): Health {
  const unscheduled = findCondition(object, 'PodScheduled', 'False');
  if (unscheduled?.reason === 'SchedulingGated') return progressing('SchedulingGated', saying(unscheduled));
  if (unscheduled?.reason === 'Unschedulable') {
    const created = timeAt(object.metadata, 'creationTimestamp');
    if (created !== undefined && now.getTime() - created < SCHEDULE_WINDOW_MS) {
      return progressing('NotScheduled', saying(unscheduled));
    }
    // Volumes under way and Pods that make room are no reason to give up.
    const mayCome =
      /unbound immediate PersistentVolumeClaims/.test(unscheduled.message) ||
      textAt(object.status, 'nominatedNodeName') !== '';
    return (mayCome ? degraded : failed)('Unschedulable', saying(unscheduled));
  }
  const scheduled = findCondition(object, 'PodScheduled', 'True') !== undefined;
  return scheduled
    ? progressing(
        'Starting',
        `it is on ${textAt(object, 'spec', 'nodeName') || 'a node'}, and its containers start`,
      )
    : progressing('Pending', 'it has not been scheduled');
}

/** Nothing starts a failed Pod again. */
function failedPod(object: KubeObject): Health {
  const { status } = object;
  const statuses = [...mapsAt(status, 'initContainerStatuses'), ...mapsAt(status, 'containerStatuses')];
  const culprit = statuses.find(
    (container) => numberAt(container, 0, 'state', 'terminated', 'exitCode') !== 0,
  );
  const last = culprit && dig(culprit, 'state', 'terminated');
  const reason = word(textAt(status, 'reason'), last ? endReason(last) : 'PodFailed');
  const ended = last
    ? `container ${textAt(culprit, 'name')} ended with ${ending(last)}`
    : 'the Pod has failed';
  return failed(reason, textAt(status, 'message') || ended);
}

function readyContainers(object: KubeObject): string {
  const statuses = mapsAt(object.status, 'containerStatuses');
  const ready = statuses.filter((status) => status.ready === true).length;
  if (statuses.length === 0)
    return findCondition(object, 'Ready', 'True') ? 'it is ready' : 'it is not ready yet';
  return share(ready, statuses.length, 'container', 'ready');
}
