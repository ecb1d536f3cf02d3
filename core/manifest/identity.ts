import { isObject, type Json, type JsonObject } from '../model/json.ts';
import type { FieldFault } from './fault.ts';

/*
 * What names an object: apiVersion, kind, metadata.name and namespace; and labels and annotations, whose values YAML
 * so easily makes something else than the strings that they have to be.
 */

/** An object's apiVersion and kind, or what is wrong with them. */
export function checkType(
  value: JsonObject,
): { apiVersion: string; kind: string } | { faults: FieldFault[] } {
  const { apiVersion, kind } = value;
  const faults = [
    ...requireText(apiVersion, 'apiVersion', 'such as "v1" or "apps/v1"'),
    ...requireText(kind, 'kind', 'such as "ConfigMap"'),
  ];
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) {
    const message = 'apiVersion has more than one "/"';
    faults.push({ code: 'BadApiVersion', message, field: ['apiVersion'], hint: 'it is GROUP/VERSION' });
  }
  if (typeof kind === 'string' && /[^A-Za-z0-9.-]/.test(kind)) {
    faults.push({
      code: 'BadKind',
      message: 'kind has to be one word of letters and digits',
      field: ['kind'],
    });
  }
  return faults.length > 0 ? { faults } : { apiVersion: apiVersion as string, kind: kind as string };
}

/** An object's metadata once it has a usable name, or what is wrong with it. */
export function checkMetadata(
  value: JsonObject,
  kind: string,
): { metadata: JsonObject & { name: string } } | { faults: FieldFault[] } {
  const { metadata } = value;
  if (metadata === undefined || metadata === null) return { faults: [missingName(kind, [])] };
  if (!isObject(metadata)) {
    const message = `metadata has to be a map, not ${typeName(metadata)}`;
    return { faults: [{ code: 'WrongType', message, field: ['metadata'] }] };
  }
  const faults = [
    ...checkName(metadata, kind),
    ...checkPathSegment(metadata, 'namespace'),
    ...checkTexts(metadata, 'labels'),
    ...checkTexts(metadata, 'annotations'),
  ];
  return faults.length > 0 ? { faults } : { metadata: metadata as JsonObject & { name: string } };
}

export function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'bigint') return 'a number';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

function requireText(text: Json | undefined, field: string, example: string): FieldFault[] {
  if (text === undefined || text === null || text === '') {
    const hint = `every object needs one, ${example}`;
    return [{ code: 'MissingField', message: `the object has no ${field}`, field: [], hint }];
  }
  return typeof text === 'string' ? [] : [notText(text, field, [field])];
}

function checkName(metadata: JsonObject, kind: string): FieldFault[] {
  const { name, generateName } = metadata;
  if (name !== undefined && name !== null && name !== '') return checkPathSegment(metadata, 'name');
  if (generateName === undefined) return [missingName(kind, ['metadata'])];
  const message = `${kind} has only a generateName: the server would invent another name, and so another object, every time`;
  const field = ['metadata', 'generateName'];
  return [{ code: 'GenerateName', message, field, hint: 'give it a metadata.name' }];
}

/** Names are parts of URLs: what kubectl refuses there (`IsValidPathSegmentName`) is refused here. */
function checkPathSegment(metadata: JsonObject, name: string): FieldFault[] {
  const text = metadata[name];
  const field = ['metadata', name];
  if (text === undefined || text === null) return [];
  if (typeof text !== 'string') return [notText(text, field.join('.'), field)];
  if (text !== '.' && text !== '..' && !/[/%]/.test(text)) return [];
  return [{ code: 'BadName', message: `metadata.${name} cannot be "." or ".." or hold "/" or "%"`, field }];
}

function checkTexts(metadata: JsonObject, name: string): FieldFault[] {
  const map = metadata[name];
  const field = ['metadata', name];
  if (map === undefined || map === null) return [];
  if (!isObject(map)) {
    const message = `${field.join('.')} has to be a map, not ${typeName(map)}`;
    return [{ code: 'WrongType', message, field }];
  }
  return Object.entries(map)
    .filter(([, text]) => typeof text !== 'string' && text !== null)
    .map(([key, text]) => notText(text, `${field.join('.')}[${JSON.stringify(key)}]`, [...field, key]));
}

function missingName(kind: string, field: string[]): FieldFault {
  return { code: 'MissingField', message: `${kind} has no metadata.name`, field };
}

function notText(value: Json, name: string, field: string[]): FieldFault {
  const fault = { code: 'WrongType', message: `${name} has to be a string, not ${typeName(value)}`, field };
  if (typeof value === 'object') return fault;
  return { ...fault, hint: 'put the value in quotes: without them YAML makes it something else than text' };
}
