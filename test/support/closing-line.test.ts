import test from 'ava';
import { closingLine } from './closing-line.ts';

const CASES: { what: string; output: string; code: number; line: string }[] = [
  {
    what: 'all passed',
    output: '  ✔ a\n  ✔ b\n  ─\n\n  2 tests passed\n',
    code: 0,
    line: '2 passed, 0 failed',
  },
  { what: 'one passed', output: '  ✔ a\n  ─\n\n  1 test passed\n', code: 0, line: '1 passed, 0 failed' },
  {
    what: 'some failed, so that ava leaves the passed ones out',
    output: '  ✔ a\n  ✘ [fail]: b no\n  ✔ c\n  ─\n\n  b\n\n  no\n\n  ─\n\n  1 test failed\n',
    code: 1,
    line: '2 passed, 1 failed',
  },
  {
    what: 'skipped, in colours',
    output: '  \x1b[32m✔\x1b[39m a\n  - [skip] b\n  ─\n\n  \x1b[32m1 test passed\x1b[39m\n  1 test skipped\n',
    code: 0,
    line: '1 passed, 0 failed, 1 skipped',
  },
  {
    what: 'crashes beside tests',
    output: '  ✔ a\n  ─\n\n  1 test passed\n  1 unhandled rejection\n  2 uncaught exceptions\n',
    code: 1,
    line: '1 passed, 3 failed',
  },
  {
    what: 'no file found',
    output: '  ✘ Couldn’t find any files to test\n',
    code: 1,
    line: '0 passed, 1 failed',
  },
  {
    what: 'a test that prints such words',
    output: '9 tests failed\n  ✔ a\n  ─\n\n  1 test passed\n',
    code: 0,
    line: '1 passed, 0 failed',
  },
];

for (const { what, output, code, line } of CASES) {
  test(`the closing line when ${what}`, (t) => {
    t.is(closingLine(output, code), line);
  });
}
