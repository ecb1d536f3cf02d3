import { HEALTH_STATUSES, type Health } from '../model/health.ts';
import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { findCondition, mapsAt, numberAt, saying, textAt, word } from './fields.ts';
import { notReconciled } from './generic.ts';
import { degraded, failed, healthy, progressing, share, suspended, verdict } from './verdict.ts';

/** Argo Rollouts, as Argo CD's `argoproj.io/Rollout` has it. */
export function rollout(object: KubeObject): Health {
  const { status } = object;
  if (dig(status, 'observedGeneration') === undefined) return notReconciled();
  const invalid = findCondition(object, 'InvalidSpec', 'True');
  if (invalid) return failed(invalid.reason || 'InvalidSpec', saying(invalid));
  const progress = findCondition(object, 'Progressing');
  if (progress && ['RolloutAborted', 'ProgressDeadlineExceeded'].includes(progress.reason)) {
    return failed(progress.reason, saying(progress));
  }
  const [pause] = mapsAt(status, 'pauseConditions');
  if (pause) return suspended(word(textAt(pause, 'reason'), 'Paused'), 'the rollout is paused');
  if (dig(object, 'spec', 'paused') === true) return suspended('Paused', 'the rollout is paused');
  const newest = textAt(status, 'currentPodHash');
  if (!newest) return notReconciled();
  const wanted = numberAt(object, 1, 'spec', 'replicas');
  const number = (key: string): number => numberAt(status, 0, key);
  const [updated, available] = [number('updatedReplicas'), number('availableReplicas')];
  if (updated < wanted)
    return progressing('TooFewUpdated', share(updated, wanted, 'replica', 'of the newest revision'));
  if (available < updated)
    return progressing('TooFewAvailable', share(available, updated, 'replica', 'available'));
  return (
    cutOver(object, newest, number('replicas') > updated) ??
    healthy('Available', share(available, wanted, 'replica', 'available'))
  );
}

/** What a rollout still has to do once its replicas run. */
function cutOver(object: KubeObject, newest: string, oldLeft: boolean): Health | undefined {
  const { status } = object;
  const stable = textAt(status, 'stableRS') || textAt(status, 'canary', 'stableRS');
  if (dig(object, 'spec', 'strategy', 'blueGreen')) {
    if (textAt(status, 'blueGreen', 'activeSelector') !== newest) {
      return progressing('CutoverPending', 'the active Service does not lead to the newest revision yet');
    }
    if (stable && stable !== newest)
      return progressing('AnalysisRunning', 'the analysis after the cutover is not complete');
  } else if (dig(object, 'spec', 'strategy', 'canary')) {
    if (oldLeft) return progressing('ReplicasLeftOver', 'old replicas have to end first');
    if (stable !== newest) return progressing('StepsRunning', 'the steps of the canary are not complete');
  }
  return undefined;
}

/** Argo CD's Application says itself how it is, in its own words. */
export function application(object: KubeObject): Health {
  const words = textAt(object.status, 'health', 'status');
  const status = HEALTH_STATUSES.find((candidate) => candidate === words.toLowerCase());
  if (!status) return notReconciled();
  return verdict(status, `Application${words}`, textAt(object.status, 'health', 'message'));
}

/** An ApplicationSet is as wanted unless it could not make its Applications. */
export function applicationSet(object: KubeObject): Health {
  const error = findCondition(object, 'ErrorOccurred', 'True');
  if (error) return degraded(error.reason || 'ErrorOccurred', saying(error));
  const done = findCondition(object, 'ResourcesUpToDate', 'True');
  return done ? healthy(done.reason || 'UpToDate', saying(done)) : notReconciled();
}

/** Argo Workflows and AnalysisRuns end in one of these phases; what has not ended is on its way. */
export function run(object: KubeObject): Health {
  const phase = textAt(object.status, 'phase');
  const message = textAt(object.status, 'message');
  if (phase === 'Succeeded' || phase === 'Successful') return healthy(phase, message);
  if (phase === 'Failed' || phase === 'Error') return failed(`Run${phase}`, message || 'the run has failed');
  if (phase === 'Inconclusive') return verdict('unknown', phase, message || 'the analysis could not decide');
  return progressing(phase === 'Running' ? phase : 'Pending', message || 'the run has not ended');
}
