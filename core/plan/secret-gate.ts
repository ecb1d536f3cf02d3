import { deepEqual, isObject, type Json, type JsonObject } from '../model/json.ts';
import { isSecret, type ObjectId } from '../model/object.ts';
import { hasKeys, type PathStep } from '../model/path.ts';
import type { FieldChange } from '../model/plan.ts';
import { diffFields, type FieldDifference } from './field-diff.ts';
import { type FieldSet, setOwn } from './field-set.ts';

/** Values that the user calls secret, in objects of any kind: `--secret-path ConfigMap:data.token`. */
export interface SecretPath {
  /** '' stands for the core group. */
  group: string;
  kind: string;
  path: PathStep[];
}

/** Two views of one object that may be printed, and the fields in which they differ. */
export interface SafeViews {
  before?: Json;
  after?: Json;
  fields: FieldChange[];
  differences: FieldDifference[];
}

export const CHANGED = '(changed)';
export const UNCHANGED = '(unchanged)';
const CHANGED_BEFORE = '(changed, before)';
const CHANGED_AFTER = '(changed, after)';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const OF_SECRETS: PathStep[][] = [['data'], ['stringData']];

/**
 * The one way out for values of objects: what passes here holds no value of a Secret or of a path that the user
 * named, only marks that say whether it changed. Marks carry neither length nor hash. The dry run itself uses
 * the real values; nothing else may print an object.
 */
export class SecretGate {
  readonly #paths: readonly SecretPath[];

  constructor(paths: readonly SecretPath[] = []) {
    this.#paths = paths;
  }

  /** Whether any value of this kind is hidden. */
  hides(id: Pick<ObjectId, 'group' | 'kind'>): boolean {
    return this.#pathsOf(id).length > 0;
  }

  #pathsOf(id: Pick<ObjectId, 'group' | 'kind'>): PathStep[][] {
    const named = this.#paths.filter((path) => path.group === id.group && path.kind === id.kind);
    return [...(isSecret(id) ? OF_SECRETS : []), ...named.map((path) => path.path)];
  }

  /** Both views with their secret values marked, and their differences under `fields` (how lists are matched). */
  views(id: ObjectId, before: Json | undefined, after: Json | undefined, fields: FieldSet): SafeViews {
    let pair = { before: withoutLastApplied(before), after: withoutLastApplied(after) };
    const paths = this.#pathsOf(id);
    for (const path of paths) pair = maskAt(pair.before, pair.after, path);
    const differences = diffFields(pair.before, pair.after, fields);
    return {
      ...pair,
      differences,
      fields: differences.map((difference) => reported(difference, paths.length > 0)),
    };
  }

  /** Every value below the hidden paths of `object`, to search an error message for. */
  values(id: ObjectId, object: Json): string[] {
    const found = new Set<string>();
    for (const path of this.#pathsOf(id)) for (const leaf of leavesAt(object, path)) found.add(leaf);
    return [...found].sort((a, b) => b.length - a.length);
  }
}

function reported({ path, before, after }: FieldDifference, hides: boolean): FieldChange {
  const change: FieldChange = { path };
  if (before !== undefined) change.before = hides ? plainMarks(before) : before;
  if (after !== undefined) change.after = hides ? plainMarks(after) : after;
  return change;
}

/** In reports for programs one mark is enough: which side it stands on is said by the field's name. */
function plainMarks(value: Json): Json {
  if (value === CHANGED_BEFORE || value === CHANGED_AFTER) return CHANGED;
  if (Array.isArray(value)) return value.map(plainMarks);
  return isObject(value) ? mapValues(value, plainMarks) : value;
}

interface Pair {
  before: Json | undefined;
  after: Json | undefined;
}

function maskAt(before: Json | undefined, after: Json | undefined, path: readonly PathStep[]): Pair {
  const [step, ...rest] = path;
  if (step === undefined) return maskLeaves(before, after);
  if (typeof step === 'string' && (Array.isArray(before) || Array.isArray(after))) {
    return maskItems(before, after, () => true, path);
  }
  if (typeof step === 'object') return maskItems(before, after, (item) => isAt(item, step), rest);
  if (typeof step === 'number') return maskItems(before, after, (_item, index) => index === step, rest);
  const result: Pair = { before, after };
  const [left, right] = [childOf(before, step), childOf(after, step)];
  if (left === undefined && right === undefined) return result;
  const masked = maskAt(left, right, rest);
  if (left !== undefined) result.before = withChild(before as JsonObject, step, masked.before!);
  if (right !== undefined) result.after = withChild(after as JsonObject, step, masked.after!);
  return result;
}

