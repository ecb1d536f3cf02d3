/** The parameters of a request, from its query and its body, in each of the forms that GitLab takes. */
import type { IncomingMessage } from 'node:http';
import { grapeError } from './api-error.ts';

export type Value = unknown;

/** Read access with Grape's coercions: in queries and forms everything is text. */
export class Parameters {
  readonly #values: Readonly<Record<string, Value>>;

  constructor(values: Readonly<Record<string, Value>>) {
    this.#values = values;
  }

  /** Whether it was sent at all, be it empty or null. */
  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  raw(name: string): Value {
    return this.has(name) ? this.#values[name] : undefined;
  }

  /** Undefined where it was not sent, or null. */
  text(name: string): string | undefined {
    const value = this.raw(name);
    return value === undefined || value === null ? undefined : String(value);
  }

  /** As `text`; what is empty or blank counts as not sent. */
  present(name: string): string | undefined {
    const value = this.text(name);
    return value === undefined || value.trim() === '' ? undefined : value;
  }

  integer(name: string): number | undefined {
    const value = this.present(name);
    return value === undefined ? undefined : Number.parseInt(value, 10);
  }

  number(name: string): number | undefined {
    const value = this.present(name);
    return value === undefined ? undefined : Number(value);
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.present(name);
    return value === undefined ? otherwise : value === 'true' || value === '1';
  }

  list(name: string): Value[] {
    const value = this.raw(name);
    if (value === undefined || value === null) return [];
    return Array.isArray(value) ? value : [value];
  }
}

/** What must hold before a route runs; the sentence where it does not. */
export type Rule = (parameters: Parameters) => string | undefined;

export const required =
  (name: string): Rule =>
  (parameters) =>
    parameters.has(name) ? undefined : `${name} is missing`;

/** Missing or empty are two problems in Grape, and both are said. */
export const requiredPresent =
  (name: string): Rule =>
  (parameters) => {
    if (!parameters.has(name)) return `${name} is missing, ${name} is empty`;
    return parameters.present(name) === undefined ? `${name} is empty` : undefined;
  };

export const oneOf =
  (name: string, values: readonly string[]): Rule =>
  (parameters) => {
    const value = parameters.text(name);
    return value === undefined || values.includes(value) ? undefined : `${name} does not have a valid value`;
  };

export const requiredOneOf =
  (name: string, values: readonly string[]): Rule =>
  (parameters) =>
    parameters.has(name)
      ? oneOf(name, values)(parameters)
      : `${name} is missing, ${name} does not have a valid value`;

export const integer =
  (name: string): Rule =>
  (parameters) => {
    const value = parameters.present(name);
    return value === undefined || /^-?\d+$/.test(value) ? undefined : `${name} is invalid`;
  };

export const exclusive =
  (...names: readonly string[]): Rule =>
  (parameters) =>
    names.filter((name) => parameters.has(name)).length > 1
      ? `${names.join(', ')} are mutually exclusive`
      : undefined;

export function check(parameters: Parameters, rules: readonly Rule[]): void {
  const problems = rules.map((rule) => rule(parameters)).filter((problem) => problem !== undefined);
  if (problems.length > 0) throw grapeError(400, problems.join(', '));
}

/** The body wins over the query, and the path (`captured`) over both. */
export async function readParameters(
  request: IncomingMessage,
  query: URLSearchParams,
  captured: Readonly<Record<string, string>>,
): Promise<Parameters> {
  const body = await readBody(request);
  return new Parameters({ ...nested(query), ...body, ...captured });
}

async function readBody(request: IncomingMessage): Promise<Record<string, Value>> {
  const bytes = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
  if (bytes.length === 0) return {};
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return parseJson(bytes.toString('utf8'));
  if (!/^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type))
    throw grapeError(415, 'The provided content-type is not supported.');
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData();
  const pairs: [string, string][] = [];
  for (const [name, value] of form)
    pairs.push([name, typeof value === 'string' ? value : await value.text()]);
  return nested(pairs);
}

function parseJson(body: string): Record<string, Value> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, Value>;
  } catch {
    // Not JSON: the sentence below.
  }
  throw grapeError(400, 'message body does not match declared format');
}

/** `a[b]=`, `a[]=` and `a[][b]=`, as Rack reads them: a key seen again begins the next element. */
export function nested(pairs: Iterable<[string, string]>): Record<string, Value> {
  const result: Record<string, Value> = {};
  for (const [name, value] of pairs) {
    const [, key, rest] = /^([^[]+)(.*)$/.exec(name) ?? [undefined, name, ''];
    const [, inner] = /^\[\](?:\[(\w+)\])?$/.exec(rest!) ?? [];
    if (rest === '') result[key!] = value;
    else if (rest === '[]') listAt(result, key!).push(value);
    else if (inner !== undefined) {
      const list = listAt(result, key!) as Record<string, Value>[];
      const last = list.at(-1);
      if (last === undefined || Object.hasOwn(last, inner)) list.push({ [inner]: value });
      else last[inner] = value;
    } else {
      const field = rest!.slice(1, -1);
      result[key!] = { ...(result[key!] as object | undefined), [field]: value };
    }
  }
  return result;
}

function listAt(values: Record<string, Value>, key: string): Value[] {
  if (!Array.isArray(values[key])) values[key] = [];
  return values[key] as Value[];
}
