import { deepEqual, dig, isObject, type Json, type JsonObject, setOwn } from '../model/json.ts';
import { type ObjectId, objectKey } from '../model/object.ts';
import { formatPath, hasKeys, type Path, type PathStep } from '../model/path.ts';
import type { FieldChange } from '../model/plan.ts';
import type { Digest } from './digest.ts';
import { diffFields, type FieldDifference } from './field-diff.ts';
import { EMPTY, type FieldSet, keyedEdges, matches } from './field-set.ts';

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
const SECRET = { group: '', kind: 'Secret' };
/** All else that a Secret has is hidden: under `stringdata` too somebody wrote a password. */
const SHOWN_OF_SECRETS = new Set(['apiVersion', 'kind', 'metadata', 'type', 'immutable']);
/** A line of a longer value is searched for as well, where it is no mere word. */
const SHORTEST_LINE = 8;

/**
 * The one way out for values of objects: what passes here holds no value of a Secret or of a path that the user
 * named, only marks that say whether it changed. Marks carry neither length nor hash. The dry run itself uses
 * the real values; nothing else may print an object.
 */
export class SecretGate {
  readonly #paths: readonly SecretPath[];
  readonly #digest: Digest | undefined;

  constructor(paths: readonly SecretPath[] = [], digest?: Digest) {
    this.#paths = paths;
    this.#digest = digest;
  }

  /**
   * A gate that hides the same values behind digests in place of marks: they say of each value whether it is still
   * the same, to nobody without the key. The same value at another place has another digest.
   */
  withDigests(digest: Digest): SecretGate {
    return new SecretGate(this.#paths, digest);
  }

  #markOf(id: ObjectId): Mark {
    const digest = this.#digest;
    if (!digest) return markPair;
    const hide = (at: Path, value: Json | undefined): Json | undefined =>
      value === undefined
        ? undefined
        : `(secret, ${digest('value', [objectKey(id), formatPath(at), value])})`;
    return ({ before, after }, at) => ({ before: hide(at, before), after: hide(at, after) });
  }

  /** Whether any value of this kind is hidden. */
  hides(id: Pick<ObjectId, 'group' | 'kind'>): boolean {
    return isKind(SECRET, id) || this.#paths.some((path) => isKind(path, id));
  }

  #pathsOf(id: Pick<ObjectId, 'group' | 'kind'>, ...objects: (Json | undefined)[]): (readonly PathStep[])[] {
    const paths: (readonly PathStep[])[] = this.#paths
      .filter((path) => isKind(path, id))
      .map(({ path }) => path);
    if (!isKind(SECRET, id)) return paths;
    const keys = new Set(objects.filter(isObject).flatMap((object) => Object.keys(object)));
    return [...paths, ...[...keys].filter((key) => !SHOWN_OF_SECRETS.has(key)).map((key) => [key])];
  }

  /** Both views with their secret values marked, and their differences under `fields` (how lists are matched). */
  views(id: ObjectId, before: Json | undefined, after: Json | undefined, fields: FieldSet): SafeViews {
    let pair = { before: withoutLastApplied(before), after: withoutLastApplied(after) };
    const paths = this.#pathsOf(id, before, after);
    const mark = this.#markOf(id);
    for (const path of paths) pair = maskAt(pair, path, fields, mark, []);
    const differences = diffFields(pair.before, pair.after, fields);
    return {
      ...pair,
      differences,
      fields: differences.map((difference) => reported(difference, paths.length > 0)),
    };
  }

  /** Every value below the hidden paths of `object` as a message may quote it: as it is, decoded, escaped, by line. */
  values(id: ObjectId, object: Json): string[] {
    return this.#pathsOf(id, object).flatMap((path) => leavesAt(object, path).flatMap(spellings));
  }
}

/** A kind that is spelt wrong is no kind, but its values are as secret as they were meant to be. */
function isKind(meant: Pick<ObjectId, 'group' | 'kind'>, id: Pick<ObjectId, 'group' | 'kind'>): boolean {
  return meant.group === id.group && meant.kind.toLowerCase() === id.kind.toLowerCase();
}

