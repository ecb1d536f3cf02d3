import { isObject, type Json, type JsonObject, setOwn } from '../model/json.ts';
import type { Manifest, Source } from '../model/manifest.ts';
import { isSecret, type KubeObject, type ObjectId, parseApiVersion } from '../model/object.ts';
import type { Problem } from '../model/problem.ts';
import type { TextDocument } from './dialect.ts';
import type { Fault, FieldFault } from './fault.ts';
import { checkMetadata, checkType, typeName } from './identity.ts';
import { DocumentPlaces } from './locate.ts';
import { foldStringData, isEncrypted } from './secret.ts';
import type { SourceText } from './source-text.ts';

/** Where a manifest's own part of a file is, for finding fields in it later. */
export interface Origin {
  text: SourceText;
  start: number;
  end: number;
  /** The way to the object inside a List. */
  path: (string | number)[];
}

export interface Normalized {
  manifests: Manifest[];
  origins: Map<Source, Origin>;
  problems: Problem[];
}

/** Neither apiVersion nor kind: a values file, a package.json, a chart; whatever it is, no Kubernetes object. */
export function isForeign(value: Json): boolean {
  return !isObject(value) || (!Object.hasOwn(value, 'apiVersion') && !Object.hasOwn(value, 'kind'));
}

/**
 * A document as the objects it wants: Lists flattened as kubectl does (also typed ones, whose items may lack
 * apiVersion and kind), what only the server sets removed, a Secret's stringData folded into data.
 */
export function normalizeDocument(document: TextDocument, text: SourceText): Normalized {
  const normalizer = new Normalizer(document, text);
  normalizer.add(document.value, document.offset, []);
  return normalizer.result;
}

/** Of one file: beyond that nobody reads on. */
export const MAX_PROBLEMS = 100;

const SERVER_METADATA = new Set([
  'resourceVersion',
  'uid',
  'managedFields',
  'selfLink',
  'generation',
  'creationTimestamp',
]);

class Normalizer {
  readonly result: Normalized = { manifests: [], origins: new Map(), problems: [] };
  private readonly document: TextDocument;
  private readonly text: SourceText;
  private readonly hasCreationTimestamp: boolean;
  private readonly maybeEncrypted: boolean;
  private places: DocumentPlaces | undefined;

  constructor(document: TextDocument, text: SourceText) {
    this.document = document;
    this.text = text;
    const own = text.text.slice(document.start, document.end);
    this.hasCreationTimestamp = own.includes('creationTimestamp');
    this.maybeEncrypted = own.includes('ENC[') || own.includes('sops');
  }

  add(value: Json, offset: number, path: (string | number)[]): void {
    if (!isObject(value)) {
      const message = `this is ${typeName(value)}, not a Kubernetes object`;
      this.report({ code: 'NotAnObject', message, offset });
      return;
    }
    const type = checkType(value);
    if ('faults' in type) this.reportFields(type.faults, offset, path);
    else if (isList(value, type.kind)) this.addItems(value, type.apiVersion, type.kind, path);
    else this.addObject(value, parseApiVersion(type.apiVersion), type.kind, offset, path);
  }

  private addItems(list: JsonObject, apiVersion: string, kind: string, path: (string | number)[]): void {
    const items = Array.isArray(list.items) ? list.items : [];
    const itemKind = kind.slice(0, -'List'.length);
    for (const [index, item] of items.entries()) {
      if (this.result.problems.length >= MAX_PROBLEMS) return;
      const bare = itemKind !== '' && isForeign(item) && isObject(item);
      const offset = (isObject(item) ? this.document.items.get(item) : undefined) ?? this.document.offset;
      this.add(bare ? { apiVersion, kind: itemKind, ...item } : item, offset, [...path, 'items', index]);
    }
  }

  private addObject(
    value: JsonObject,
    type: { group: string; version: string },
    kind: string,
    offset: number,
    path: (string | number)[],
  ): void {
    if (type.group === 'kustomize.config.k8s.io') {
      const message = `a ${kind} is a recipe for kustomize, not an object for the API server`;
      this.report({ code: 'Kustomization', message, offset, hint: 'name its directory with -k' });
      return;
    }
    if (this.maybeEncrypted && isEncrypted(value)) {
      const message = `${kind} is encrypted by SOPS and cannot be applied as it is`;
      const hint =
        'decrypt it first and pass the result on standard input: sops -d FILE | kubectl gitlab-agent … -f -';
      this.report({ code: 'Encrypted', message, offset, hint });
      return;
    }
    const checked = checkMetadata(value, kind);
    if ('faults' in checked) {
      this.reportFields(checked.faults, offset, path);
      return;
    }
    const { metadata } = checked;
    const id: ObjectId = { ...type, kind, name: metadata.name };
    if (typeof metadata.namespace === 'string' && metadata.namespace !== '')
      id.namespace = metadata.namespace;
    let object: JsonObject = {};
    for (const key of Object.keys(value)) {
      if (key !== 'status')
        setOwn(object, key, key === 'metadata' ? withoutServerFields(metadata) : value[key]!);
    }
    if (this.hasCreationTimestamp) object = dropNullTimestamps(object) as JsonObject;
    if (isSecret(id) && object.stringData !== undefined) {
      const folded = foldStringData(object);
      if ('faults' in folded) {
        this.reportFields(folded.faults, offset, path);
        return;
      }
      object = folded.object;
    }
    const source: Source = { file: this.text.file, ...this.text.place(offset) };
    this.result.manifests.push({ id, object: object as KubeObject, source });
    this.result.origins.set(source, {
      text: this.text,
      start: this.document.start,
      end: this.document.end,
      path,
    });
  }

  private report(fault: Fault): void {
    this.result.problems.push(this.text.problem(fault));
  }

  /** The place of each field is looked up now: most documents have nothing to report. */
  private reportFields(faults: FieldFault[], offset: number, path: (string | number)[]): void {
    const { start, end } = this.document;
    for (const { field, ...fault } of faults) {
      if (field.length > 0) this.places ??= new DocumentPlaces(this.text.text.slice(start, end));
      const place = field.length > 0 ? this.places?.find([...path, ...field]) : undefined;
      this.report({ ...fault, offset: place ? start + place.offset : offset });
    }
  }
}

function isList(value: JsonObject, kind: string): boolean {
  if (!kind.endsWith('List')) return false;
  if (Array.isArray(value.items)) return true;
  return (
    (value.items === null || value.items === undefined) && (kind === 'List' || Object.hasOwn(value, 'items'))
  );
}

function withoutServerFields(metadata: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const key of Object.keys(metadata)) if (!SERVER_METADATA.has(key)) setOwn(result, key, metadata[key]!);
  return result;
}

/** Drops `creationTimestamp: null` from every `metadata`: Go's encoder writes it into each Pod template. */
function dropNullTimestamps(value: Json, isMetadata = false): Json {
  if (Array.isArray(value)) return value.map((item) => dropNullTimestamps(item));
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value)) {
    if (isMetadata && key === 'creationTimestamp' && value[key] === null) continue;
    setOwn(result, key, dropNullTimestamps(value[key]!, key === 'metadata'));
  }
  return result;
}
