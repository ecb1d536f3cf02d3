import test from 'ava';
import { deepEqual, parseJson, stringifyJson } from '../../../core/model/json.ts';

test('integers beyond 2^53 survive a round trip, wherever they stand', (t) => {
  const text = '{"a":9007199254740993,"b":[-9223372036854775808,1],"c":"9007199254740993","d":1.5}';
  t.is(stringifyJson(parseJson(text)), text);
  t.is((parseJson(text) as { a: bigint }).a, 9007199254740993n);
});

test('equality ignores the order of keys, not of items', (t) => {
  t.true(deepEqual({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }));
  t.false(deepEqual([1, 2], [2, 1]));
  t.false(deepEqual({ a: 1 }, { a: 1, b: 2 }));
  t.false(deepEqual({}, []));
  t.false(deepEqual(1, '1'));
});
