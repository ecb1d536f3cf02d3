import test from 'ava';
import type { Argv } from 'yargs';
import { definitionsOf } from '../../../plugin/completion/definitions.ts';
import { positionOf } from '../../../plugin/completion/position.ts';

const define = (yargs: Argv): unknown =>
  yargs
    .scriptName('kubectl gitlab-agent')
    .command({
      command: 'diff [path..]',
      describe: 'Show what would change',
      builder: (sub) =>
        sub
          .usage('$0 diff')
          .positional('path', { type: 'string', array: true })
          .options({
            output: { alias: 'o', choices: ['json', 'yaml'] as const, describe: 'How to print' },
            filename: { alias: 'f', type: 'string', array: true, nargs: 1 },
            recursive: { alias: 'R', type: 'boolean' },
            'dry-run': { type: 'string' },
            v: { type: 'number' },
          })
          .option('secret', { type: 'string', hidden: true }),
      handler: () => undefined,
    })
    .command({ command: 'internal', describe: false, handler: () => undefined })
    .command({
      command: 'config',
      describe: 'Configurations',
      builder: (sub) =>
        sub.command('show [file]', 'Show one', (show) =>
          show.positional('file', { choices: ['a', 'b'] as const }),
        ),
      handler: () => undefined,
    })
    .strict();
const ROOT = definitionsOf('', define);

test('the definitions of yargs are data: commands, flags, words, but nothing that is hidden', (t) => {
  t.deepEqual(
    ROOT.commands.map(({ name, describe }) => [name, describe]),
    [
      ['diff', 'Show what would change'],
      ['config', 'Configurations'],
    ],
  );
  const [diff, config] = ROOT.commands;
  t.deepEqual(
    diff!.flags.map(({ name, letter = '', takesValue, repeatable }) => [
      name,
      letter,
      takesValue,
      repeatable,
    ]),
    [
      ['help', 'h', false, false],
      ['output', 'o', true, false],
      ['filename', 'f', true, true],
      ['recursive', 'R', false, false],
      ['dry-run', '', false, false],
      ['v', 'v', true, false],
    ],
  );
  t.deepEqual(diff!.positionals, [{ name: 'path', variadic: true, choices: [] }]);
  t.deepEqual(config!.commands[0]!.positionals, [{ name: 'file', variadic: false, choices: ['a', 'b'] }]);
});

// The words before the cursor, then what is wanted there: `|` stands for the word's beginning.
const CASES: [words: string[], wanted: string, prefix: string][] = [
  [[''], 'command', ''],
  [['di'], 'command', 'di'],
  [[], 'command', ''],
  [['-'], 'flag', '-'],
  [['diff', ''], 'positional path', ''],
  [['diff', 'a', 'b'], 'positional path', 'b'],
  [['diff', '--out'], 'flag', '--out'],
  [['diff', '-'], 'flag', '-'],
  [['diff', '--output', ''], 'flag output', ''],
  [['diff', '--output=js'], 'flag output', 'js'],
  [['diff', '-o', 'y'], 'flag output', 'y'],
  [['diff', '-o=y'], 'flag output', 'y'],
  [['diff', '-Rf', 'x'], 'flag filename', 'x'],
  [['diff', '-Rfdir', '-o', ''], 'flag output', ''],
  [['diff', '--recursive', ''], 'positional path', ''],
  [['diff', '--dry-run', ''], 'positional path', ''],
  [['diff', '-v', ''], 'flag v', ''],
  [['diff', '--nonsense=', ''], 'positional path', ''],
  [['diff', '--nonsense='], 'nothing', ''],
  [['diff', '-f', '-', ''], 'positional path', ''],
  [['diff', '--', '--out'], 'positional path', '--out'],
  [['config', ''], 'command', ''],
  [['config', 'show', ''], 'positional file', ''],
  [['config', 'show', 'a', ''], 'nothing', ''],
  [['config', 'nothing', ''], 'nothing', ''],
  [['nothing', ''], 'nothing', ''],
];
for (const [words, wanted, prefix] of CASES) {
  test(`the word is ${wanted} in: ${JSON.stringify(words)}`, (t) => {
    const position = positionOf(ROOT, words);
    const { wanted: found } = position;
    t.is(found.kind === 'value' ? `${found.of} ${found.name}` : found.kind, wanted);
    t.is(position.prefix, prefix);
  });
}

test('flags before the word are read with their values', (t) => {
  const { flags, positionals } = positionOf(ROOT, [
    'diff',
    '-Rfa',
    '--filename=b',
    'c',
    '-o',
    'json',
    'd',
    '',
  ]);
  t.deepEqual(Object.fromEntries(flags), { recursive: ['true'], filename: ['a', 'b'], output: ['json'] });
  t.deepEqual(positionals, ['c', 'd']);
});
