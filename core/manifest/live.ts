import { isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import type { Problem } from '../model/problem.ts';
import { parseText } from './dialect.ts';
import { SourceText } from './source-text.ts';
import { decodeText } from './text.ts';

/** Live objects as they were printed, and what could not be read of them. */
export interface LiveObjects {
  objects: KubeObject[];
  problems: Problem[];
}

/**
 * Reads objects as `kubectl get -o yaml|json` prints them: with their status and all else that only the server sets.
 * Lists are flattened; the items of typed ones (`PodList`, as the API itself answers) may lack apiVersion and kind.
 * `file` is the name for problems.
 */
export function readLiveObjects(bytes: Buffer, file: string): LiveObjects {
  const { text, fault } = decodeText(bytes);
  const source = new SourceText(file, text);
  if (fault) return { objects: [], problems: [source.problem(fault)] };
  const { documents, faults } = parseText(text);
  const objects: KubeObject[] = [];
  const problems = faults.map((each) => source.problem(each));
  for (const { value, offset, items } of documents) {
    for (const candidate of flatten(value)) {
      if (isLive(candidate)) objects.push(candidate);
      else {
        const place = isObject(candidate) ? (items.get(candidate) ?? offset) : offset;
        const message = 'this is no Kubernetes object: it needs apiVersion, kind and metadata';
        problems.push(source.problem({ code: 'NotAnObject', message, offset: place }));
      }
    }
  }
  return { objects, problems };
}

function flatten(value: unknown): unknown[] {
  if (!isObject(value) || typeof value.kind !== 'string' || !value.kind.endsWith('List')) return [value];
  const { apiVersion, kind, items } = value;
  if (items === null && typeof apiVersion === 'string') return [];
  if (!Array.isArray(items)) return [value];
  const itemKind = kind.slice(0, -'List'.length);
  return items.flatMap((item) => {
    if (!isObject(item) || itemKind === '' || item.kind !== undefined) return flatten(item);
    return [Object.assign(item, { apiVersion, kind: itemKind } as JsonObject)];
  });
}

function isLive(value: unknown): value is KubeObject {
  if (!isObject(value)) return false;
  return isText(value.apiVersion) && isText(value.kind) && isObject(value.metadata);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
