import test from 'ava';
import { logLine, rawLogLine, readLogText } from '../../../core/report/log-line.ts';

process.env.TZ = 'UTC';
const NOW = new Date('2026-03-04T20:00:00Z');
const labels = new Map([['shop-eu', 'shop-eu']]);
const show = (text: string, color = false): string => logLine(readLogText(text), { color, now: NOW, labels });
const told = (fields: Record<string, unknown>): string =>
  JSON.stringify({ level: 'info', time: '2026-03-04T05:06:07.890Z', msg: 'Said', ...fields });

const SHA = 'c0ffee'.padEnd(40, '0');
const LINES: [string, string, string][] = [
  ['the least', told({}), '05:06:07 info  Said'],
  [
    'of a project, with fields',
    told({
      agent: 'production',
      project: 'group/shop',
      entry: 'shop',
      commit: SHA,
      trigger: 'poll',
      written: 2,
    }),
    '05:06:07 info  group/shop Said commit=c0ffee000000 trigger=poll written=2',
  ],
  [
    'one of several entries',
    told({ project: 'group/shop', entry: 'shop-eu' }),
    '05:06:07 info  shop-eu Said',
  ],
  ['of an entry alone', told({ entry: 'gone' }), '05:06:07 info  gone Said'],
  [
    'error and hint',
    told({ level: 'error', hint: 'mend it', error: 'Invalid:\n no such\tfield', commit: SHA }),
    '05:06:07 error Said: Invalid: no such field commit=c0ffee000000 hint: mend it',
  ],
  [
    'fields that need quotes, lists, maps',
    told({ object: 'configmap/a -n b', entries: ['a', 'b'], ends: { a: 1 }, empty: '', none: null }),
    '05:06:07 info  Said object="configmap/a -n b" entries=a,b ends="{\\"a\\":1}" empty=""',
  ],
  [
    'a number beyond 2^53',
    '{"level":"info","time":"","msg":"m","n":12345678901234567890}',
    '--:--:-- info  m n=12345678901234567890',
  ],
  ['another day', told({ time: '2026-03-03T23:59:59Z' }), '03-03 23:59:59 info  Said'],
  ['another year', told({ time: '2025-12-31T23:59:59Z' }), '2025-12-31 23:59:59 info  Said'],
  ['no time', told({ time: 12 }), '--:--:-- info  Said'],
  [
    'hostile',
    told({ msg: 'a\u001b[2J\u202eb', 'k\u0007': 'v' }),
    '05:06:07 info  a\\x1b[2J\\u202eb k\\x07=v',
  ],
  ['no JSON', 'Segmentation fault\u001b[31m', 'Segmentation fault\\x1b[31m'],
  ['JSON of somebody else', '{"level":30,"msg":"pino"}', '{"level":30,"msg":"pino"}'],
  ['half of JSON', '{"level":"info","msg":"x', '{"level":"info","msg":"x'],
  ['a list', '[1]', '[1]'],
  ['nothing', '', ''],
];
for (const [name, text, line] of LINES) test(`a line for people: ${name}`, (t) => t.is(show(text), line));

test('colours say the level, and are round what was escaped', (t) => {
  t.is(
    show(told({ level: 'warn', project: 'p', at: 'x y' }), true),
    '\x1b[2m05:06:07\x1b[22m \x1b[33mwarn \x1b[39m \x1b[36mp\x1b[39m Said \x1b[2mat="x y"\x1b[22m',
  );
});

test('a line as it is drives no terminal either, and says the same', (t) => {
  const hostile = '{"level":"info","time":"t","msg":"a\u202eb"}';
  const raw = rawLogLine(readLogText(hostile));
  t.is(raw, '{"level":"info","time":"t","msg":"a\\u202eb"}');
  t.deepEqual(JSON.parse(raw), JSON.parse(hostile));
  t.is(rawLogLine(readLogText('oops\u0007')), 'oops\\x07');
});
