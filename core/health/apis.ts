import type { Health } from '../model/health.ts';
import type { KubeObject } from '../model/object.ts';
import { findCondition, saying } from './fields.ts';
import { failed, healthy, progressing } from './verdict.ts';

/**
 * kstatus's `crdConditions`; a schema that is not structural is degraded, as in Argo CD. `Established` with reason
 * Installing is on its way (degraded in Argo CD).
 */
export function customResourceDefinition(object: KubeObject): Health {
  const terminating = findCondition(object, 'Terminating', 'True');
  if (terminating) return progressing('Terminating', saying(terminating));
  const names = findCondition(object, 'NamesAccepted', 'False');
  if (names) return failed(names.reason || 'NamesNotAccepted', saying(names));
  const established = findCondition(object, 'Established');
  if (established?.status === 'False' && established.reason !== 'Installing') {
    return failed(established.reason || 'NotEstablished', saying(established));
  }
  if (established?.status !== 'True') return progressing('Installing', 'its kinds are not served yet');
  const schema = findCondition(object, 'NonStructuralSchema', 'True');
  if (schema) return failed(schema.reason || 'NonStructuralSchema', saying(schema));
  return healthy('Established', 'its kinds are served');
}

/**
 * Argo CD's rule: without `Available` it is on its way, whatever the reason (MissingEndpoints,
 * FailedDiscoveryCheck, ServiceNotFound, …). The aggregator asks again every few seconds, and the backend may be what
 * still starts. Who waits names the reason when the time is over.
 */
export function apiService(object: KubeObject): Health {
  const available = findCondition(object, 'Available');
  if (!available) return progressing('NotChecked', 'the API server has not asked its backend yet');
  const message = saying(available);
  return available.status === 'True'
    ? healthy(available.reason || 'Available', message)
    : progressing(available.reason || 'NotAvailable', message);
}
