import test from 'ava';
import { readIgnoreRules } from '../../../core/config/ignore-rules.ts';

test('rules with every field', (t) => {
  const text =
    'ignore:\n  - kind: Deployment\n    group: apps\n    namespace: shop\n    name: web*\n    paths: [spec.replicas, /spec/paused]\n    managers: [keda]\n';
  t.deepEqual(readIgnoreRules(text, 'ignore.yaml'), {
    rules: [
      {
        kind: 'Deployment',
        group: 'apps',
        namespace: 'shop',
        name: 'web*',
        paths: [
          ['spec', 'replicas'],
          ['spec', 'paused'],
        ],
        managers: ['keda'],
      },
    ],
    problems: [],
  });
});

const BROKEN: [text: string, line: number, column: number, message: RegExp][] = [
  ['', 1, 1, /^the ignore file is a map, not nothing$/],
  ['- a\n', 1, 1, /^the ignore file is a map, not a list$/],
  ['{}\n', 1, 1, /^the ignore file has no ignore$/],
  ['ignore: {}\n', 1, 9, /^ignore is a list, not a map$/],
  ['ignore:\n', 1, 1, /^the ignore file has no ignore$/],
  ['ignore: []\nrules: []\n', 2, 1, /^unknown key "rules"$/],
  ['ignore:\n  - 3\n', 2, 5, /^ignore\[0\] is a map, not 3$/],
  ['ignore:\n  - kind: Pod\n', 2, 5, /names no paths and no managers/],
  ['ignore:\n  - kind: 3\n    paths: [a]\n', 2, 11, /^kind is text, and 3 without quotes is a number$/],
  ['ignore:\n  - paths: a\n', 2, 12, /^paths is a list, not "a"$/],
  ['ignore:\n  - paths: ["a["]\n', 2, 13, /which can't be read/],
  ['ignore:\n  - path: [a]\n    managers: [x]\n', 2, 5, /unknown key "path"/],
  ['ignore: [\n', 1, 10, /is missing/],
];
for (const [text, line, column, message] of BROKEN) {
  test(`refused with its place: ${JSON.stringify(text)}`, (t) => {
    const { rules, problems } = readIgnoreRules(text, 'ignore.yaml');
    t.deepEqual(rules, []);
    t.deepEqual([problems[0]!.file, problems[0]!.line, problems[0]!.column], ['ignore.yaml', line, column]);
    t.regex(problems[0]!.message, message);
  });
}
