import { isObject, type Json, type JsonObject, setOwn } from '../model/json.ts';
import type { FieldFault } from './fault.ts';

const BAD = 'BadStringData';
const ENCRYPTED = 'ENC[AES256_GCM,';

/** Whether SOPS wrote this: its block of metadata is there, or one of its values is. */
export function isEncrypted(object: JsonObject): boolean {
  const { sops } = object;
  return (
    (isObject(sops) && (sops.mac !== undefined || sops.lastmodified !== undefined)) || holdsEncrypted(object)
  );
}

function holdsEncrypted(value: Json): boolean {
  if (typeof value === 'string') return value.startsWith(ENCRYPTED);
  if (Array.isArray(value)) return value.some(holdsEncrypted);
  return isObject(value) && Object.values(value).some(holdsEncrypted);
}

/**
 * A Secret with its `stringData` folded into `data`, as the API server does on every write: keys of stringData win.
 * Planned, sent and owned is `data` only, because a key that leaves an applied stringData is never removed.
 * Nothing here names a value.
 */
export function foldStringData(secret: JsonObject): { object: JsonObject } | { faults: FieldFault[] } {
  const { stringData, data } = secret;
  if (stringData !== null && !isObject(stringData)) {
    return {
      faults: [{ code: BAD, field: ['stringData'], message: 'stringData has to be a map of strings' }],
    };
  }
  if (data !== undefined && data !== null && !isObject(data)) {
    return { faults: [{ code: BAD, field: ['data'], message: 'data has to be a map of base64 strings' }] };
  }
  const faults: FieldFault[] = [];
  const folded: JsonObject = {};
  for (const [key, value] of Object.entries(data ?? {})) setOwn(folded, key, value);
  for (const [key, value] of Object.entries(stringData ?? {})) {
    // The server decodes null into Go's string as the empty one.
    if (typeof value === 'string' || value === null)
      setOwn(folded, key, Buffer.from(value ?? '').toString('base64'));
    else {
      const message = `stringData has to hold strings, and the value of ${JSON.stringify(key)} is none`;
      faults.push({ code: BAD, field: ['stringData', key], message, hint: 'put the value in quotes' });
    }
  }
  if (faults.length > 0) return { faults };
  const object: JsonObject = {};
  const hasData = isObject(data) || isObject(stringData);
  let placed = false;
  for (const key of Object.keys(secret)) {
    if (key !== 'data' && key !== 'stringData') setOwn(object, key, secret[key]!);
    else if (!placed && hasData) {
      object.data = folded;
      placed = true;
    } else if (key === 'data' && !hasData) setOwn(object, key, data!);
  }
  return { object };
}