function spellings(value: string): string[] {
  const decoded = Buffer.from(value, 'base64').toString('utf8');
  return [value, decoded].flatMap((text) => {
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    return [text, JSON.stringify(text).slice(1, -1), ...lines.filter((line) => line.length >= SHORTEST_LINE)];
  });
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

/** What stands for a hidden value before and after; `at` is its place. */
type Mark = (pair: Pair, at: Path) => Pair;

function maskAt(
  { before, after }: Pair,
  path: readonly PathStep[],
  fields: FieldSet,
  mark: Mark,
  at: Path,
): Pair {
  const [step, ...rest] = path;
  if (step === undefined) return maskLeaves({ before, after }, mark, at);
  const isList = Array.isArray(before) || Array.isArray(after);
  const items = (selected: Selector, below: readonly PathStep[]): Pair =>
    maskItems({ before, after }, selected, below, fields, mark, at);
  if (typeof step === 'string' && isList) return items(() => true, path);
  if (typeof step === 'object') return items((item) => isAt(item, step), rest);
  if (typeof step === 'number' && isList) return items((_item, index) => index === step, rest);
  const result: Pair = { before, after };
  const key = String(step);
  const [left, right] = [dig(before, key), dig(after, key)];
  if (left === undefined && right === undefined) return result;
  const pair = { before: left, after: right };
  const masked = maskAt(pair, rest, fields[`f:${key}`] ?? EMPTY, mark, [...at, key]);
  if (left !== undefined) result.before = withChild(before as JsonObject, key, masked.before!);
  if (right !== undefined) result.after = withChild(after as JsonObject, key, masked.after!);
  return result;
}

type Selector = (item: Json, index: number) => boolean;

/** Items are paired as the diff pairs them: by the keys that `fields` has, else by position. */
function maskItems(
  { before, after }: Pair,
  selected: Selector,
  path: readonly PathStep[],
  fields: FieldSet,
  mark: Mark,
  at: Path,
): Pair {
  const edges = keyedEdges(fields);
  const side = (mine: Json | undefined, others: Json | undefined, which: keyof Pair): Json | undefined => {
    if (!Array.isArray(mine)) return mine;
    const list = Array.isArray(others) ? others : [];
    return mine.map((item, index) => {
      if (!selected(item, index)) return item;
      const keyed = isObject(item) ? edges.find(({ keys }) => matches(item, keys)) : undefined;
      const partner = keyed
        ? list.find((other) => isObject(other) && matches(other, keyed.keys))
        : list[index];
      const below = keyed ? fields[keyed.edge]! : EMPTY;
      const pair = which === 'before' ? { before: item, after: partner } : { before: partner, after: item };
      return maskAt(pair, path, below, mark, [...at, keyed ? { keys: keyed.keys } : index])[which]!;
    });
  };
  return { before: side(before, after, 'before'), after: side(after, before, 'after') };
}

function maskLeaves({ before, after }: Pair, mark: Mark, at: Path): Pair {
  if (mapOrAbsent(before) && mapOrAbsent(after) && (before ?? after) !== undefined) {
    const result: Pair = { before: before && {}, after: after && {} };
    for (const key of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
      const pair = { before: dig(before, key), after: dig(after, key) };
      const masked = maskLeaves(pair, mark, [...at, key]);
      if (masked.before !== undefined) setOwn(result.before as JsonObject, key, masked.before);
      if (masked.after !== undefined) setOwn(result.after as JsonObject, key, masked.after);
    }
    return result;
  }
  return mark({ before, after }, at);
}

function markPair({ before, after }: Pair): Pair {
  if (before === undefined) return { before, after: after === undefined ? undefined : CHANGED };
  if (after === undefined) return { before: CHANGED, after };
  return deepEqual(before, after)
    ? { before: UNCHANGED, after: UNCHANGED }
    : { before: CHANGED_BEFORE, after: CHANGED_AFTER };
}

/**
 * The annotation repeats the whole object, so it would repeat its secrets; no reader misses it. A map that holds
 * nothing else goes with it, on either side: only one of them may have had the annotation.
 */
function withoutLastApplied(view: Json | undefined): Json | undefined {
  const annotations = dig(view, 'metadata', 'annotations');
  if (!isObject(annotations)) return view;
  const { [LAST_APPLIED]: dropped, ...others } = annotations as JsonObject;
  const isEmpty = Object.keys(others).length === 0;
  if (dropped === undefined && !isEmpty) return view;
  const { annotations: _annotations, ...metadata } = (view as JsonObject).metadata as JsonObject;
  const kept: JsonObject = isEmpty ? metadata : { ...metadata, annotations: others };
  return { ...(view as JsonObject), metadata: kept };
}

function leavesAt(value: Json | undefined, path: readonly PathStep[]): string[] {
  if (value === undefined || value === null) return [];
  const [step, ...rest] = path;
  if (step === undefined) {
    if (typeof value === 'object') return Object.values(value).flatMap((item) => leavesAt(item, []));
    return [String(value)];
  }
  if (Array.isArray(value))
    return value.flatMap((item) => leavesAt(item, typeof step === 'string' ? path : rest));
  return typeof step === 'object' ? [] : leavesAt(dig(value, String(step)), rest);
}

function mapOrAbsent(value: Json | undefined): value is JsonObject | undefined {
  return value === undefined || isObject(value);
}

function isAt(item: Json, step: Exclude<PathStep, string | number>): boolean {
  return 'keys' in step ? hasKeys(item, step.keys) : deepEqual(item, step.value);
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
