import { type Json, type JsonObject, setOwn } from '../model/json.ts';
import { FaultError, MAX_DEPTH } from './fault.ts';

/** A value of its own for an alias: a change in one place never shows in another. */
export function copy(value: Json, depth: number, offset: number): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) throw tooDeep(offset);
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1, offset));
  const result: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(result, key, copy(value[key]!, depth + 1, offset));
  return result;
}

export function tooDeep(offset: number): FaultError {
  return new FaultError('TooDeep', `the document is nested deeper than ${MAX_DEPTH} levels`, offset);
}

/** goyaml.v2's `allowedAliasRatio`: which share of a document may come out of aliases. */
export function allowedAliasRatio(decoded: number): number {
  if (decoded <= 400_000) return 0.99;
  if (decoded >= 4_000_000) return 0.1;
  return 0.99 - 0.89 * ((decoded - 400_000) / 3_600_000);
}
