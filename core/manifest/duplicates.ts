import type { Manifest } from '../model/manifest.ts';
import { formatObject, objectKey } from '../model/object.ts';
import type { Problem } from '../model/problem.ts';

/**
 * A problem for every manifest whose object is already in the set, through whatever version of its kind.
 * `defaultNamespace` stands in for a missing one. While a kind's scope is unknown, a cluster-scoped object once with
 * and once without a namespace passes here: whoever knows the scopes asks again with ids that are set right.
 */
export function findDuplicates(manifests: readonly Manifest[], defaultNamespace?: string): Problem[] {
  const firsts = new Map<string, Manifest>();
  const problems: Problem[] = [];
  for (const manifest of manifests) {
    const { id, source } = manifest;
    const key = objectKey({
      ...id,
      ...(defaultNamespace && !id.namespace ? { namespace: defaultNamespace } : {}),
    });
    const first = firsts.get(key);
    if (!first) {
      firsts.set(key, manifest);
      continue;
    }
    const place = `${first.source.file}:${first.source.line}:${first.source.column}`;
    const versions = first.id.version === id.version ? '' : ` as ${first.id.version}`;
    problems.push({
      code: 'DuplicateObject',
      message: `${formatObject(id)} is given twice; the first is at ${place}${versions}`,
      file: source.file,
      line: source.line,
      column: source.column,
      object: id,
      hint: 'remove one of them: which of the two should be applied cannot be told',
    });
  }
  return problems;
}
