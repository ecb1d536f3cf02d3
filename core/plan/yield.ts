import type { IgnoreRule } from '../model/ignore.ts';
import { deepEqual, isObject, type Json, type JsonObject } from '../model/json.ts';
import { type KubeObject, managedFieldsOf, type ObjectId } from '../model/object.ts';
import { formatPath, hasKeys, type PathStep } from '../model/path.ts';
import { covers, fieldsOf, isOwn, setOwn } from './field-set.ts';

export interface Yielded {
  object: KubeObject;
  /** Formatted paths, in the order of the rules. */
  yielded: string[];
}

/**
 * What is sent instead of `desired` once the fields that belong to others are taken out: those named by a rule,
 * `replicas` last set through the scale subresource by a controller or targeted by an autoscaler, and a
 * placeholder `caBundle`. A field that another manager owns is left out; one that only we own is sent as it is
 * live; an object that does not exist yet is sent whole, but for placeholders.
 */
export function yieldFields(
  id: ObjectId,
  desired: KubeObject,
  live: KubeObject | undefined,
  rules: readonly IgnoreRule[],
  autoscaled: boolean,
): Yielded {
  const yielded: string[] = [];
  let object = desired;
  const give = (path: PathStep[], value: Json | undefined): void => {
    object = replaceAt(object, path, value) as KubeObject;
    yielded.push(formatPath(path));
  };
  for (const path of caBundlePaths(desired))
    if (!isCertificate(valueAt(desired, path))) give(path, undefined);
  if (!live) return { object, yielded };
  if (valueAt(desired, REPLICAS) !== undefined && (autoscaled || scaledByController(live)))
    give(REPLICAS, undefined);
  for (const rule of rules.filter((candidate) => selects(candidate, id))) {
    for (const path of rule.paths.flatMap((pattern) => expand(desired, pattern))) {
      give(path, ownedByOthers(live, path) ? undefined : valueAt(live, path));
    }
    for (const path of rule.managers.length > 0 ? leafPaths(desired) : []) {
      if (ownedByOthers(live, path, rule.managers)) give(path, undefined);
    }
  }
  return { object, yielded };
}

const REPLICAS: PathStep[] = ['spec', 'replicas'];

/** `kubectl scale` goes through the same subresource, but a person's change is drift. */
function scaledByController(live: KubeObject): boolean {
  return managedFieldsOf(live).some(
    (entry) =>
      entry.subresource === 'scale' &&
      !entry.manager?.startsWith('kubectl') &&
      covers(fieldsOf(entry), REPLICAS),
  );
}

/** Whether the live number of replicas differs from the wanted one, so that an autoscaler has to be looked for. */
export function replicasDiffer(desired: KubeObject, live: KubeObject): boolean {
  const wanted = valueAt(desired, REPLICAS);
  return wanted !== undefined && wanted !== valueAt(live, REPLICAS);
}

function ownedByOthers(live: KubeObject, path: PathStep[], managers?: readonly string[]): boolean {
  return managedFieldsOf(live).some(
    (entry) =>
      !isOwn(entry) &&
      (managers === undefined || managers.includes(entry.manager ?? '')) &&
      covers(fieldsOf(entry), path),
  );
}

function selects(rule: IgnoreRule, id: ObjectId): boolean {
  return (
    (rule.group === undefined || rule.group === id.group) &&
    (rule.kind === undefined || rule.kind === id.kind) &&
    globs(rule.namespace, id.namespace ?? '') &&
    globs(rule.name, id.name)
  );
}

function globs(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`).test(text);
}

// A `caBundle` that a CA injector fills in: webhooks, CRD conversion, APIService.
function caBundlePaths(object: KubeObject): PathStep[][] {
  const patterns: PathStep[][] = [
    ['spec', 'caBundle'],
    ['spec', 'conversion', 'webhook', 'clientConfig', 'caBundle'],
  ];
  if (object.kind.endsWith('WebhookConfiguration')) patterns.push(['webhooks', 'clientConfig', 'caBundle']);
  if (!/(WebhookConfiguration|CustomResourceDefinition|APIService)$/.test(object.kind)) return [];
  return patterns.flatMap((pattern) => expand(object, pattern));
}

function isCertificate(value: Json | undefined): boolean {
  return typeof value === 'string' && Buffer.from(value, 'base64').toString('latin1').includes('-----BEGIN');
}

/** The places in `value` that a pattern means: a map key met at a list stands for every item of it. */
function expand(value: Json | undefined, pattern: readonly PathStep[], at: PathStep[] = []): PathStep[][] {
  const [step, ...rest] = pattern;
  if (step === undefined) return value === undefined ? [] : [at];
  if (typeof step === 'string' && Array.isArray(value)) {
    return value.flatMap((item, index) => expand(item, pattern, [...at, itemStep(item, index)]));
  }
  const child = valueAt(value, [step]);
  return child === undefined ? [] : expand(child, rest, [...at, step]);
}

function itemStep(item: Json, index: number): PathStep {
  const name = isObject(item) ? item.name : undefined;
  return typeof name === 'string' ? { keys: { name } } : index;
}

function leafPaths(value: Json, at: PathStep[] = []): PathStep[][] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      leafPaths(item, [...at, isObject(item) ? itemStep(item, index) : { value: item }]),
    );
  }
  if (!isObject(value)) return [at];
  const keys = Object.keys(value).filter((key) => at.length > 0 || !['apiVersion', 'kind'].includes(key));
  return keys.flatMap((key) =>
    at[0] === 'metadata' && ['name', 'namespace'].includes(key) ? [] : leafPaths(value[key]!, [...at, key]),
  );
}

export function valueAt(value: Json | undefined, path: readonly PathStep[]): Json | undefined {
  let node = value;
  for (const step of path) {
    if (typeof step === 'string') node = isObject(node) ? (node as JsonObject)[step] : undefined;
    else if (!Array.isArray(node)) return undefined;
    else node = node[indexOf(node, step)];
  }
  return node;
}

function indexOf(list: Json[], step: Exclude<PathStep, string>): number {
  if (typeof step === 'number') return step;
  return list.findIndex((item) => ('keys' in step ? hasKeys(item, step.keys) : deepEqual(item, step.value)));
}

/** A copy of `value` with the node at `path` replaced, or taken out where `replacement` is undefined. */
function replaceAt(value: Json, path: readonly PathStep[], replacement: Json | undefined): Json {
  const [step, ...rest] = path;
  if (step === undefined) return replacement ?? null;
  const last = rest.length === 0;
  if (typeof step === 'string' && isObject(value)) {
    const copy = { ...value };
    if (last && replacement === undefined) delete copy[step];
    else if (Object.hasOwn(copy, step) || last)
      setOwn(copy, step, replaceAt(copy[step] ?? null, rest, replacement));
    return copy;
  }
  if (typeof step !== 'string' && Array.isArray(value)) {
    const index = indexOf(value, step);
    if (index < 0) return value;
    if (last && replacement === undefined) return value.filter((_item, position) => position !== index);
    return value.map((item, position) => (position === index ? replaceAt(item, rest, replacement) : item));
  }
  return value;
}
