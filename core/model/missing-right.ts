import type { ApiFailure } from './cluster.ts';

// As the API server words it (k8s.io/apiserver, handlers/responsewriters/errors.go).
const REFUSED =
  /cannot (\S+) (?:resource "([^"]+)" in API group "([^"]*)"|path "([^"]+)")(?:.* in the namespace "([^"]+)")?/;

/** What to ask for where a right is missing; undefined where something else was wrong. */
export function missingRight({
  status,
  message,
}: Pick<ApiFailure, 'status' | 'message'>): string | undefined {
  if (status !== 403) return undefined;
  const found = REFUSED.exec(message);
  if (!found) return undefined;
  const [, verb, resource, group, path, namespace] = found;
  const what = path ?? (group ? `${resource}.${group}` : resource);
  return `it needs the right to ${verb} ${what}${namespace ? ` in the namespace ${namespace}` : ''}`;
}
