import { isObject, type Json, type JsonObject } from '../model/json.ts';
import type { Manifest, Source } from '../model/manifest.ts';
import { isSecret, type KubeObject, type ObjectId, parseApiVersion } from '../model/object.ts';
import type { Problem } from '../model/problem.ts';
import type { TextDocument } from './dialect.ts';
import type { Fault } from './fault.ts';
import { findPlace } from './locate.ts';
import { foldStringData, isEncrypted } from './secret.ts';
import type { SourceText } from './source-text.ts';
import { setOwn } from './yaml-builder.ts';

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

const SERVER_METADATA = new Set(['resourceVersion', 'uid', 'managedFields', 'selfLink', 'generation', 'creationTimestamp']);

class Normalizer {
  readonly result: Normalized = { manifests: [], origins: new Map(), problems: [] };
  private readonly document: TextDocument;
  private readonly text: SourceText;
  private readonly hasCreationTimestamp: boolean;
  private readonly maybeEncrypted: boolean;

  constructor(document: TextDocument, text: SourceText) {
    this.document = document;
    this.text = text;
    const own = text.text.slice(document.start, document.end);
    this.hasCreationTimestamp = own.includes('creationTimestamp');
    this.maybeEncrypted = own.includes('ENC[') || own.includes('sops');
  }

  add(value: Json, offset: number, path: (string | number)[]): void {
    if (!isObject(value)) {
      this.report({ code: 'NotAnObject', message: `this is ${typeName(value)}, not a Kubernetes object`, offset });
      return;
    }
    const { apiVersion, kind } = value;
    const before = this.result.problems.length;
    this.requireText(value, 'apiVersion', offset, path, 'such as "v1" or "apps/v1"');
    this.requireText(value, 'kind', offset, path, 'such as "ConfigMap"');
    if (this.result.problems.length > before || typeof apiVersion !== 'string' || typeof kind !== 'string') return;
    if (apiVersion.split('/').length > 2) {
      this.reportAt(path, ['apiVersion'], offset, 'BadApiVersion', 'apiVersion has more than one "/"', 'it is GROUP/VERSION');
    } else if (isList(value, kind)) this.addItems(value, apiVersion, kind, path);
    else this.addObject(value, parseApiVersion(apiVersion), kind, offset, path);
  }

  private addItems(list: JsonObject, apiVersion: string, kind: string, path: (string | number)[]): void {
    const items = Array.isArray(list.items) ? list.items : [];
    const itemKind = kind.slice(0, -'List'.length);
    items.forEach((item, index) => {
      const bare = itemKind !== '' && isForeign(item) && isObject(item);
      const offset = (isObject(item) ? this.document.items.get(item) : undefined) ?? this.document.offset;
      this.add(bare ? { apiVersion, kind: itemKind, ...item } : item, offset, [...path, 'items', index]);
    });
  }

  private addObject(value: JsonObject, type: { group: string; version: string }, kind: string, offset: number, path: (string | number)[]): void {
    if (type.group === 'kustomize.config.k8s.io') {
      const message = `a ${kind} is a recipe for kustomize, not an object for the API server`;
      this.report({ code: 'Kustomization', message, offset, hint: 'name its directory with -k' });
      return;
    }
    if (this.maybeEncrypted && isEncrypted(value)) {
      const message = `${kind} is encrypted by SOPS and cannot be applied as it is`;
      const hint = 'decrypt it first and pass the result on standard input: sops -d FILE | kubectl gitlab-agent … -f -';
      this.report({ code: 'Encrypted', message, offset, hint });
      return;
    }
    const metadata = this.checkMetadata(value, kind, offset, path);
    if (!metadata) return;
    const id: ObjectId = { ...type, kind, name: metadata.name };
    if (typeof metadata.namespace === 'string' && metadata.namespace !== '') id.namespace = metadata.namespace;
    let object: JsonObject = {};
    for (const key of Object.keys(value)) {
      if (key !== 'status') setOwn(object, key, key === 'metadata' ? withoutServerFields(metadata) : value[key]!);
    }
    if (this.hasCreationTimestamp) object = dropNullTimestamps(object) as JsonObject;
    if (isSecret(id) && object.stringData !== undefined) {
      const folded = foldStringData(object);
      if ('faults' in folded) {
        for (const fault of folded.faults) this.reportAt(path, fault.path, offset, 'BadStringData', fault.message, fault.hint);
        return;
      }
      object = folded.object;
    }
    const source: Source = { file: this.text.file, ...this.text.place(offset) };
    this.result.manifests.push({ id, object: object as KubeObject, source });
    this.result.origins.set(source, { text: this.text, start: this.document.start, end: this.document.end, path });
  }

