import test from 'ava';
import type { Clock } from '../../../core/kube/clock.ts';
import { realClock } from '../../../core/kube/clock.ts';
import { Limiter, type Slot } from '../../../core/kube/limiter.ts';
import { connectionTo, transportTo } from './connections.ts';
import { json, serve, status } from './servers.ts';

/** A clock whose hands the test turns. */
function fakeClock(): Clock & { advance: (ms: number) => Promise<void> } {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: async (ms) => {
      now += ms;
      const due = timers.filter((timer) => timer.at <= now);
      timers = timers.filter((timer) => timer.at > now);
      for (const { run } of due) run();
      await settle();
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

function limiterWith(more: { start?: number; max?: number; min?: number; signal?: AbortSignal } = {}) {
  const clock = fakeClock();
  const limiter = new Limiter({ clock, signal: new AbortController().signal, ...more });
  const slots: Slot[] = [];
  const order: number[] = [];
  let asked = 0;
  const ask = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const number = asked;
      asked += 1;
      limiter.acquire().then(
        (slot) => {
          order.push(number);
          slots.push(slot);
        },
        () => {},
      );
    }
    await settle();
  };
  /** Lets everything that is under way end, after `latency(active)` ms. */
  const round = async (latency: (active: number) => number): Promise<void> => {
    const batch = slots.splice(0);
    const ms = latency(batch.length);
    await clock.advance(ms);
    for (const slot of batch) slot.release({ latency: ms });
    await settle();
  };
  return { clock, limiter, slots, order, ask, round };
}

test('lets no more through than the limit, first come, first served', async (t) => {
  const { limiter, slots, order, ask } = limiterWith({ start: 3 });
  await ask(6);
  t.deepEqual(order, [0, 1, 2]);
  slots[1]!.release();
  slots[1]!.release();
  await settle();
  t.deepEqual(order, [0, 1, 2, 3]);
  t.is(limiter.active, 3);
});

const SHAPES: [string, (active: number) => number, number, number][] = [
  ['a server far away grows it to the maximum', () => 50, 64, 64],
  [
    'a server with four workers leaves it where they are busy',
    (active) => 5 * Math.max(1, active / 4),
    12,
    40,
  ],
  ['a server with one worker as well', (active) => 10 * active, 12, 40],
];

for (const [name, latency, least, most] of SHAPES) {
  test(name, async (t) => {
    const { limiter, ask, round } = limiterWith();
    await ask(5_000);
    for (let index = 0; index < 60; index += 1) await round(latency);
    t.true(limiter.limit >= least && limiter.limit <= most, String(limiter.limit));
  });
}

test('latency well above its floor shrinks it, and a fast server makes it grow again', async (t) => {
  const { limiter, ask, round } = limiterWith({ start: 16 });
  await ask(20_000);
  for (let index = 0; index < 4; index += 1) await round(() => 10);
  const before = limiter.limit;
  for (let index = 0; index < 10; index += 1) await round(() => 100);
  t.true(limiter.limit < before / 2, `${before} → ${limiter.limit}`);
  t.true(limiter.limit >= 2);
  for (let index = 0; index < 60; index += 1) await round(() => 10);
  t.is(limiter.limit, 64);
});

test('without a queue it does not grow', async (t) => {
  const { limiter, ask, round } = limiterWith({ start: 8 });
  for (let index = 0; index < 20; index += 1) {
    await ask(8);
    await round(() => 10);
  }
  t.is(limiter.limit, 8);
});

test('a 429 halves it once for all that were under way, and pauses for its Retry-After', async (t) => {
  const { clock, limiter, slots, order, ask } = limiterWith({ start: 16 });
  await ask(100);
  await clock.advance(10);
  for (const slot of slots.splice(0)) slot.release({ throttled: { retryAfter: 2_000 } });
  await settle();
  t.is(limiter.limit, 8);
  t.is(order.length, 16);
  await clock.advance(1_999);
  t.is(order.length, 16);
  await clock.advance(1);
  t.is(order.length, 24);
  await clock.advance(10);
  slots.shift()!.release({ throttled: { retryAfter: 100 } });
  t.is(limiter.limit, 4);
});

test('never below its minimum', async (t) => {
  const { clock, limiter, slots, ask } = limiterWith({ start: 4, min: 2 });
  await ask(100);
  for (let index = 0; index < 10; index += 1) {
    await clock.advance(1_000);
    slots.shift()?.release({ throttled: { retryAfter: 0 } });
    await clock.advance(1);
  }
  t.is(limiter.limit, 2);
});

test('an abort refuses all that wait and all that come', async (t) => {
  const controller = new AbortController();
  const limiter = new Limiter({ clock: fakeClock(), signal: controller.signal, start: 1 });
  await limiter.acquire();
  const waiting = limiter.acquire();
  controller.abort(new Error('stop'));
  await t.throwsAsync(waiting, { message: 'stop' });
  await t.throwsAsync(limiter.acquire(), { message: 'stop' });
});

test('a real server that takes ten at once and throttles the rest gets everything done', async (t) => {
  let active = 0;
  let most = 0;
  let throttled = 0;
  await using server = await serve((_request, _body, response) => {
    active += 1;
    most = Math.max(most, active);
    if (active > 10) {
      throttled += 1;
      active -= 1;
      json(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '0' });
    } else {
      setTimeout(() => {
        active -= 1;
        json(response, 200, {});
      }, 2);
    }
  });
  const transport = transportTo(connectionTo(server.url), { clock: realClock });
  const all = await Promise.all(
    Array.from({ length: 400 }, () => transport.send({ method: 'GET', path: '/x', repeatable: true })),
  );
  transport.close();
  t.true(all.every((sent) => sent.ok));
  t.true(throttled < 400, String(throttled));
  t.true(server.connections() <= 64);
});
