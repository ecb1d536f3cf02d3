import type { IgnoreRule } from '../model/ignore.ts';
import { dig, type Json } from '../model/json.ts';
import { type KubeObject, type ManagedFields, managedFieldsOf, type ObjectId } from '../model/object.ts';
import { formatPath, type Path, type PathStep } from '../model/path.ts';
import { covers, type FieldSet, fieldsOf, isOwn, ownFields, project, union } from './field-set.ts';
import { inheritedFields, othersFields } from './ownership.ts';
import {
  expand,
  isNamingKey,
  type Place,
  placesOwned,
  replaceAt,
  rootPlace,
  unitsBelow,
  valueAt,
} from './places.ts';

export interface Yielded {
  object: KubeObject;
  /** Formatted paths, in the order of the rules. */
  yielded: string[];
}

export interface YieldOptions {
  rules: readonly IgnoreRule[];
  /** Whether an autoscaler targets the object. */
  autoscaled: boolean;
  /** Entries whose fields become ours with the next apply. */
  taken: readonly ManagedFields[];
}

/**
 * What is sent instead of `desired` once the fields that belong to others are taken out: those named by a rule,
 * `replicas` last set through the scale subresource by a controller or targeted by an autoscaler, a placeholder
 * `caBundle`, and the rules of an aggregated ClusterRole. A field that another manager owns is left out; one that
 * only we own is sent as it is live, wanted or not, because leaving it out would remove it; inside a list or map
 * that is owned as a whole, the live value stands in. An object that does not exist yet is sent whole, but for
 * placeholders.
 */
export function yieldFields(
  id: ObjectId,
  desired: KubeObject,
  live: KubeObject | undefined,
  options: YieldOptions,
): Yielded {
  const placeholders = caBundles(desired).filter((path) => !isCertificate(valueAt(desired, path)));
  if (!live) {
    const object = placeholders.reduce((rest, path) => replaceAt(rest, path, undefined)!, desired as Json);
    return { object: object as KubeObject, yielded: placeholders.map(formatPath) };
  }
  const rules = options.rules.filter((candidate) => selects(candidate, id));
  const patterns: Path[] = [...placeholders];
  if (options.autoscaled || scaledByController(live)) patterns.push(REPLICAS);
  if (isAggregated(desired)) patterns.push(['rules']);
  // Nearly all objects are nobody else's business, and finding out who owns what costs as much as the proof.
  if (patterns.length === 0 && rules.length === 0) return { object: desired, yielded: [] };
  const giver = new Giver(desired, live, options.taken);
  for (const pattern of patterns) giver.give(pattern);
  for (const rule of rules) {
    for (const path of rule.paths) giver.give(path);
    if (rule.managers.length > 0) giver.giveOwnedBy(rule.managers);
  }
  return { object: giver.object, yielded: [...giver.yielded] };
}

/** Takes fields out of an object, one after the other, as long as there are any that touch them. */
class Giver {
  object: KubeObject;
  readonly yielded = new Set<string>();
  readonly #desired: KubeObject;
  readonly #live: KubeObject;
  readonly #others: FieldSet;
  /** The part of the live object that only stays if we send it. */
  readonly #ours: Json | undefined;
  readonly #root: Place;

  constructor(desired: KubeObject, live: KubeObject, taken: readonly ManagedFields[]) {
    this.object = desired;
    this.#desired = desired;
    this.#live = live;
    this.#others = othersFields(live, taken);
    const ours = oursOf(desired, live, taken);
    this.#ours = Object.keys(ours).length === 0 ? undefined : project(live, ours);
    this.#root = rootPlace(union(ours, this.#others));
  }

  give(pattern: Path): void {
    const places = [this.#desired, this.#ours].flatMap((value) => expand(value, pattern, this.#root));
    for (const place of places) this.#giveAll(place);
  }

  /** Gives what these managers own and we want otherwise. */
  giveOwnedBy(managers: readonly string[]): void {
    const entries = managedFieldsOf(this.#live).filter(
      (entry) => !isOwn(entry) && managers.includes(entry.manager ?? ''),
    );
    const theirs = union(...entries.map(fieldsOf));
    for (const place of placesOwned(this.#desired, theirs, this.#root)) this.#giveAll(place);
  }

  #giveAll(place: Place): void {
    const name = formatPath(place.path);
    if (this.yielded.has(name)) return;
    const units = unitsBelow(valueAt(this.#desired, place.path), valueAt(this.#ours, place.path), place);
    for (const unit of units) this.#giveUnit(unit);
    this.yielded.add(name);
  }

  #giveUnit({ path, inWhole }: Place): void {
    const parent = { path: path.slice(0, -1), owned: undefined, inWhole };
    if (isNamingKey(parent, String(path.at(-1)))) return;
    const source = inWhole ? this.#live : covers(this.#others, path) ? undefined : this.#ours;
    this.object = replaceAt(this.object, path, valueAt(source, path)) as KubeObject;
  }
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

/** Whether an apply would change the live number of replicas, so that an autoscaler has to be looked for. */
export function scales(desired: KubeObject, live: KubeObject, taken: readonly ManagedFields[]): boolean {
  const wanted = valueAt(desired, REPLICAS);
  const found = valueAt(live, REPLICAS);
  if (wanted !== undefined || found === undefined) return wanted !== found;
  // A number of ours that is no longer wanted goes back to its default.
  return covers(oursOf(desired, live, taken), REPLICAS);
}

function oursOf(desired: KubeObject, live: KubeObject, taken: readonly ManagedFields[]): FieldSet {
  return union(ownFields(live), inheritedFields(live, taken, desired.apiVersion));
}

/** The control plane writes the rules of such a ClusterRole, whatever a manifest says. */
function isAggregated(object: KubeObject): boolean {
  return object.kind === 'ClusterRole' && dig(object, 'aggregationRule') !== undefined;
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
function caBundles(object: KubeObject): PathStep[][] {
  const patterns: PathStep[][] = [
    ['spec', 'caBundle'],
    ['spec', 'conversion', 'webhook', 'clientConfig', 'caBundle'],
  ];
  if (object.kind.endsWith('WebhookConfiguration')) patterns.push(['webhooks', 'clientConfig', 'caBundle']);
  if (!/(WebhookConfiguration|CustomResourceDefinition|APIService)$/.test(object.kind)) return [];
  return patterns.flatMap((pattern) => expand(object, pattern, rootPlace({})).map(({ path }) => path));
}

function isCertificate(value: Json | undefined): boolean {
  return typeof value === 'string' && Buffer.from(value, 'base64').toString('latin1').includes('-----BEGIN');
}
