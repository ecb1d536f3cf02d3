import test from 'ava';
import { compileGlob, splitGlob } from '../../../core/model/glob.ts';

const rows: [pattern: string, matches: string[], others: string[]][] = [
  ['*.yaml', ['a.yaml'], ['b/a.yaml', '.a.yaml', 'a.yml']],
  ['**/*.yaml', ['a.yaml', 'b/a.yaml', 'b/c/a.yaml'], ['.b/a.yaml', 'b/.c/a.yaml', 'b/.a.yaml']],
  ['a/**', ['a', 'a/b', 'a/b/c'], ['b', 'a/.b']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/b/x', 'ab']],
  ['**', ['a', 'a/b'], ['.a']],
  ['*.{yaml,yml,j{s,p}on}', ['a.yaml', 'a.yml', 'a.json', 'a.jpon'], ['a.jon']],
  ['{a,b/c}/x', ['a/x', 'b/c/x'], ['b/x']],
  ['[a-c]?', ['ab', 'cx'], ['dx', 'a', 'a/']],
  ['[!a-c]', ['d'], ['a']],
  ['[^]a]', ['d'], [']', 'a']],
  ['\\*\\{', ['*{'], ['a{']],
  ['.*/x', ['.a/x'], ['a/x']],
  ['a*b*c', ['abc', 'aXbYc', 'abbcc'], ['ab', 'acb']],
];
for (const [pattern, matches, others] of rows) {
  test(`glob ${pattern}`, (t) => {
    const match = compileGlob(pattern);
    t.deepEqual(
      matches.filter((path) => !match(path)),
      [],
    );
    t.deepEqual(
      others.filter((path) => match(path)),
      [],
    );
  });
}

test('a glob that is not closed, and one with too many alternatives', (t) => {
  t.throws(() => compileGlob('a{b'), { instanceOf: SyntaxError });
  t.throws(() => compileGlob('x/a[b'), { instanceOf: SyntaxError });
  t.throws(() => compileGlob('{a,b,c,d}'.repeat(10)), { instanceOf: SyntaxError });
});

test('stars do not multiply the time', (t) => {
  const start = performance.now();
  t.false(compileGlob(`${'*a'.repeat(500)}b`)('a'.repeat(2000)));
  t.false(compileGlob(`${'**/'.repeat(500)}b`)('a/'.repeat(500)));
  t.true(performance.now() - start < 2000);
});

test('where a glob begins to search', (t) => {
  t.deepEqual(splitGlob('a/b/*.yaml'), { base: 'a/b', pattern: '*.yaml' });
  t.deepEqual(splitGlob('/*/x'), { base: '/', pattern: '*/x' });
  t.deepEqual(splitGlob('*.yaml'), { base: '', pattern: '*.yaml' });
});
