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
  ['', 1, 1, /the one key "ignore"/],
  ['- a\n', 1, 1, /the one key "ignore"/],
  ['ignore: {}\n', 1, 1, /the one key "ignore"/],
  ['ignore:\n  - 3\n', 2, 5, /a rule is a map/],
  ['ignore:\n  - kind: Pod\n', 2, 5, /names no paths and no managers/],
  ['ignore:\n  - kind: 3\n    paths: [a]\n', 2, 11, /kind is a string/],
  ['ignore:\n  - paths: a\n', 2, 12, /paths is a list of strings/],
  ['ignore:\n  - paths: ["a["]\n', 2, 13, /can't read the path a\[/],
  ['ignore:\n  - path: [a]\n    managers: [x]\n', 2, 5, /unknown key "path"/],
  ['ignore: [\n', 2, 1, /./],
];
for (const [text, line, column, message] of BROKEN) {
  test(`refused with its place: ${JSON.stringify(text)}`, (t) => {
    const { rules, problems } = readIgnoreRules(text, 'ignore.yaml');
    t.deepEqual(rules, []);
    t.deepEqual([problems[0]!.file, problems[0]!.line, problems[0]!.column], ['ignore.yaml', line, column]);
    t.regex(problems[0]!.message, message);
  });
}
