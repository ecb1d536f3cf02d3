import type { ManifestEntry, ResourceRule } from '../model/agent-config.ts';

// What GitLab's agent left alone by itself: made by controllers, many, and nobody's to keep in Git.
const ALWAYS_EXCLUDED: readonly ResourceRule[] = [
  { apiGroups: ['events.k8s.io', 'metrics.k8s.io'], kinds: ['*'] },
  { apiGroups: [''], kinds: ['Event', 'Node', 'Endpoints'] },
  { apiGroups: ['coordination.k8s.io'], kinds: ['Lease'] },
  { apiGroups: ['discovery.k8s.io'], kinds: ['EndpointSlice'] },
];

/**
 * Whether a kind is left alone by the entry: neither watched nor pruned. An inclusion beats every exclusion, as in
 * GitLab's agent 13.4 to 13.12.
 */
export function isExcluded(
  {
    resourceInclusions,
    resourceExclusions,
  }: Pick<ManifestEntry, 'resourceInclusions' | 'resourceExclusions'>,
  kind: { group: string; kind: string },
): boolean {
  const matches = (rule: ResourceRule): boolean =>
    holds(rule.apiGroups, kind.group) && holds(rule.kinds, kind.kind);
  if (resourceInclusions.some(matches)) return false;
  return ALWAYS_EXCLUDED.some(matches) || resourceExclusions.some(matches);
}

function holds(names: readonly string[], name: string): boolean {
  return names.includes('*') || names.includes(name);
}
