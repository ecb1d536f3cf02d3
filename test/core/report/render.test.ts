import test from 'ava';
import { type Format, render } from '../../../core/report/render.ts';
import { matchesGolden } from './golden.ts';
import { change, SAMPLES } from './samples.ts';

const FILES: Record<Format, string> = {
  unified: 'unified.txt',
  summary: 'summary.txt',
  json: 'diff-report.json',
  yaml: 'diff-report.yaml',
  markdown: 'note.md',
  name: 'name.txt',
};

// The whole of a 20,000 line object would make the golden files unreadable: its bounds have tests of their own.
const REPRESENTATIVE = SAMPLES.filter((sample) => sample.id.name !== 'words');

for (const [format, file] of Object.entries(FILES)) {
  test(`${format} prints what its golden file says`, (t) => {
    matchesGolden(t, file, render(format as Format, REPRESENTATIVE));
  });
}

test('colour adds escapes and nothing else', (t) => {
  for (const format of ['unified', 'summary'] as const) {
    const coloured = render(format, SAMPLES, { color: true });
    t.not(coloured, render(format, SAMPLES));
    t.is(coloured.replace(/\x1b\[\d+m/g, ''), render(format, SAMPLES));
  }
});

test('no format lets a manifest drive the terminal', (t) => {
  for (const format of Object.keys(FILES) as Format[]) {
    t.notRegex(render(format, SAMPLES), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
  }
});

test('messages keep to the width, YAML is never wrapped', (t) => {
  const text = render('unified', SAMPLES, { width: 50 });
  const message = text.split('\n').filter((line) => line.startsWith('    ') && line.includes(' '));
  t.true(message.length > 5);
  t.true(message.filter((line) => line.trim().includes(' ')).every((line) => line.length <= 50));
});

test('the counts are the last line', (t) => {
  const line = (actions: Parameters<typeof change>[0][]): string =>
    render(
      'unified',
      actions.map((action) => change(action, undefined, undefined)),
    )
      .trimEnd()
      .split('\n')
      .at(-1)!;
  t.is(line([]), 'no objects');
  t.is(line(['unchanged', 'unchanged']), 'nothing to change, 2 unchanged');
  t.is(line(['unchanged', 'skip']), 'nothing to change, 1 unchanged, 1 skipped');
  t.is(line(['unchanged', 'unknown']), '1 unchanged, 1 unknown');
  t.is(
    line(['delete', 'create', 'update', 'replace', 'update', 'unchanged']),
    '1 to create, 2 to change, 1 to replace, 1 to delete, 1 unchanged',
  );
});

test('what is unknown comes first in every format, the rest keeps the order of the plan', (t) => {
  const changes = ['update', 'create', 'unknown', 'create'].map((action, index) => ({
    ...change(action as 'update', { a: 1 }, { a: 2 }),
    reason: 'Why',
    id: { group: '', version: 'v1', kind: 'ConfigMap', name: `object-${index}` },
  }));
  for (const format of Object.keys(FILES) as Format[]) {
    const found = render(format, changes).match(/object-\d/g)!;
    t.deepEqual([...new Set(found)], ['object-2', 'object-0', 'object-1', 'object-3'], format);
  }
});

test('name prints nothing where nothing differs', (t) => {
  t.is(render('name', [change('unchanged', undefined, undefined), change('skip', undefined, undefined)]), '');
});

test('long lists of fields are shortened', (t) => {
  const conflicts = Array.from({ length: 50 }, (_, index) => ({ path: `f${index}`, manager: 'helm' }));
  const text = render('unified', [{ ...change('update', { a: 1 }, { a: 2 }), conflicts }]);
  t.regex(text, /^ {4}taken from helm: f0, f1, f2, f3, f4, f5, f6, f7 and 42 more$/m);
});
