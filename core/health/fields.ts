import { dig, isObject, type Json, type JsonObject } from '../model/json.ts';
import { type KubeObject, parseApiVersion } from '../model/object.ts';

// Live objects come from anywhere: a field of another type than the API says counts as absent, and nothing throws.

/** The number below the keys, or `otherwise`. */
export function numberAt(value: Json | undefined, otherwise: number, ...keys: string[]): number {
  const found = dig(value, ...keys);
  if (typeof found === 'bigint') return Number(found);
  return typeof found === 'number' ? found : otherwise;
}

/** The text below the keys, or ''. */
export function textAt(value: Json | undefined, ...keys: string[]): string {
  const found = dig(value, ...keys);
  return typeof found === 'string' ? found : '';
}

/** The maps of the list below the keys; none where there is no list. */
export function mapsAt(value: Json | undefined, ...keys: string[]): JsonObject[] {
  const found = dig(value, ...keys);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

export function groupOf(object: KubeObject): string {
  return parseApiVersion(object.apiVersion).group;
}

/** Milliseconds since the epoch, or undefined where the text is no time. */
export function timeAt(value: Json | undefined, ...keys: string[]): number | undefined {
  const time = Date.parse(textAt(value, ...keys));
  return Number.isNaN(time) ? undefined : time;
}

/** An item of `status.conditions`, every field as text. */
export interface Condition {
  type: string;
  /** `True`, `False` or `Unknown`; a few operators have words of their own. */
  status: string;
  /** A word in CamelCase; '' where there is none, or where it is no word. */
  reason: string;
  message: string;
  /** Absent in most kinds. */
  observedGeneration?: number;
}

// As the API's own validation of metav1.Condition has it.
const WORD = /^[A-Za-z](?:[A-Za-z0-9_,:]{0,1022}[A-Za-z0-9_])?$/;

/** `text` where it is a word that can stand as a reason, else `otherwise`. */
export function word(text: string, otherwise: string): string {
  return WORD.test(text) ? text : otherwise;
}

export function conditionsOf(holder: Json | undefined): Condition[] {
  return mapsAt(holder, 'conditions').map((condition) => {
    const observed = numberAt(condition, Number.NaN, 'observedGeneration');
    return {
      type: textAt(condition, 'type').trim(),
      status: textAt(condition, 'status'),
      reason: word(textAt(condition, 'reason'), ''),
      message: textAt(condition, 'message'),
      ...(Number.isNaN(observed) ? {} : { observedGeneration: observed }),
    };
  });
}

/** The condition of a type in `status`; with `status` given, only if it has that status. */
export function findCondition(object: KubeObject, type: string, status?: string): Condition | undefined {
  return conditionsOf(object.status).find(
    (condition) => condition.type === type && (status === undefined || condition.status === status),
  );
}

/** What a condition says, for people. */
export function saying({ type, status, reason, message }: Condition): string {
  return message || `${type} is ${status || 'not known'}${reason ? ` (${reason})` : ''}`;
}
