import { deepEqual, isObject, type Json, type JsonObject } from '../model/json.ts';
import { formatPath, type PathStep } from '../model/path.ts';

/** One way in which an object breaks its schema. Holds no value of the object. */
export interface Violation {
  path: PathStep[];
  message: string;
}

/**
 * Checks a custom resource against the structural `openAPIV3Schema` of its CRD, as the API server would once the
 * CRD is there: unknown fields (strict field validation), types, required fields and the value rules of OpenAPI
 * v3. CEL rules (`x-kubernetes-validations`) are not run; defaults count as present.
 */
export function validateSchema(object: JsonObject, schema: Json | undefined): Violation[] {
  if (!isObject(schema)) return [];
  const violations: Violation[] = [];
  // apiVersion, kind and metadata are the API server's own; a CRD's schema may leave them out.
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = object;
  const {
    apiVersion: _a,
    kind: _k,
    metadata: _m,
    ...properties
  } = ((schema as JsonObject).properties ?? {}) as JsonObject;
  check(rest, { ...(schema as JsonObject), properties }, [], violations);
  return violations;
}

export function formatViolations(violations: readonly Violation[]): string {
  return violations.map(({ path, message }) => `${formatPath(path)}: ${message}`).join('; ');
}

function check(value: Json, schema: JsonObject, path: PathStep[], out: Violation[]): void {
  if (value === null) {
    if (schema.nullable !== true && schema.default === undefined)
      out.push({ path, message: 'must not be null' });
    return;
  }
  const type = wrongType(value, schema);
  if (type) {
    out.push({ path, message: type });
    return;
  }
  checkValue(value, schema, path, out);
  if (isObject(value)) checkMap(value, schema, path, out);
  else if (Array.isArray(value) && isObject(schema.items)) {
    value.forEach((item, index) => {
      check(item, schema.items as JsonObject, [...path, index], out);
    });
  }
}

function wrongType(value: Json, schema: JsonObject): string | undefined {
  const is = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    return is === 'integer' || is === 'string' ? undefined : `must be an integer or a string, not ${is}`;
  }
  const wanted = schema.type;
  if (typeof wanted !== 'string' || wanted === is || (wanted === 'number' && is === 'integer'))
    return undefined;
  return `must be of type ${wanted}, not ${is}`;
}

function typeOf(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return value === null ? 'null' : typeof value;
}

function checkMap(value: JsonObject, schema: JsonObject, path: PathStep[], out: Violation[]): void {
  const properties = (isObject(schema.properties) ? schema.properties : {}) as JsonObject;
  const additional = schema.additionalProperties;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || additional === true;
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key))
      check(value[key]!, properties[key] as JsonObject, [...path, key], out);
    else if (isObject(additional)) check(value[key]!, additional as JsonObject, [...path, key], out);
    else if (!open && !(embedded && ['apiVersion', 'kind', 'metadata'].includes(key))) {
      out.push({ path: [...path, key], message: 'unknown field' });
    }
  }
  for (const key of listOf(schema.required) as string[]) {
    const defaulted = isObject(properties[key]) && (properties[key] as JsonObject).default !== undefined;
    if (!Object.hasOwn(value, key) && !defaulted) out.push({ path: [...path, key], message: 'required' });
  }
}

/** The rules that hold for values of any type, and those of each type. */
function checkValue(value: Json, schema: JsonObject, path: PathStep[], out: Violation[]): void {
  const report = (message: string): void => {
    out.push({ path, message });
  };
  const options = listOf(schema.enum);
  if (options.length > 0 && !options.some((option) => deepEqual(option, value)))
    report(`must be one of ${options.join(', ')}`);
  if (typeof value === 'string') {
    const length = [...value].length;
    if (below(length, schema.minLength)) report(`must have at least ${schema.minLength} characters`);
    if (above(length, schema.maxLength)) report(`must have at most ${schema.maxLength} characters`);
    if (typeof schema.pattern === 'string' && misses(value, schema.pattern))
      report(`must match ${schema.pattern}`);
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (below(value, schema.minimum) || (schema.exclusiveMinimum === true && value === schema.minimum))
      report(`must be at least ${schema.minimum}`);
    if (above(value, schema.maximum) || (schema.exclusiveMaximum === true && value === schema.maximum))
      report(`must be at most ${schema.maximum}`);
  }
  if (Array.isArray(value)) {
    if (below(value.length, schema.minItems)) report(`must have at least ${schema.minItems} items`);
    if (above(value.length, schema.maxItems)) report(`must have at most ${schema.maxItems} items`);
  }
  for (const part of listOf(schema.allOf)) if (fails(value, part)) report('does not match allOf');
  const any = listOf(schema.anyOf);
  if (any.length > 0 && any.every((part) => fails(value, part))) report('matches none of anyOf');
  const one = listOf(schema.oneOf);
  if (one.length > 0 && one.filter((part) => !fails(value, part)).length !== 1)
    report('must match exactly one of oneOf');
  if (isObject(schema.not) && !fails(value, schema.not!)) report('matches what is not allowed');
}

/** Whether the value breaks a part of a logical rule; such parts say nothing about which fields are known. */
function fails(value: Json, part: Json): boolean {
  if (!isObject(part)) return false;
  const violations: Violation[] = [];
  check(value, { ...part, 'x-kubernetes-preserve-unknown-fields': true }, [], violations);
  return violations.some(({ message }) => message !== 'unknown field');
}

function misses(value: string, pattern: string): boolean {
  try {
    return !new RegExp(pattern, 'u').test(value);
  } catch {
    // Go's RE2 knows forms that JavaScript does not: such a pattern is left to the server.
    return false;
  }
}

function below(value: number | bigint, bound: Json | undefined): boolean {
  return (typeof bound === 'number' || typeof bound === 'bigint') && value < bound;
}

function above(value: number | bigint, bound: Json | undefined): boolean {
  return (typeof bound === 'number' || typeof bound === 'bigint') && value > bound;
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
