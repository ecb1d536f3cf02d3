import type { ApiFailure } from '../model/cluster.ts';
import { isObject, type Json } from '../model/json.ts';
import type { ObjectId } from '../model/object.ts';
import { formatPath, type PathStep } from '../model/path.ts';

/**
 * Fields that can't be changed once an object exists, from the validation code of Kubernetes 1.34
 * (`pkg/apis/*\/validation`). An entry covers everything below it; `!` takes a part out again.
 */
const IMMUTABLE: Record<string, readonly string[]> = {
  'apps/Deployment': ['spec.selector'],
  'apps/ReplicaSet': ['spec.selector'],
  'apps/DaemonSet': ['spec.selector'],
  'apps/StatefulSet': [
    'spec.serviceName',
    'spec.selector',
    'spec.volumeClaimTemplates',
    'spec.podManagementPolicy',
  ],
  'apps/ControllerRevision': ['data'],
  'batch/Job': [
    'spec.selector',
    'spec.template',
    'spec.completions',
    'spec.completionMode',
    'spec.podFailurePolicy',
    'spec.backoffLimitPerIndex',
    'spec.managedBy',
    'spec.successPolicy',
  ],
  '/PersistentVolumeClaim': ['spec', '!spec.resources', '!spec.volumeAttributesClassName'],
  '/PersistentVolume': [
    'spec',
    '!spec.capacity',
    '!spec.claimRef',
    '!spec.persistentVolumeReclaimPolicy',
    '!spec.mountOptions',
    '!spec.storageClassName',
    '!spec.accessModes',
    '!spec.volumeAttributesClassName',
  ],
  '/Pod': ['spec', '!spec.activeDeadlineSeconds', '!spec.terminationGracePeriodSeconds'],
  '/Service': ['spec.clusterIP', 'spec.clusterIPs', 'spec.ipFamilies', 'spec.loadBalancerClass'],
  '/Secret': ['type', 'data', 'immutable'],
  '/ConfigMap': ['data', 'binaryData', 'immutable'],
  'rbac.authorization.k8s.io/RoleBinding': ['roleRef'],
  'rbac.authorization.k8s.io/ClusterRoleBinding': ['roleRef'],
  'storage.k8s.io/StorageClass': ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'],
  'storage.k8s.io/CSIDriver': [
    'spec.attachRequired',
    'spec.fsGroupPolicy',
    'spec.podInfoOnMount',
    'spec.volumeLifecycleModes',
  ],
  'scheduling.k8s.io/PriorityClass': ['value', 'preemptionPolicy'],
  'node.k8s.io/RuntimeClass': ['handler'],
  'networking.k8s.io/IngressClass': ['spec.controller'],
  'discovery.k8s.io/EndpointSlice': ['addressType'],
  'apiextensions.k8s.io/CustomResourceDefinition': [
    'spec.group',
    'spec.scope',
    'spec.names.plural',
    'spec.names.kind',
  ],
  'policy/PodDisruptionBudget': [],
};

const SAYS_IMMUTABLE =
  /immutable|may not (be )?change|cannot (be )?change|can ?not change|may not update|updates to .* are forbidden|pod updates may not/i;

/**
 * The first changed field that makes the object impossible to update, told by the table or by a CRD's own rule,
 * and only where every cause of the API's refusal says so too: a plain validation mistake never reads as replace.
 */
export function immutableField(
  id: ObjectId,
  failure: ApiFailure,
  changed: readonly PathStep[][],
  crdSchema?: Json,
): string | undefined {
  if (failure.status !== 422) return undefined;
  const schemaRule =
    crdSchema === undefined ? undefined : changed.find((path) => hasTransitionRule(crdSchema, path));
  const causes = failure.causes.length > 0 ? failure.causes : [{ message: failure.message }];
  if (!schemaRule && !causes.every((cause) => SAYS_IMMUTABLE.test(cause.message ?? ''))) return undefined;
  const table = IMMUTABLE[`${id.group}/${id.kind}`] ?? [];
  const field = schemaRule ?? changed.find((path) => inTable(table, path));
  return field && formatPath(field);
}

function inTable(table: readonly string[], path: readonly PathStep[]): boolean {
  const keys = path.filter((step) => typeof step === 'string').join('.');
  const covers = (entry: string): boolean => keys === entry || keys.startsWith(`${entry}.`);
  if (table.some((entry) => entry.startsWith('!') && covers(entry.slice(1)))) return false;
  return table.some((entry) => !entry.startsWith('!') && covers(entry));
}

/** Whether the schema forbids changes at the path or above it: `x-kubernetes-validations: rule: self == oldSelf`. */
function hasTransitionRule(schema: Json, path: readonly PathStep[]): boolean {
  let node: Json | undefined = schema;
  for (const step of [undefined, ...path]) {
    if (step !== undefined) {
      if (!isObject(node)) return false;
      const { properties, additionalProperties, items } = node as Record<string, Json>;
      if (typeof step !== 'string') node = items;
      else
        node =
          isObject(properties) && step in (properties as object)
            ? (properties as Record<string, Json>)[step]
            : additionalProperties;
    }
    const rules = isObject(node) ? (node as Record<string, Json>)['x-kubernetes-validations'] : undefined;
    if (
      Array.isArray(rules) &&
      rules.some(
        (rule) =>
          isObject(rule) && /^\s*(self\s*==\s*oldSelf|oldSelf\s*==\s*self)\s*$/.test(String(rule.rule)),
      )
    )
      return true;
  }
  return false;
}
