import test from 'ava';
import { untilEstablished } from '../../../core/apply/established.ts';
import type { Cluster, ObjectRef } from '../../../core/model/cluster.ts';
import type { Json } from '../../../core/model/json.ts';

// How an API server looks that takes its time can't be had from a real one without taking that time.

const CONFLICT = 'ListKind "WidgetList" is already in use';
const established = [
  { type: 'NamesAccepted', status: 'True' },
  { type: 'Established', status: 'True' },
];
const conflicting = [{ type: 'NamesAccepted', status: 'False', message: CONFLICT }];

/** What becomes of a CRD whose conditions are these from these seconds on, and when. */
async function outcome(history: Record<number, Json[] | undefined>) {
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const get = async () => {
    const begun = Object.keys(history)
      .map(Number)
      .filter((second) => second * 1000 <= now);
    const conditions = history[Math.max(...begun)];
    return { ok: true, value: conditions ? { status: { conditions } } : {} };
  };
  const error = await untilEstablished({ get } as unknown as Cluster, clock, {} as ObjectRef);
  return { error: error?.message, seconds: Math.floor(now / 1000) };
}

test('a CRD that nobody has looked at yet is waited for, longer than a busy API server takes', async (t) => {
  t.deepEqual(await outcome({ 0: undefined, 60: established }), { error: undefined, seconds: 60 });
});

test('one that nobody ever looks at ends the wait', async (t) => {
  const { error, seconds } = await outcome({ 0: undefined });
  t.is(error, 'it was applied, but is not established after 120 seconds: its status is still empty');
  t.is(seconds, 120);
});

test('names that are not accepted may become free', async (t) => {
  t.deepEqual(await outcome({ 0: conflicting, 20: established }), { error: undefined, seconds: 20 });
});

test('names that stay with another CRD end the wait, and are said', async (t) => {
  const { error, seconds } = await outcome({ 0: undefined, 1: conflicting });
  t.is(
    error,
    `it was applied, but is not established after 30 seconds: its names are not accepted: ${CONFLICT}`,
  );
  t.true(seconds <= 31, `${seconds}`);
});
