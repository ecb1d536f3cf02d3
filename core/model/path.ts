import type { Json, JsonObject } from './json.ts';

/**
 * One step into an object: a map key, an item of a keyed list (`keys`), a member of a set (`value`), or a
 * position in any other list.
 */
export type PathStep = string | number | { keys: Record<string, Json> } | { value: Json };
export type Path = readonly PathStep[];

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** `spec.ports[port=80,protocol="TCP"].nodePort`, `metadata.finalizers[="x"]`, `metadata.labels["a.b/c"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (typeof step === 'string')
      text += PLAIN_KEY.test(step) ? (text ? '.' : '') + step : `[${JSON.stringify(step)}]`;
    else if ('keys' in step) {
      const keys = Object.entries(step.keys).map(([key, value]) => `${key}=${formatScalar(value)}`);
      text += `[${keys.join(',')}]`;
    } else text += `[=${formatScalar(step.value)}]`;
  }
  return text;
}

function formatScalar(value: Json): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

/**
 * Reads what `formatPath` writes, or a JSON pointer (`/spec/replicas`, RFC 6901). Values in brackets are JSON.
 * Throws SyntaxError with the offset of what it could not read.
 */
export function parsePath(text: string): PathStep[] {
  if (text.startsWith('/')) {
    const parts = text.slice(1).split('/');
    return parts.map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      return /^(0|[1-9]\d*)$/.test(key) ? Number(key) : key;
    });
  }
  const steps: PathStep[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === '[') {
      const { step, end } = parseBracket(text, at);
      steps.push(step);
      at = end;
    } else {
      if (steps.length > 0 && text[at] === '.') at += 1;
      const match = /^[A-Za-z0-9_-]+/.exec(text.slice(at));
      if (!match) throw new SyntaxError(`unexpected ${JSON.stringify(text[at] ?? 'end')} at offset ${at}`);
      steps.push(match[0]);
      at += match[0].length;
    }
  }
  if (steps.length === 0) throw new SyntaxError('the path is empty');
  return steps;
}

function parseBracket(text: string, start: number): { step: PathStep; end: number } {
  let at = start + 1;
  const literal = (): Json => {
    const match = /^("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null)/.exec(text.slice(at));
    if (!match) throw new SyntaxError(`expected a JSON value at offset ${at}`);
    at += match[0].length;
    return JSON.parse(match[0]) as Json;
  };
  const close = <T extends PathStep>(step: T): { step: T; end: number } => {
    if (text[at] !== ']') throw new SyntaxError(`expected "]" at offset ${at}`);
    return { step, end: at + 1 };
  };
  if (text[at] === '=') {
    at += 1;
    return close({ value: literal() });
  }
  const named = /^([A-Za-z0-9_-]+)=/;
  if (named.test(text.slice(at))) {
    const keys: Record<string, Json> = {};
    for (;;) {
      const match = named.exec(text.slice(at));
      if (!match) throw new SyntaxError(`expected key=value at offset ${at}`);
      at += match[0].length;
      keys[match[1]!] = literal();
      if (text[at] !== ',') break;
      at += 1;
    }
    return close({ keys });
  }
  const value = literal();
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new SyntaxError(`expected a key at offset ${start + 1}`);
  return close(value);
}

/** Whether a list item is the one that `keys` names. */
export function hasKeys(item: Json, keys: Record<string, Json>): item is JsonObject {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return false;
  return Object.entries(keys).every(([key, value]) => item[key] === value);
}
