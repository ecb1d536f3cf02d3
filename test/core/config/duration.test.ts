import test from 'ava';
import { formatDuration, parseDuration } from '../../../core/config/duration.ts';

const DURATIONS: [text: string, ms: number | undefined, written?: string][] = [
  ['0s', 0],
  ['3600s', 3_600_000, '1h'],
  ['1h30m', 5_400_000],
  ['90m', 5_400_000, '1h30m'],
  ['1.5s', 1500, '1s500ms'],
  ['0.0004s', 0, '0s'],
  ['20ms', 20],
  ['1h1m1s1ms', 3_661_001],
  ['1m1m', 120_000, '2m'],
  ['', undefined],
  ['5', undefined],
  ['s', undefined],
  ['-1s', undefined],
  ['1d', undefined],
  ['1 s', undefined],
  ['1.s', undefined],
  ['.5s', undefined],
  ['1sm', undefined],
  [`${'1s'.repeat(30)}`, undefined],
];
for (const [text, ms, written] of DURATIONS) {
  test(`duration ${JSON.stringify(text)}`, (t) => {
    t.is(parseDuration(text), ms);
    if (ms === undefined) return;
    t.is(formatDuration(ms), written ?? text);
    t.is(parseDuration(formatDuration(ms)), ms);
  });
}
