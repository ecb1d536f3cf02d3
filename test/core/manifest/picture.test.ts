import test from 'ava';
import { drawLine } from '../../../core/manifest/picture.ts';

const rows: [title: string, line: string, column: number, picture: string][] = [
  ['a line', 'replicas: [3', 11, '  12 | replicas: [3\n     |           ^'],
  ['tabs are one column wide', '\ta:\tb', 5, '  12 |  a: b\n     |     ^'],
  ['the end of a line', 'ab', 3, '  12 | ab\n     |   ^'],
  ['escape sequences are harmless', 'a: \u001b[31mred\u202e', 4, '  12 | a: �[31mred�\n     |    ^'],
  ['wide characters', '日本: x', 5, '  12 | 日本: x\n     |       ^'],
  ['emoji', '😀: x', 5, '  12 | 😀: x\n     |     ^'],
];
for (const [title, line, column, picture] of rows) {
  test(`drawn: ${title}`, (t) => t.is(drawLine(line, 12, column, false), picture));
}

test('long lines keep the place in sight, within 80 columns', (t) => {
  const line = `${'x'.repeat(500)}HERE${'y'.repeat(5_000_000)}`;
  for (const column of [1, 40, 75, 501, 5_000_000]) {
    const [shown, caret] = drawLine(line, 123456, column, false).split('\n');
    t.true(shown!.length <= 80 && caret!.length <= 80);
    t.is(shown![caret!.length - 1], line[column - 1]);
  }
});

const masked: [line: string, shown: string][] = [
  ['  password: hunter2', '  password: …'],
  ['  - "pass.word": hunter2', '  - "pass.word": …'],
  ['stringData:', 'stringData:'],
  ['  hunter2', '  …'],
  ['{"a": "hunter2"}', '…'],
  ['? hunter2', '…'],
];
for (const [line, shown] of masked) {
  test(`masked: ${line}`, (t) => t.is(drawLine(line, 1, 8, true).split('\n')[0], `   1 | ${shown}`));
}
