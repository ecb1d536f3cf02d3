import test from 'ava';
import { load } from 'js-yaml';
import { parse } from 'yaml';
import type { Json } from '../../../core/model/json.ts';
import { yamlText } from '../../../core/report/yaml.ts';
import { randomFrom, randomJson } from './random.ts';

const scalarOf = (value: Json): string => yamlText({ key: value }).slice('key: '.length, -1);

test('strings that kubectl reads as another type are quoted, all others are not', (t) => {
  const quoted = [
    ...[
      'yes',
      'No',
      'on',
      'OFF',
      'y',
      'N',
      'true',
      'False',
      '~',
      'null',
      'Null',
      '',
      '=',
      '<<',
      '.inf',
      '-.Inf',
      '.NaN',
    ],
    ...[
      '0',
      '-1',
      '+7',
      '0644',
      '0o644',
      '0x1F',
      '0b11',
      '1_000',
      '685_230.15',
      '1e3',
      '1E-3',
      '.5',
      '1.',
      '08',
      '1e400',
    ],
    ...[
      ' a',
      'a ',
      '- a',
      '-',
      '? a',
      'a: b',
      'a:',
      'a #b',
      '#a',
      '[a',
      '{a',
      '&a',
      '*a',
      '!a',
      '|',
      '>',
      '@a',
      '%a',
    ],
    ...['`a`', ', a', '---', '...', ': a'],
  ];
  for (const text of quoted) t.is(scalarOf(text), `"${text}"`);
  const plain = [
    ...[
      'a',
      'yes please',
      'tru',
      '1.2.3',
      '10.0.0.1',
      '2001-12-14',
      '12:30:45',
      '0o8',
      '0x',
      '1e',
      'a-b',
      '-c',
      '--flag=x',
    ],
    ...[
      '/etc/web',
      'http://example.com/a?b=c#d',
      'a,b',
      'a[0]',
      '$(VAR)',
      '(changed, before)',
      'ä',
      '日本',
      '1Gi',
      '100m',
      '<none>',
    ],
  ];
  for (const text of plain) t.is(scalarOf(text), text);
});

test('quotes and backslashes are kept readable', (t) => {
  t.is(scalarOf('{"a": "b\\d"}'), `'{"a": "b\\d"}'`);
  t.is(scalarOf(`"it's"`), `'"it''s"'`);
  t.is(scalarOf('a\tb'), '"a\\tb"');
  t.is(scalarOf('\n'), '"\\n"');
});

test('other scalars are written as they are', (t) => {
  t.is(scalarOf(9223372036854775807n), '9223372036854775807');
  t.is(scalarOf(0.5), '0.5');
  t.is(scalarOf(null), 'null');
  t.is(scalarOf(true), 'true');
  t.is(scalarOf([]), '[]');
  t.is(scalarOf({}), '{}');
});

test('keys are in the order in which people write them', (t) => {
  const value = {
    status: 1,
    data: { b: 1, name: 2, a: 3 },
    spec: { containers: [{ image: 'x', name: 'app', args: ['-c'] }, [['deep']]] },
    metadata: { namespace: 'n', labels: { yes: 'no' }, name: 'x' },
    kind: 'K',
    apiVersion: 'v1',
  };
  t.is(
    yamlText(value),
    `apiVersion: v1
kind: K
metadata:
  name: x
  labels:
    "yes": "no"
  namespace: "n"
spec:
  containers:
  - name: app
    args:
    - -c
    image: x
  - - - deep
data:
  name: 2
  a: 3
  b: 1
status: 1
`,
  );
  t.true(yamlText(value, 'given').startsWith('status: 1\ndata:\n  b: 1\n'));
});

test('strings of several lines are block scalars, with their line ends kept', (t) => {
  t.is(yamlText({ a: 'x\n\ny\n' }), 'a: |\n  x\n\n  y\n');
  t.is(yamlText({ a: 'x\ny' }), 'a: |-\n  x\n  y\n');
  t.is(yamlText({ a: 'x\ny\n\n' }), 'a: |+\n  x\n  y\n\n');
  t.is(yamlText({ a: '  x\ny\n' }), 'a: |2\n    x\n  y\n');
  t.is(yamlText({ a: [{ b: ['x\ny\n'] }] }), 'a:\n- b:\n  - |\n    x\n    y\n');
});

test('what drives, hides or turns text is escaped, line by line', (t) => {
  t.is(scalarOf('\u001b[2J\u0007\u009b'), '"\\x1b[2J\\x07\\x9b"');
  t.is(scalarOf('a\u202eb\u200bc\ufeff'), '"a\\u202eb\\u200bc\\ufeff"');
  t.is(scalarOf('a\u{e0041}'), '"a\\U000e0041"');
  t.is(scalarOf('\ud800'), '"\\ud800"');
  t.is(scalarOf('🚀 é'), '🚀 é');
  t.is(yamlText({ a: 'x\r\n y\r\n' }), 'a: "\\\n  x\\r\\n\\\n  \\ y\\r\\n\\\n  "\n');
  t.is(yamlText({ 'k\u001by': 1 }), '"k\\x1by": 1\n');
});

test('readers of YAML 1.1 and 1.2 give the value back', (t) => {
  const random = randomFrom(7);
  for (let round = 0; round < 400; round++) {
    const value = { root: randomJson(random, 4) };
    const text = yamlText(value);
    t.deepEqual(load(text) as typeof value, value, text);
    t.deepEqual(parse(text, { version: '1.1', schema: 'yaml-1.1' }), value, text);
  }
});