  /** The object's metadata once its name, namespace, labels and annotations are what they have to be. */
  private checkMetadata(value: JsonObject, kind: string, offset: number, path: (string | number)[]): (JsonObject & { name: string }) | undefined {
    const { metadata } = value;
    if (metadata === undefined || metadata === null) {
      this.report({ code: 'MissingField', message: `${kind} has no metadata.name`, offset });
      return undefined;
    }
    if (!isObject(metadata)) {
      this.reportAt(path, ['metadata'], offset, 'WrongType', `metadata has to be a map, not ${typeName(metadata)}`);
      return undefined;
    }
    const before = this.result.problems.length;
    this.checkName(metadata, kind, offset, path);
    for (const field of ['labels', 'annotations']) this.checkTexts(metadata[field], ['metadata', field], offset, path);
    return this.result.problems.length > before ? undefined : (metadata as JsonObject & { name: string });
  }

  private checkName(metadata: JsonObject, kind: string, offset: number, path: (string | number)[]): void {
    for (const field of ['name', 'namespace'] as const) {
      const text = metadata[field];
      const at = ['metadata', field];
      if (text === undefined || text === null || text === '') {
        if (field === 'namespace') continue;
        if (metadata.generateName !== undefined) {
          const message = `${kind} has only a generateName: the server would invent another name, and so another object, every time`;
          this.reportAt(path, ['metadata', 'generateName'], offset, 'GenerateName', message, 'give it a metadata.name');
        } else this.reportAt(path, ['metadata'], offset, 'MissingField', `${kind} has no metadata.name`);
      } else if (typeof text !== 'string') {
        this.reportAt(path, at, offset, 'WrongType', `metadata.${field} has to be a string, not ${typeName(text)}`, quoteHint(text));
      } else if (text === '.' || text === '..' || /[/%]/.test(text)) {
        this.reportAt(path, at, offset, 'BadName', `metadata.${field} cannot be "." or ".." or hold "/" or "%"`);
      }
    }
  }

  private checkTexts(map: Json | undefined, at: string[], offset: number, path: (string | number)[]): void {
    if (map === undefined || map === null) return;
    if (!isObject(map)) {
      this.reportAt(path, at, offset, 'WrongType', `${at.join('.')} has to be a map, not ${typeName(map)}`);
      return;
    }
    for (const [key, text] of Object.entries(map)) {
      if (typeof text === 'string' || text === null) continue;
      const message = `${at.join('.')} has to hold strings, but ${JSON.stringify(key)} is ${typeName(text)}`;
      this.reportAt(path, [...at, key], offset, 'WrongType', message, quoteHint(text));
    }
  }

  private requireText(value: JsonObject, field: string, offset: number, path: (string | number)[], example: string): void {
    const text = value[field];
    if (text === undefined || text === null || text === '') {
      this.report({ code: 'MissingField', message: `the object has no ${field}`, offset, hint: `every object needs one, ${example}` });
    } else if (typeof text !== 'string') {
      this.reportAt(path, [field], offset, 'WrongType', `${field} has to be a string, not ${typeName(text)}`, quoteHint(text));
    }
  }

  private report(fault: Fault): void {
    this.result.problems.push(this.text.problem(fault));
  }

  private reportAt(path: (string | number)[], field: (string | number)[], offset: number, code: string, message: string, hint?: string): void {
    const { start, end } = this.document;
    const place = findPlace(this.text.text.slice(start, end), [...path, ...field]);
    this.report({ code, message, offset: place ? start + place.offset : offset, ...(hint ? { hint } : {}) });
  }
}

function isList(value: JsonObject, kind: string): boolean {
  if (!kind.endsWith('List')) return false;
  if (Array.isArray(value.items)) return true;
  return (value.items === null || value.items === undefined) && (kind === 'List' || Object.hasOwn(value, 'items'));
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

function quoteHint(value: Json): string | undefined {
  return typeof value === 'object' ? undefined : 'put the value in quotes: without them YAML makes it something else than text';
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'bigint') return 'a number';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}
