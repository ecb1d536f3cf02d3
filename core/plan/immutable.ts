import type { ApiFailure } from '../model/cluster.ts';
import { dig, isObject, type Json, type JsonObject } from '../model/json.ts';
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
  '/PersistentVolumeClaim': ['spec', '!spec.volumeAttributesClassName'],
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
  /immutable|may not (be )?change|cannot (be )?change|can ?not change|can ?not be less than|may not update|updates to .* are forbidden|pod updates may not/i;

const KEEPS = /^\s*(self\s*==\s*oldSelf|oldSelf\s*==\s*self)\s*$/;

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
  const causes = failure.causes.length > 0 ? failure.causes : [{ message: failure.message }];
  const breaksRule = ({ field, message = '' }: ApiFailure['causes'][number]): boolean => {
    const rule = field === undefined ? undefined : transitionRule(crdSchema, stepsOf(field));
    return rule !== undefined && message.includes(String(rule.message ?? 'failed rule: '));
  };
  if (!causes.every((cause) => breaksRule(cause) || SAYS_IMMUTABLE.test(cause.message ?? '')))
    return undefined;
  const table = IMMUTABLE[`${id.group}/${id.kind}`] ?? [];
  const field = changed.find((path) => inTable(table, path) || transitionRule(crdSchema, path));
  return field && formatPath(field);
}

/** The steps of a field as the API server names it in a cause: `spec.parts[1].zone`, `spec.labels[a.b/c]`. */
function stepsOf(field: string): PathStep[] {
  const parts = field.match(/[^.[\]]+|\[[^\]]*\]/g) ?? [];
  return parts.map((part) => {
    const key = part.replace(/^\[|\]$/g, '');
    return part.startsWith('[') && /^\d+$/.test(key) ? Number(key) : key;
  });
}

function inTable(table: readonly string[], path: readonly PathStep[]): boolean {
  const keys = path.filter((step) => typeof step === 'string').join('.');
  const covers = (entry: string): boolean => keys === entry || keys.startsWith(`${entry}.`);
  if (table.some((entry) => entry.startsWith('!') && covers(entry.slice(1)))) return false;
  return table.some((entry) => !entry.startsWith('!') && covers(entry));
}

/** The rule by which the schema forbids changes at the path or above it: `rule: self == oldSelf`. */
function transitionRule(schema: Json | undefined, path: readonly PathStep[]): JsonObject | undefined {
  let node = schema;
  let found: JsonObject | undefined;
  for (const step of [undefined, ...path]) {
    if (step !== undefined) {
      const properties = dig(node, 'properties');
      if (typeof step !== 'string') node = dig(node, 'items');
      else
        node =
          isObject(properties) && Object.hasOwn(properties, step)
            ? (properties as JsonObject)[step]
            : dig(node, 'additionalProperties');
    }
    const rules = dig(node, 'x-kubernetes-validations');
    if (!Array.isArray(rules)) continue;
    found = (rules.filter(isObject) as JsonObject[]).find((rule) => KEEPS.test(String(rule.rule))) ?? found;
  }
  return found;
}
