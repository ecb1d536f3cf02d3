import { dig, type JsonObject } from '../model/json.ts';
import type { KubeObject, ObjectId } from '../model/object.ts';
import { covers, type FieldSet, isLeaf, ownFields, project } from './field-set.ts';

export const PART_OF = 'applyset.kubernetes.io/part-of';

/** What is ours of an object, under the names that say which object it is. */
export function view(object: KubeObject, fields: FieldSet): JsonObject {
  const { name, namespace } = object.metadata;
  // A root without edges is nobody's: below it, a node without edges is owned as a whole.
  const part = isLeaf(fields) ? {} : (project(object, fields) as JsonObject);
  const metadata: JsonObject = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(fields['f:metadata'] && (part.metadata as JsonObject | undefined)),
  };
  return { ...part, apiVersion: object.apiVersion, kind: object.kind, metadata };
}

/** The manifest as it is sent: with its namespace filled in, or left out for cluster-scoped kinds. */
export function placed(object: KubeObject, id: ObjectId): KubeObject {
  if (object.metadata.namespace === id.namespace) return object;
  const { namespace: _namespace, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(id.namespace !== undefined && { namespace: id.namespace }),
    } as KubeObject['metadata'],
  };
}

/** The manifest of a member of a set. */
export function withPartOf(desired: KubeObject, id: string): KubeObject {
  const labels = { ...(desired.metadata.labels as JsonObject | undefined), [PART_OF]: id };
  return { ...desired, metadata: { ...desired.metadata, labels } };
}

/** A run without a set leaves membership alone: a live label of an apply set stays, and is not shown. */
export function keepPartOf(desired: KubeObject, live: KubeObject): KubeObject {
  const member = dig(live, 'metadata', 'labels', PART_OF);
  const owned = covers(ownFields(live), ['metadata', 'labels', PART_OF]);
  const labels = (desired.metadata.labels ?? {}) as JsonObject;
  if (member === undefined || !owned || PART_OF in labels) return desired;
  return { ...desired, metadata: { ...desired.metadata, labels: { ...labels, [PART_OF]: member } } };
}
