import type { Health } from '../model/health.ts';
import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { findCondition, mapsAt, numberAt, saying, textAt, timeAt } from './fields.ts';
import { count, degraded, failed, healthy, progressing, suspended } from './verdict.ts';

/**
 * A Job is healthy when it is complete and no sooner: kstatus calls a running Job current, Argo CD calls it
 * progressing, and a person who waits for a migration means the latter. `Suspended` with status False is a resumed
 * Job that runs (Argo CD takes it for complete).
 */
export function job(object: KubeObject): Health {
  const parallelism = numberAt(object, 1, 'spec', 'parallelism');
  const wanted = numberAt(object, parallelism, 'spec', 'completions');
  const number = (key: string): number => numberAt(object.status, 0, key);
  const succeeded = `${number('succeeded')} of ${count(wanted, 'completion')} reached`;
  const failures = number('failed') > 0 ? `, ${count(number('failed'), 'Pod')} failed` : '';
  if (findCondition(object, 'Complete', 'True')) return healthy('Complete', succeeded);
  // FailureTarget comes first, while the Pods are still being ended (Kubernetes 1.31 and newer).
  const failure = findCondition(object, 'Failed', 'True') ?? findCondition(object, 'FailureTarget', 'True');
  if (failure) return failed(failure.reason || 'JobFailed', `${succeeded}${failures}: ${saying(failure)}`);
  if (dig(object, 'spec', 'suspend') === true || findCondition(object, 'Suspended', 'True')) {
    return suspended('Suspended', `${succeeded}, and the Job is suspended`);
  }
  if (!textAt(object.status, 'startTime')) return progressing('NotStarted', 'the Job has not started');
  return progressing('Running', `${succeeded}, ${count(number('active'), 'Pod')} active${failures}`);
}

/**
 * Argo CD's rule; to kstatus a CronJob is always current. A last run that has ended without success is degraded; one
 * that never succeeded is not, because the first may still be under way.
 */
export function cronJob(object: KubeObject): Health {
  if (dig(object, 'spec', 'suspend') === true) return suspended('Suspended', 'no new Jobs are started');
  const { status } = object;
  const scheduled = timeAt(status, 'lastScheduleTime');
  if (scheduled === undefined) return healthy('NotScheduledYet', 'its first time has not come yet');
  const active = mapsAt(status, 'active').length;
  if (active > 0) return healthy('Running', `${count(active, 'Job')} of it running`);
  const succeeded = timeAt(status, 'lastSuccessfulTime');
  const [last, good] = ['lastScheduleTime', 'lastSuccessfulTime'].map((key) => textAt(status, key));
  if (succeeded === undefined)
    return healthy('NeverSucceeded', `no run has succeeded yet; the last began at ${last}`);
  if (succeeded < scheduled) {
    return degraded(
      'LastRunFailed',
      `the run of ${last} did not succeed; the last that did ended at ${good}`,
    );
  }
  return healthy('Succeeded', `the last run ended at ${good}`);
}
