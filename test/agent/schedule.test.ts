import test from 'ava';
import { Schedule } from '../../agent/schedule.ts';

const HOUR = 3_600_000;
const schedule = (): Schedule => new Schedule(HOUR, () => 0.5);
const DONE = { isSynced: true, mayPass: true, reason: 'Succeeded', message: '' };
const FAILED = { isSynced: false, mayPass: true, reason: 'ApplyFailed', message: '' };
const READABLE = { isReadable: true };

test('what is done is looked through again when its interval is over, unless the repository can not be read', (t) => {
  const one = schedule();
  one.end(DONE, 1_000);
  t.true(one.isSettled);
  t.is(one.due(1_000, READABLE), HOUR);
  t.is(one.due(1_000 + HOUR, READABLE), 'interval');
  t.is(one.due(1_000 + HOUR, { isReadable: false }), Number.POSITIVE_INFINITY);
});

test('failures in a row are tried again later and later, a new revision at once', (t) => {
  const one = schedule();
  const waits = [1, 2, 3, 4].map(() => {
    one.end(FAILED, 0);
    return one.due(0, READABLE);
  });
  t.deepEqual(waits, [5_000, 10_000, 20_000, 40_000]);
  t.is(one.due(40_000, READABLE), 'retry');
  one.renew();
  t.is(one.due(0, READABLE), 'retry');
  one.end(FAILED, 0);
  t.is(one.due(0, READABLE), 5_000);
});

test('what no pass can mend waits for its interval; what was interrupted does not wait', (t) => {
  const one = schedule();
  one.end({ ...FAILED, mayPass: false }, 0);
  t.is(one.due(0, READABLE), HOUR);
  one.end({ ...FAILED, isInterrupted: true }, 0);
  t.false(one.isSettled);
  t.is(one.due(0, READABLE), 'retry');
});

test('drift is repaired soon, and ever later where somebody undoes each repair', (t) => {
  const one = schedule();
  let now = 1_000_000;
  one.end(DONE, now);
  const seen: [wait: unknown, isContested: boolean][] = [];
  for (let round = 0; round < 6; round += 1) {
    const isContested = one.drifted(now);
    const wait = one.due(now, READABLE);
    seen.push([wait, isContested]);
    now += Number(wait);
    t.is(one.due(now, READABLE), 'drift');
    one.begin();
    one.end(DONE, now);
    one.repaired(now);
  }
  t.deepEqual(seen, [
    [500, false],
    [1_000, false],
    [2_000, false],
    [4_000, false],
    [8_000, true],
    [16_000, true],
  ]);
  now += 61_000;
  t.false(one.drifted(now));
  t.is(one.due(now, READABLE), 500);
});
