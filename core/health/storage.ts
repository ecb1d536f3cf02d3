import type { Health } from '../model/health.ts';
import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { textAt, word } from './fields.ts';
import { degraded, failed, healthy, progressing } from './verdict.ts';

/**
 * kstatus: not bound is in progress; Argo CD: lost is degraded. Whether a pending claim waits for its first Pod
 * (`volumeBindingMode: WaitForFirstConsumer`) stands in its StorageClass, not in the claim: it is progressing too.
 */
export function claim(object: KubeObject): Health {
  const phase = textAt(object.status, 'phase');
  if (phase === 'Bound')
    return healthy('Bound', `it is bound to the volume ${textAt(object, 'spec', 'volumeName')}`.trim());
  if (phase === 'Lost') return failed('Lost', 'the volume that it was bound to is gone');
  const wanted = textAt(object, 'spec', 'storageClassName');
  const storageClass = wanted ? `StorageClass ${wanted}` : 'the default StorageClass';
  return progressing('NotBound', `no volume yet; ${storageClass} may wait for the first Pod that uses it`);
}

/** PersistentVolume phases, as the API describes them (`PersistentVolumePhase`). */
export function volume(object: KubeObject): Health {
  const phase = textAt(object.status, 'phase');
  const message = textAt(object.status, 'message');
  if (phase === 'Bound' || phase === 'Available') return healthy(phase, message);
  if (phase === 'Released') return healthy(phase, message || 'its claim is gone, and the volume is kept');
  if (phase === 'Failed')
    return degraded(
      word(textAt(object.status, 'reason'), 'ReclaimFailed'),
      message || 'it could not be reclaimed',
    );
  return progressing('Pending', message || 'the volume is not available yet');
}

/** Argo CD's rule for `snapshot.storage.k8s.io`. An error is tried again by the controller. */
export function volumeSnapshot(object: KubeObject): Health {
  if (dig(object, 'status', 'readyToUse') === true) return healthy('ReadyToUse', 'the snapshot can be used');
  const error = dig(object, 'status', 'error');
  if (error) return degraded('SnapshotFailed', textAt(error, 'message') || 'the snapshot failed');
  return progressing('NotReadyToUse', 'the snapshot is not ready to use yet');
}
