import type { Json, JsonObject } from '../../../core/model/json.ts';

/** A small generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!;
}

const KEYS = ['name', 'a', 'b', 'app.kubernetes.io/name', 'on', '0', 'x y', '-', 'constructor', 'port'];
const LEAVES: Json[] = [
  ...[
    '',
    'a',
    'yes',
    '0644',
    '1e3',
    '- x',
    'a: b',
    'a\nb',
    'a\nb\n',
    ' a\n b\n\n',
    '\n\n',
    '\n a\n',
    'a\n  ',
    'x \ny\n',
  ],
  ...[
    '\tx\ny',
    'a\r\nb\r\n',
    'é\u0007\nb',
    '"q"\\',
    `it's`,
    '#',
    '12:30x',
    '# a\n- b\n',
    '---\na\n',
    '"\\\n\\ x"',
    'a #b',
  ],
  ...[0, 1, -5, 0.25, true, false, null, [], {}],
];

/** A random JSON value, rich in what is hard to print. */
export function randomJson(random: Random, depth: number): Json {
  const roll = random();
  if (depth <= 0 || roll < 0.35) return pick(random, LEAVES);
  const size = Math.floor(random() * 5);
  if (roll < 0.6) return Array.from({ length: size }, () => randomJson(random, depth - 1));
  const map: JsonObject = {};
  for (let index = 0; index < size; index++) map[pick(random, KEYS)] = randomJson(random, depth - 1);
  return map;
}

/** The value with some random changes below it. */
export function mutate(random: Random, value: Json, depth: number): Json {
  if (random() < 0.12) return randomJson(random, depth);
  if (typeof value === 'string' && value.includes('\n') && random() < 0.3)
    return value.replace('\n', '\nnew\n');
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => (random() < 0.1 ? [] : [mutate(random, item, depth - 1)]));
    if (random() < 0.2) items.splice(Math.floor(random() * (items.length + 1)), 0, randomJson(random, 1));
    if (random() < 0.1) items.reverse();
    return items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(() => random() > 0.08);
  return Object.fromEntries([
    ...entries.map(([key, item]) => [key, mutate(random, item, depth - 1)] as const),
    ...(random() < 0.15 ? [[pick(random, KEYS), randomJson(random, 1)] as const] : []),
  ]);
}
