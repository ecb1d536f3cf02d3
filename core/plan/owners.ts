import type { FieldOwner } from '../model/explain.ts';
import { type KubeObject, managedFieldsOf } from '../model/object.ts';
import { formatPath, type PathStep } from '../model/path.ts';
import { type FieldSet, fieldsOf, isLeaf, parseEdge } from './field-set.ts';

/** How deep paths are told apart; what is below is counted. */
const DEPTH = 3;

/** Who owns which fields of a live object, whoever has most of them first. Names of fields only, no values. */
export function ownersOf(live: KubeObject): FieldOwner[] {
  const owners = managedFieldsOf(live).map((entry): FieldOwner => {
    const leaves: PathStep[][] = [];
    collect(fieldsOf(entry), [], leaves);
    const groups = Map.groupBy(leaves, (path) => formatPath(path.slice(0, DEPTH)));
    const fields = [...groups].map(([path, below]) =>
      below.length === 1 ? { path: formatPath(below[0]!), count: 1 } : { path, count: below.length },
    );
    return {
      manager: entry.manager ?? 'unknown',
      operation: entry.operation ?? 'Update',
      ...(entry.subresource && { subresource: entry.subresource }),
      ...(entry.time && { time: entry.time }),
      count: leaves.length,
      fields: fields.sort((a, b) => b.count - a.count || (a.path < b.path ? -1 : 1)),
    };
  });
  return owners.sort((a, b) => b.count - a.count || (a.manager < b.manager ? -1 : 1));
}

/** The paths of a set's leaves. An item of a list or a map that is only named counts as one, too. */
function collect(set: FieldSet, path: readonly PathStep[], leaves: PathStep[][]): void {
  for (const [edge, child] of Object.entries(set)) {
    const step = parseEdge(edge);
    if (step === undefined) continue;
    if (isLeaf(child)) leaves.push([...path, step]);
    else collect(child, [...path, step], leaves);
  }
}
