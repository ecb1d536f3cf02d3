import type { Health } from '../model/health.ts';
import { dig, isObject, type Json, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { mapsAt, numberAt, textAt, word } from './fields.ts';
import { count, degraded, failed } from './verdict.ts';

/** What is wrong with one container of a Pod. */
export interface ContainerTrouble extends Health {
  container: string;
}

// The kubelet's reasons for a container that waits because its image cannot be had (pkg/kubelet/images/types.go).
const IMAGE_REASONS = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/**
 * Containers that cannot start or do not stay up, init containers first. Argo CD's list of waiting reasons
 * (`Err…`, `…Error`, `…BackOff`, `InvalidImageName`), for init containers too, which neither it nor kstatus looks at.
 */
export function containerTroubles(pod: KubeObject): ContainerTrouble[] {
  const found: ContainerTrouble[] = [];
  for (const [list, noun] of LISTS) {
    for (const status of mapsAt(pod.status, list)) {
      const trouble = troubleOf(
        status,
        `${noun} ${textAt(status, 'name')}`,
        list === 'initContainerStatuses',
      );
      if (trouble) found.push({ ...trouble, container: textAt(status, 'name') });
    }
  }
  return found;
}

const LISTS = [
  ['initContainerStatuses', 'init container'],
  ['containerStatuses', 'container'],
] as const;

function troubleOf(status: JsonObject, name: string, isInit: boolean): Health | undefined {
  const waiting = dig(status, 'state', 'waiting');
  const reason = word(textAt(waiting, 'reason'), '');
  if (reason === 'CrashLoopBackOff') return failed(reason, crashLoop(status, name));
  const message = textAt(waiting, 'message');
  const why = message ? `: ${message}` : '';
  if (IMAGE_REASONS.has(reason)) {
    return failed(reason, `the image ${textAt(status, 'image')} of ${name} cannot be pulled${why}`);
  }
  // A ConfigMap or Secret that is missing may come later, made by an operator.
  if (/^Err|Error$|BackOff$/.test(reason)) return degraded(reason, `${name} cannot start${why}`);
  const ended = dig(status, 'state', 'terminated');
  if (isInit && isObject(ended) && numberAt(ended, 0, 'exitCode') !== 0) {
    return degraded(endReason(ended), `${name} ended with ${ending(ended)}`);
  }
  return undefined;
}

function crashLoop(status: JsonObject, name: string): string {
  const last = dig(status, 'lastState', 'terminated') ?? dig(status, 'state', 'terminated');
  const ended = isObject(last) ? `: it ended with ${ending(last)}` : '';
  return `${name} does not stay up${ended}${restarts(status)}`;
}

/** `, restarted 4 times`, or '' for a container that never was. */
export function restarts(status: Json): string {
  const times = numberAt(status, 0, 'restartCount');
  return times > 0 ? `, restarted ${count(times, 'time')}` : '';
}

/** `exit code 137 (OOMKilled)`, with what the container left as its last words. */
export function ending(terminated: Json): string {
  const code = `exit code ${numberAt(terminated, 0, 'exitCode')}`;
  const reason = word(textAt(terminated, 'reason'), '');
  const message = textAt(terminated, 'message').trim();
  const why = reason && reason !== 'Error' && reason !== 'Completed' ? ` (${reason})` : '';
  return `${code}${why}${message ? `: ${message}` : ''}`;
}

/** `OOMKilled` and its like; a plain `Error` says less than that a container failed. */
export function endReason(terminated: Json): string {
  const reason = word(textAt(terminated, 'reason'), 'Error');
  return reason === 'Error' ? 'ContainerFailed' : reason;
}

/** The run of a container whose log may say why a Pod is not well: one that failed, or that is not ready. */
export function lastRun(pod: KubeObject): { container: string; previous: boolean } | undefined {
  const statuses = LISTS.flatMap(([list]) => mapsAt(pod.status, list));
  const ended = (status: JsonObject, state: string): boolean =>
    numberAt(status, 0, state, 'terminated', 'exitCode') !== 0;
  const failing = statuses.find((status) => ended(status, 'state') || ended(status, 'lastState'));
  const found =
    failing ?? statuses.find((status) => status.ready !== true && isObject(dig(status, 'state', 'running')));
  if (!found) return undefined;
  // While it waits to be started again, and while it has only just been, the run before is the one that tells.
  return { container: textAt(found, 'name'), previous: ended(found, 'lastState') && !ended(found, 'state') };
}