/** Items are paired by position: whether one moved is not worth telling where its value is hidden. */
function maskItems(
  before: Json | undefined,
  after: Json | undefined,
  selected: (item: Json, index: number) => boolean,
  path: readonly PathStep[],
): Pair {
  const side = (
    mine: Json | undefined,
    other: Json | undefined,
    pick: (pair: Pair) => Json | undefined,
    first: boolean,
  ) =>
    Array.isArray(mine)
      ? mine.map((item, index) => {
          if (!selected(item, index)) return item;
          const partner = Array.isArray(other) ? other[index] : undefined;
          return pick(first ? maskAt(item, partner, path) : maskAt(partner, item, path))!;
        })
      : mine;
  return {
    before: side(before, after, (pair) => pair.before, true),
    after: side(after, before, (pair) => pair.after, false),
  };
}

function maskLeaves(before: Json | undefined, after: Json | undefined): Pair {
  if (mapOrAbsent(before) && mapOrAbsent(after) && (before ?? after) !== undefined) {
    const result: Pair = { before: before && {}, after: after && {} };
    for (const key of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
      const masked = maskLeaves(childOf(before, key), childOf(after, key));
      if (masked.before !== undefined) setOwn(result.before as JsonObject, key, masked.before);
      if (masked.after !== undefined) setOwn(result.after as JsonObject, key, masked.after);
    }
    return result;
  }
  if (before === undefined) return { before, after: after === undefined ? undefined : CHANGED };
  if (after === undefined) return { before: CHANGED, after };
  return deepEqual(before, after)
    ? { before: UNCHANGED, after: UNCHANGED }
    : { before: CHANGED_BEFORE, after: CHANGED_AFTER };
}

/** The annotation repeats the whole object, so it would repeat its secrets; no reader misses it. */
function withoutLastApplied(view: Json | undefined): Json | undefined {
  const annotations = childOf(childOf(view, 'metadata'), 'annotations');
  if (!isObject(annotations) || !Object.hasOwn(annotations as JsonObject, LAST_APPLIED)) return view;
  const { [LAST_APPLIED]: _dropped, ...others } = annotations as JsonObject;
  const { annotations: _annotations, ...metadata } = (view as JsonObject).metadata as JsonObject;
  const kept: JsonObject = Object.keys(others).length > 0 ? { ...metadata, annotations: others } : metadata;
  return { ...(view as JsonObject), metadata: kept };
}

function leavesAt(value: Json | undefined, path: readonly PathStep[]): string[] {
  if (value === undefined || value === null) return [];
  const [step, ...rest] = path;
  if (step === undefined) {
    if (typeof value === 'object') return Object.values(value).flatMap((item) => leavesAt(item, []));
    return [String(value), Buffer.from(String(value), 'base64').toString('utf8')];
  }
  if (Array.isArray(value))
    return value.flatMap((item) => leavesAt(item, typeof step === 'string' ? path : rest));
  return typeof step === 'string' ? leavesAt(childOf(value, step), rest) : [];
}

function mapOrAbsent(value: Json | undefined): value is JsonObject | undefined {
  return value === undefined || isObject(value);
}

function isAt(item: Json, step: Exclude<PathStep, string | number>): boolean {
  return 'keys' in step ? hasKeys(item, step.keys) : deepEqual(item, step.value);
}

function childOf(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function withChild(object: JsonObject, key: string, value: Json): JsonObject {
  const copy = { ...object };
  setOwn(copy, key, value);
  return copy;
}

function mapValues(object: JsonObject, map: (value: Json) => Json): JsonObject {
  const result: JsonObject = {};
  for (const key of Object.keys(object)) setOwn(result, key, map(object[key]!));
  return result;
}
