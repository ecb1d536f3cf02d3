import type { Json, JsonObject } from '../model/json.ts';

/** Sets a key as an ordinary own one, `__proto__` too. */
export function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else object[key] = value;
}
