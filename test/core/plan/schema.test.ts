import test from 'ava';
import type { Json, JsonObject } from '../../../core/model/json.ts';
import { formatViolations, validateSchema } from '../../../core/plan/schema.ts';

const spec = (properties: JsonObject, more: JsonObject = {}): Json => ({
  type: 'object',
  properties: { spec: { type: 'object', properties, ...more } },
});
const ROWS: [title: string, schema: Json, value: Json, expected: string][] = [
  ['a good object', spec({ size: { type: 'integer' } }), { size: 3 }, ''],
  ['an unknown field', spec({ size: { type: 'integer' } }), { sise: 3 }, 'spec.sise: unknown field'],
  [
    'unknown fields that are kept',
    spec({}, { 'x-kubernetes-preserve-unknown-fields': true }),
    { any: 1 },
    '',
  ],
  [
    'a wrong type',
    spec({ size: { type: 'integer' } }),
    { size: '3' },
    'spec.size: must be of type integer, not string',
  ],
  ['an integer is a number', spec({ size: { type: 'number' } }), { size: 3 }, ''],
  ['a required field', spec({}, { required: ['size'] }), {}, 'spec.size: required'],
  [
    'a required field with a default',
    spec({ size: { type: 'integer', default: 1 } }, { required: ['size'] }),
    {},
    '',
  ],
  [
    'an enum',
    spec({ mode: { type: 'string', enum: ['a', 'b'] } }),
    { mode: 'c' },
    'spec.mode: must be one of a, b',
  ],
  [
    'a pattern',
    spec({ name: { type: 'string', pattern: '^[a-z]+$' } }),
    { name: 'A' },
    'spec.name: must match ^[a-z]+$',
  ],
  [
    'a pattern that only RE2 knows',
    spec({ name: { type: 'string', pattern: '(?P<x>a)' } }),
    { name: 'b' },
    '',
  ],
  ['bounds', spec({ n: { type: 'integer', minimum: 1, maximum: 3 } }), { n: 4 }, 'spec.n: must be at most 3'],
  [
    'items',
    spec({ list: { type: 'array', items: { type: 'string' } } }),
    { list: ['a', 1] },
    'spec.list[1]: must be of type string, not integer',
  ],
  [
    'values of a map',
    spec({ map: { type: 'object', additionalProperties: { type: 'string' } } }),
    { map: { k: 1 } },
    'spec.map.k: must be of type string, not integer',
  ],
  [
    'int or string',
    spec({ port: { 'x-kubernetes-int-or-string': true } }),
    { port: true },
    'spec.port: must be an integer or a string, not boolean',
  ],
  ['null', spec({ size: { type: 'integer' } }), { size: null }, 'spec.size: must not be null'],
  ['a null that may be', spec({ size: { type: 'integer', nullable: true } }), { size: null }, ''],
  [
    'oneOf',
    spec(
      { a: { type: 'string' }, b: { type: 'string' } },
      { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    ),
    { a: '', b: '' },
    'spec: must match exactly one of oneOf',
  ],
  [
    'an embedded object',
    spec({ o: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: {} } }),
    { o: { apiVersion: 'v1', kind: 'X', metadata: {}, x: 1 } },
    'spec.o.x: unknown field',
  ],
];
for (const [title, schema, value, expected] of ROWS) {
  test(`schema: ${title}`, (t) => {
    t.is(
      formatViolations(validateSchema({ apiVersion: 'a/v1', kind: 'A', metadata: {}, spec: value }, schema)),
      expected,
    );
  });
}
