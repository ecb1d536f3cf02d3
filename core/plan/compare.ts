import { deepEqual } from '../model/json.ts';
import type { Manifest } from '../model/manifest.ts';
import { objectKey } from '../model/object.ts';
import type { Change, Plan } from '../model/plan.ts';
import { type DefinedKind, definedKinds, kindKey } from './crd.ts';
import { union } from './field-set.ts';
import { fieldsOfManifest } from './local.ts';
import type { SecretGate } from './secret-gate.ts';
import { skipped } from './skip.ts';

/**
 * What changes between two wanted states, told from the manifests alone: no cluster is asked, so nothing is
 * verified and fields that the server fills in are not known. Order: the new state's, then what is gone.
 */
export function compareSets(before: readonly Manifest[], after: readonly Manifest[], gate: SecretGate): Plan {
  const kinds = definedKinds([...before, ...after]);
  const old = new Map(before.map((manifest) => [objectKey(manifest.id), manifest]));
  const changes = after.map((manifest): Change => {
    const previous = old.get(objectKey(manifest.id));
    old.delete(objectKey(manifest.id));
    const skip = skipped(manifest.object);
    return skip
      ? { id: manifest.id, ...skip, source: placeOf(manifest) }
      : compareOne(previous, manifest, gate, kinds);
  });
  for (const gone of old.values()) {
    if (skipped(gone.object)) continue;
    const { before: removed } = gate.views(gone.id, gone.object, undefined, {});
    changes.push({ id: gone.id, action: 'delete', source: placeOf(gone), before: removed });
  }
  return { changes };
}

function compareOne(
  previous: Manifest | undefined,
  manifest: Manifest,
  gate: SecretGate,
  kinds: Map<string, DefinedKind>,
): Change {
  const { id } = manifest;
  const base = { id, source: placeOf(manifest) };
  if (!previous)
    return { ...base, action: 'create', after: gate.views(id, undefined, manifest.object, {}).after };
  // Most objects of most changes: nothing has to be worked out for them.
  if (deepEqual(previous.object, manifest.object)) return { ...base, action: 'unchanged' };
  const schema = kinds.get(kindKey(id))?.schema;
  const fields = union(
    fieldsOfManifest(previous.object, id, schema),
    fieldsOfManifest(manifest.object, id, schema),
  );
  const views = gate.views(id, previous.object, manifest.object, fields);
  if (views.differences.length === 0) return { ...base, action: 'unchanged' };
  return { ...base, action: 'update', fields: views.fields, before: views.before, after: views.after };
}

function placeOf({ source }: Manifest): { file: string; line: number } {
  return { file: source.file, line: source.line };
}
