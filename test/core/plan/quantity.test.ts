import test from 'ava';
import { sameQuantity } from '../../../core/plan/quantity.ts';

const SAME = [
  ['1000m', '1'],
  ['1000m', 1],
  ['0.5Gi', '512Mi'],
  ['1000M', '1G'],
  ['1e3', '1000'],
  ['1E', '1000P'],
  ['.5', '500m'],
  ['100n', '0.1u'],
  ['1Ei', '1024Pi'],
] as const;
const OTHER = [
  ['1', '2'],
  ['1G', '1Gi'],
  ['1m', '1M'],
  ['', ''],
  ['abc', 'abc'],
  ['1 ', '1'],
  ['1ki', '1Ki'],
  [true, true],
] as const;

for (const [a, b] of SAME)
  test(`${JSON.stringify(a)} is ${JSON.stringify(b)}`, (t) => t.true(sameQuantity(a, b)));
for (const [a, b] of OTHER)
  test(`${JSON.stringify(a)} and ${JSON.stringify(b)} are not told to be one quantity`, (t) =>
    t.false(sameQuantity(a, b)));
