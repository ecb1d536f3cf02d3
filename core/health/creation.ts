/** Why a controller cannot create Pods. `terminal`: trying again gives the same answer. */
export interface CreationFailure {
  reason: string;
  terminal: boolean;
}

// The API server's and the admission plugins' own words (k8s.io/apiserver, plugin/resourcequota and webhook).
const CAUSES: [RegExp, reason: string, terminal: boolean][] = [
  [/exceeded quota:/, 'QuotaExceeded', true],
  [/failed quota: .*must specify/, 'QuotaNeedsRequests', true],
  [/insufficient quota to match these scopes/, 'QuotaExceeded', true],
  [/violates PodSecurity/, 'PodSecurity', true],
  [/failed calling webhook/, 'WebhookUnavailable', false],
  [/admission webhook ".*" denied the request/, 'WebhookDenied', true],
  [/ValidatingAdmissionPolicy .* denied request/, 'PolicyDenied', true],
  [/unable to validate against any security context constraint/, 'SecurityContextConstraints', true],
  [/(?:maximum|minimum) \S+ usage per (?:Pod|Container) is/, 'LimitRange', true],
  // The ServiceAccount may come later: another tool's, or a part of the same apply.
  [/error looking up service account/, 'ServiceAccountMissing', false],
  [/no PriorityClass with name/, 'PriorityClassMissing', false],
  [/ is invalid: /, 'InvalidPod', true],
];

/** Recognises the message of a `FailedCreate` event or of a `ReplicaFailure` condition. */
export function creationFailure(message: string): CreationFailure {
  const found = CAUSES.find(([pattern]) => pattern.test(message));
  return found ? { reason: found[1], terminal: found[2] } : { reason: 'FailedCreate', terminal: false };
}
