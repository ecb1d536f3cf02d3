import { isObject, type Json } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { managedFieldsOf } from '../model/object.ts';
import { type FieldSet, fieldsOf, ownFields, parseEdge, union } from './field-set.ts';
import {
  builtInListTypes,
  deriveFieldSet,
  type ListTypes,
  observedListTypes,
  schemaListTypes,
} from './list-types.ts';
import { mergeFields, removeFields } from './merge.ts';
import { inherited, inheritedFields, lastApplied, othersFields } from './ownership.ts';
import { valueAt } from './places.ts';

/** The outcome of an apply as far as it can be told without the server. */
export interface LocalOutcome {
  result: KubeObject;
  /** The fields that are ours before or after. */
  fields: FieldSet;
  /** True where a part could be defaults or could have to go: no difference is then no proof. */
  undecided: boolean;
}

interface LocalOptions {
  id: { group: string; kind: string };
  /** `openAPIV3Schema` of the kind's CRD, where it is at hand. */
  schema?: Json | undefined;
  /** Managers whose fields become ours. */
  takeOver: ReadonlySet<string>;
}

/**
 * Works out what applying `desired` would make of `live`, for plans that may not ask the server.
 */
export function applyLocally(
  desired: KubeObject,
  live: KubeObject,
  { id, schema, takeOver }: LocalOptions,
): LocalOutcome {
  const types = listTypesOf(id, schema);
  const owned = union(...managedFieldsOf(live).map(fieldsOf));
  const observed = observedListTypes(owned, types);
  const wanted = asOwned(deriveFieldSet(desired, observed), owned, live);
  const applied = lastApplied(live);
  const taken = inherited(live, { servedVersions: new Set([desired.apiVersion]), takeOver });
  const named = taken.filter(({ manager }) => takeOver.has(manager ?? ''));
  const old = union(
    ownFields(live),
    applied ? deriveFieldSet(applied as KubeObject, observed) : {},
    inheritedFields(live, named, desired.apiVersion),
  );
  const rest = removeFields(live, old, union(wanted, othersFields(live, taken)));
  let undecided = false;
  // Nobody owns the name: without this, metadata would pass for a map that is owned as a whole.
  const set = union(wanted, { 'f:metadata': { 'f:name': {}, 'f:namespace': {} } });
  const result = mergeFields(rest, desired, set, () => {
    undecided = true;
  });
  return { result: result as KubeObject, fields: union(old, wanted), undecided };
}

/** `set` with a leaf wherever somebody owns a map of `live` as a whole: nothing else tells that it is atomic. */
function asOwned(set: FieldSet, owned: FieldSet, live: Json | undefined): FieldSet {
  const result: FieldSet = {};
  for (const [edge, child] of Object.entries(set)) {
    const theirs = Object.hasOwn(owned, edge) ? owned[edge]! : undefined;
    const value = valueAt(live, [parseEdge(edge) ?? '.']);
    const isWhole = theirs && Object.keys(theirs).length === 0 && isObject(value);
    if (isWhole && Object.keys(value).length > 0) result[edge] = {};
    else result[edge] = theirs ? asOwned(child, theirs, value) : child;
  }
  return result;
}

/** The fields of a manifest that does not exist live, to show and compare it by. */
export function fieldsOfManifest(
  desired: KubeObject,
  kind: { group: string; kind: string },
  schema?: Json,
): FieldSet {
  return deriveFieldSet(desired, listTypesOf(kind, schema));
}

function listTypesOf(kind: { group: string; kind: string }, schema: Json | undefined): ListTypes {
  return schema === undefined ? builtInListTypes(kind) : schemaListTypes(schema);
}
