import { isObject, type Json, type JsonObject, stringifyJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type FieldSet, itemKey, matches } from './field-set.ts';

/** How a list merges (KEP-555): by keys, as a set, or as a whole. */
export type ListType = { kind: 'map'; keys: readonly string[] } | { kind: 'set' } | { kind: 'atomic' };

/** Tells the type of the list at `path`, map keys only (items leave no step). */
export type ListTypes = (path: readonly string[]) => ListType;

const ATOMIC: ListType = { kind: 'atomic' };
const byKeys = (...keys: string[]): ListType => ({ kind: 'map', keys });

// Pod templates, wherever they stand; `x-kubernetes-list-map-keys` of Kubernetes' own OpenAPI (1.34).
const POD_SPEC: Record<string, ListType> = {
  containers: byKeys('name'),
  initContainers: byKeys('name'),
  ephemeralContainers: byKeys('name'),
  volumes: byKeys('name'),
  imagePullSecrets: byKeys('name'),
  hostAliases: byKeys('ip'),
  topologySpreadConstraints: byKeys('topologyKey', 'whenUnsatisfiable'),
  resourceClaims: byKeys('name'),
  schedulingGates: byKeys('name'),
  readinessGates: ATOMIC,
};
const CONTAINER: Record<string, ListType> = {
  env: byKeys('name'),
  ports: byKeys('containerPort', 'protocol'),
  volumeMounts: byKeys('mountPath'),
  volumeDevices: byKeys('devicePath'),
  claims: byKeys('name'),
};
const BY_KIND: Record<string, Record<string, ListType>> = {
  '/Service': { 'spec.ports': byKeys('port', 'protocol') },
  '/ServiceAccount': { secrets: byKeys('name') },
  '/PersistentVolumeClaim': { 'spec.accessModes': ATOMIC },
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': {
    webhooks: byKeys('name'),
    'webhooks.matchConditions': byKeys('name'),
  },
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': {
    webhooks: byKeys('name'),
    'webhooks.matchConditions': byKeys('name'),
  },
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': {
    'spec.matchConditions': byKeys('name'),
    'spec.variables': byKeys('name'),
  },
  'networking.k8s.io/IngressClass': {},
  'storage.k8s.io/CSINode': { 'spec.drivers': byKeys('name') },
};
const CONTAINER_LISTS = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/**
 * List types of the built-in kinds, from a table: for plans that can't ask a server (`--rev A..B`, no right to
 * write). Kinds of other groups have atomic lists unless their CRD is at hand.
 */
export function builtInListTypes(id: { group: string; kind: string }): ListTypes {
  const kind = BY_KIND[`${id.group}/${id.kind}`] ?? {};
  const builtIn = !id.group.includes('.') || id.group.endsWith('.k8s.io');
  return (path) => {
    const name = path.at(-1) ?? '';
    if (path[0] === 'metadata' && path.length === 2) {
      if (name === 'finalizers') return { kind: 'set' };
      if (name === 'ownerReferences') return byKeys('uid');
    }
    const ofKind = kind[path.join('.')];
    if (ofKind) return ofKind;
    if (!builtIn) return ATOMIC;
    const parent = path.at(-2) ?? '';
    if (CONTAINER_LISTS.has(parent)) return CONTAINER[name] ?? ATOMIC;
    if (parent === 'resources' && name === 'claims') return CONTAINER.claims!;
    if (parent === 'spec') return POD_SPEC[name] ?? ATOMIC;
    return ATOMIC;
  };
}

/** List types of a custom resource, from the `openAPIV3Schema` of its version in the CRD. */
export function schemaListTypes(schema: Json | undefined): ListTypes {
  const metadata = builtInListTypes({ group: '-', kind: '-' });
  return (path) => {
    if (path[0] === 'metadata') return metadata(path);
    let node: Json | undefined = schema;
    for (const key of path) {
      if (isObject(node) && isObject((node as JsonObject).items)) node = (node as JsonObject).items;
      if (!isObject(node)) return ATOMIC;
      const properties = (node as JsonObject).properties;
      node = isObject(properties)
        ? (properties as JsonObject)[key]
        : (node as JsonObject).additionalProperties;
    }
    if (!isObject(node)) return ATOMIC;
    const type = (node as JsonObject)['x-kubernetes-list-type'];
    const keys = (node as JsonObject)['x-kubernetes-list-map-keys'];
    if (type === 'map' && Array.isArray(keys)) return byKeys(...(keys as string[]));
    return type === 'set' ? { kind: 'set' } : ATOMIC;
  };
}

/** The set of fields that an apply of `object` would own, as far as the list types tell. */
export function deriveFieldSet(object: KubeObject, listTypes: ListTypes): FieldSet {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  const { name: _name, namespace: _namespace, ...ownMetadata } = metadata as JsonObject;
  const set = derive(rest as JsonObject, listTypes, []);
  if (Object.keys(ownMetadata).length > 0) set['f:metadata'] = derive(ownMetadata, listTypes, ['metadata']);
  return set;
}

function derive(value: Json, listTypes: ListTypes, path: readonly string[]): FieldSet {
  const set: FieldSet = {};
  if (isObject(value)) {
    for (const key of Object.keys(value)) set[`f:${key}`] = derive(value[key]!, listTypes, [...path, key]);
  } else if (Array.isArray(value)) {
    const type = listTypes(path);
    for (const item of value) {
      if (type.kind === 'set') set[`v:${stringifyJson(item)}`] = {};
      else if (type.kind === 'map') {
        const keys = isObject(item) ? keysOf(item, type.keys) : {};
        const edge = `k:${stringifyJson(keys)}`;
        // An item that its keys do not tell from the others: match nothing, show the list as a whole.
        if (edge in set || isAmbiguous(keys, type.keys, value)) return {};
        set[edge] = { '.': {}, ...derive(item, listTypes, path) };
      }
    }
  }
  return set;
}

/** Whether an item that lacks one of its list's keys could be taken for another, too. */
function isAmbiguous(keys: JsonObject, names: readonly string[], list: readonly Json[]): boolean {
  if (names.every((name) => Object.hasOwn(keys, name))) return false;
  return list.filter((item) => !isObject(item) || matches(item, keys)).length > 1;
}

function keysOf(item: JsonObject, names: readonly string[]): JsonObject {
  const keys: JsonObject = {};
  for (const name of names) {
    const value = itemKey(item, name);
    if (value !== undefined) keys[name] = value;
  }
  return keys;
}

/** List types as the sets of fields on a live object show them, whoever owns them; `fallback` tells the rest. */
export function observedListTypes(set: FieldSet, fallback: ListTypes): ListTypes {
  const observed = new Map<string, ListType>();
  const walk = (node: FieldSet, path: readonly string[]): void => {
    for (const [edge, child] of Object.entries(node)) {
      if (edge.startsWith('f:')) walk(child, [...path, edge.slice(2)]);
      else if (edge.startsWith('v:')) observed.set(path.join('\n'), { kind: 'set' });
      else if (edge.startsWith('k:')) {
        observed.set(path.join('\n'), byKeys(...Object.keys(JSON.parse(edge.slice(2)) as object)));
        walk(child, path);
      }
    }
  };
  walk(set, []);
  return (path) => observed.get(path.join('\n')) ?? fallback(path);
}
