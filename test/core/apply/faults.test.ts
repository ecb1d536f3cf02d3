import test from 'ava';
import { ChaosStage } from '../../support/chaos.ts';
import { startControlPlane } from '../../support/control-plane/control-plane.ts';
import { type Fault, failed, front } from '../../support/front.ts';
import { Random } from '../../support/random.ts';
import { applyAsSet } from '../../support/sets.ts';

const SEED = Number(process.env.TEST_SEED ?? 20261124);
const FAULTY_ROUNDS = process.env.TEST_CHAOS ? 100 : 4;
const RESTARTS = process.env.TEST_CHAOS ? 20 : 3;
const ALL = { allowance: { percent: 100 } };

const FAULTS: Fault[] = [
  { status: 429, body: failed(429, 'TooManyRequests', 'slow down'), headers: { 'retry-after': '0' } },
  { status: 500, body: failed(500, 'InternalError', 'Internal error occurred: etcdserver: leader changed') },
  { status: 500, body: 'This request caused apiserver to panic. Look in the logs for details.' },
  { status: 503, body: failed(503, 'ServiceUnavailable', 'the server is currently unable to handle it') },
  'cut',
  // The request was carried out, and nobody hears of it.
  'half',
];

test.serial(
  `1 in 5 requests goes wrong, ${FAULTY_ROUNDS} times over: applied all the same, and told as it was`,
  async (t) => {
    t.timeout(30 * 60_000);
    const chaos = await ChaosStage.make(t);
    const random = new Random(SEED);
    let wrong = 0;
    for (let round = 0; round < FAULTY_ROUNDS; round += 1) {
      const story = `seed ${SEED}, round ${round}`;
      const wanted = chaos.random(random);
      await using between = await front(chaos.on.endpoint, () => {
        if (!random.chance(0.2)) return undefined;
        wrong += 1;
        return random.pick(FAULTS);
      });
      const record = await applyAsSet(chaos.on, wanted.yaml, { ...ALL, server: between.url });
      const bad = record.outcomes.filter(({ error }) => error);
      t.deepEqual(bad, [], story);
      await chaos.holds(wanted, story);
      const again = await applyAsSet(chaos.on, wanted.yaml, ALL);
      t.deepEqual([...new Set(again.outcomes.map(({ result }) => result))].sort(), UNTOUCHED, story);
    }
    t.log(`${wrong} requests went wrong`);
    t.true(wrong > FAULTY_ROUNDS * 5);
  },
);
// The label that nobody applied is left alone, and that is said.
const UNTOUCHED = ['skipped', 'unchanged'];

test.serial(
  `the API server is restarted in the middle, ${RESTARTS} times: applied all the same`,
  async (t) => {
    t.timeout(30 * 60_000);
    await using own = await startControlPlane({
      workloads: false,
      purpose: 'restarts in the middle of an apply',
    });
    const chaos = await ChaosStage.make(t, own);
    const random = new Random(SEED);
    for (let round = 0; round < RESTARTS; round += 1) {
      const story = `seed ${SEED}, round ${round}`;
      const wanted = chaos.random(random);
      let left = random.int(60);
      let restarted: Promise<void> | undefined;
      const record = await applyAsSet(chaos.on, wanted.yaml, {
        ...ALL,
        beforeWrite: async () => {
          left -= 1;
          if (left < 0) restarted ??= own.apiServer.restart();
        },
      });
      await restarted;
      t.deepEqual(
        record.outcomes.filter(({ error }) => error),
        [],
        story,
      );
      await chaos.holds(wanted, story);
    }
  },
);
