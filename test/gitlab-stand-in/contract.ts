/** Holds answers against what GitLab answers: its schemas, and the exchanges of `fixtures/exchanges.json`. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import type { ExecutionContext } from 'ava';
import type { Reply } from './api-client.ts';

interface Exchange {
  method: string;
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  text?: string;
  /** `public_api/v4/agent.json`; `[]` at its end: a list of these. */
  schema?: string;
  overlay?: string;
}

const FIXTURES = join(import.meta.dirname, 'fixtures');
const SCHEMAS = join(FIXTURES, 'schemas');

export const exchanges = JSON.parse(readFileSync(join(FIXTURES, 'exchanges.json'), 'utf8')) as Record<
  string,
  Exchange
>;

interface Overlay {
  mergeInto: string;
  mergeIntoPointer?: string;
  properties: object;
}

const ajv = loadSchemas();

function loadSchemas(): Ajv {
  const loaded = new Map<string, Record<string, unknown>>();
  const overlays: Overlay[] = [];
  for (const file of globSync('**/*.json', { cwd: SCHEMAS })) {
    // GitLab's validator ignores types that are none.
    const text = readFileSync(join(SCHEMAS, file), 'utf8').replace(
      /"type": *"(uri|date)"/g,
      '"type": "string"',
    );
    if (file.endsWith('.overlay.json')) overlays.push(JSON.parse(text.replaceAll('../public_api/v4/', '')));
    else loaded.set(file, JSON.parse(text));
  }
  for (const { mergeInto, mergeIntoPointer = '/properties', properties } of overlays) {
    let place = loaded.get(mergeInto) as Record<string, object>;
    for (const part of mergeIntoPointer.split('/').filter(Boolean)) {
      place[part] ??= {};
      place = place[part] as Record<string, object>;
    }
    Object.assign(place, properties);
  }
  const validator = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  for (const [file, schema] of loaded) validator.addSchema({ ...schema, $id: `gitlab:///${file}` });
  return validator;
}

/** The problems of a body by GitLab's schema; `[]` at the end of the name means a list. */
export function schemaProblems(name: string, body: unknown): string[] {
  const one = name.replace(/\[\]$/, '');
  const schema = { $ref: `gitlab:///${one}` };
  ajv.validate(one === name ? schema : { type: 'array', items: schema }, body);
  return (ajv.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** The exchanges of some topics; in the end all of them must have been played. */
export class Contract {
  readonly #left: Set<string>;

  constructor(...topics: readonly string[]) {
    this.#left = new Set(Object.keys(exchanges).filter((name) => topics.includes(name.split('/')[0]!)));
  }

  /**
   * Errors must be the same, but for what `same` puts in place of the example's names; good answers must have at
   * least the example's keys with values of its types, and fit the schema.
   */
  check(t: ExecutionContext, name: string, reply: Reply, same: Record<string, string> = {}): void {
    const expected = exchanges[name];
    if (!expected) throw new Error(`no exchange ${name}`);
    this.#left.delete(name);
    t.is(reply.status, expected.status, `${name}: ${reply.text}`);
    for (const [header, value] of Object.entries(expected.headers ?? {})) {
      const sent = reply.headers.get(header);
      t.true(sent !== null, `${name} has no header ${header}`);
      if (header === 'Content-Type') t.is(sent!.split(';')[0], value.split(';')[0], name);
    }
    if (expected.text !== undefined && expected.status >= 300)
      t.is(reply.text, replaced(expected.text, same), name);
    if (expected.body === undefined) {
      if (expected.status === 204) t.is(reply.text, '', name);
      return;
    }
    if (expected.status >= 400) {
      t.deepEqual(reply.body, JSON.parse(replaced(JSON.stringify(expected.body), same)), name);
      return;
    }
    t.deepEqual(shapeProblems(expected.body, reply.body), [], name);
    const schema = expected.schema ?? schemaOf(name, expected);
    if (schema) t.deepEqual(schemaProblems(schema, reply.body), [], name);
  }

  /** For the last test of a file. */
  get left(): string[] {
    return [...this.#left];
  }
}

function replaced(text: string, same: Record<string, string>): string {
  return Object.entries(same).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** Exchanges without a schema of their own have the one that their overlay is for. */
function schemaOf(name: string, { overlay, body }: Exchange): string | undefined {
  if (name === 'notes/list') return 'public_api/v4/notes.json';
  if (overlay === undefined || overlay.includes('note')) return undefined;
  const { mergeInto } = JSON.parse(readFileSync(join(SCHEMAS, overlay), 'utf8')) as Overlay;
  return Array.isArray(body) ? `${mergeInto}[]` : mergeInto;
}

const kind = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

/** Where an answer (or a hook) lacks a key of the example, or has a value of another type; null goes for anything. */
export function shapeProblems(expected: unknown, actual: unknown, path = ''): string[] {
  const [wanted, got] = [kind(expected), kind(actual)];
  if (wanted === 'null' || got === 'null') return actual === undefined ? [`${path} is missing`] : [];
  if (wanted !== got) return [`${path}: wanted ${wanted}, got ${got}`];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    // Lists of names may be empty; lists of things would leave the things unseen.
    if (typeof expected[0] === 'object' && actual.length === 0) return [`${path} is empty`];
    return expected.length === 0 || actual.length === 0
      ? []
      : shapeProblems(expected[0], actual[0], `${path}[0]`);
  }
  if (wanted !== 'object') return [];
  const there = actual as Record<string, unknown>;
  return Object.entries(expected as object).flatMap(([key, value]) =>
    Object.hasOwn(there, key)
      ? shapeProblems(value, there[key], `${path}.${key}`)
      : [`${path}.${key} is missing`],
  );
}
