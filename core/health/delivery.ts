import type { Health } from '../model/health.ts';
import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { conditionsOf, findCondition, saying, textAt } from './fields.ts';
import { byReady, byType, noStatus, notReconciled, unobserved } from './generic.ts';
import { degraded, failed, healthy, progressing, suspended } from './verdict.ts';

/** Flux: its controllers leave a suspended object as it is. */
export function fluxSuspended(object: KubeObject): Health | undefined {
  return dig(object, 'spec', 'suspend') === true ? suspended('Suspended', 'it is suspended') : undefined;
}

/**
 * Flux: a failed attempt that is tried again (`Reconciling`, reason ProgressingWithRetry) is degraded, as in Argo
 * CD; kstatus calls it in progress because of Reconciling, which is asked after this.
 */
export function fluxRetry(object: KubeObject): Health | undefined {
  const retry = findCondition(object, 'Reconciling', 'True')?.reason === 'ProgressingWithRetry';
  // What failed may be an older spec.
  const ready = retry && !unobserved(object) ? findCondition(object, 'Ready', 'False') : undefined;
  return ready && degraded(ready.reason || 'NotReady', saying(ready));
}

/** Kinds of Flux that its newer versions leave without a status. */
export function fluxMaybeStatic(object: KubeObject): Health {
  return object.status === undefined ? noStatus() : byReady(object);
}

/** cert-manager, as Argo CD has it: while a certificate is being issued, its Ready speaks of the last one. */
export function certificate(object: KubeObject): Health {
  const issuing = findCondition(object, 'Issuing', 'True');
  return issuing ? progressing(issuing.reason || 'Issuing', saying(issuing)) : byReady(object);
}

/** A request is made once: denied, invalid or failed is for ever (Argo CD). */
export function certificateRequest(object: KubeObject): Health {
  const refused = findCondition(object, 'Denied', 'True') ?? findCondition(object, 'InvalidRequest', 'True');
  if (refused) return failed(refused.reason || refused.type, saying(refused));
  const ready = findCondition(object, 'Ready');
  if (!ready) return notReconciled();
  if (ready.status === 'True') return healthy(ready.reason || 'Issued', saying(ready));
  if (ready.reason === 'Pending') return progressing('Pending', saying(ready));
  return failed(ready.reason || 'NotReady', saying(ready));
}

/** ACME Orders and Challenges end in a state (RFC 8555, 7.1.6). */
export function acme(object: KubeObject): Health {
  const state = textAt(object.status, 'state');
  const message = textAt(object.status, 'reason');
  if (state === 'valid') return healthy('Valid', message);
  const bad = ['invalid', 'expired', 'errored'].includes(state);
  if (bad) return failed(`${state[0]!.toUpperCase()}${state.slice(1)}`, message || `its state is ${state}`);
  return state ? progressing('Pending', message || `its state is ${state}`) : notReconciled();
}

/** Bitnami's SealedSecret speaks of `Synced` only. */
export function sealedSecret(object: KubeObject): Health {
  return byType(object, 'Synced');
}

/** KEDA's ScaledObject and ScaledJob: paused on purpose, or running on its fallback number (Argo CD). */
export function scaled(object: KubeObject): Health {
  const paused = findCondition(object, 'Paused', 'True');
  const health = byReady(object);
  if (paused && health.status === 'healthy')
    return { ...health, status: 'suspended', reason: 'Paused', message: saying(paused) };
  const fallback = findCondition(object, 'Fallback', 'True');
  return fallback && health.status === 'healthy'
    ? degraded(fallback.reason || 'Fallback', saying(fallback))
    : health;
}

/**
 * Prometheus operator: Pods that are not ready yet are on their way, other causes are degraded (Argo CD), and so is a
 * configuration that could not be taken over. Operators before 0.56 write no status.
 */
export function prometheus(object: KubeObject): Health {
  if (conditionsOf(object.status).length === 0) return noStatus();
  const reconciled = findCondition(object, 'Reconciled', 'False');
  if (reconciled) return degraded(reconciled.reason || 'NotReconciled', saying(reconciled));
  const available = findCondition(object, 'Available');
  if (!available) return notReconciled();
  if (available.status === 'True') return healthy(available.reason || 'Available', saying(available));
  const word = available.reason || 'NotAvailable';
  return (word === 'SomePodsNotReady' ? progressing : degraded)(word, saying(available));
}

/** Strimzi writes `NotReady` beside `Ready` (Argo CD). */
export function strimzi(object: KubeObject): Health {
  const not = findCondition(object, 'NotReady', 'True');
  if (!not) return byReady(object);
  return (not.reason === 'Creating' ? progressing : degraded)(not.reason || 'NotReady', saying(not));
}
