import test from 'ava';
import { ChaosStage } from '../../support/chaos.ts';
import { front } from '../../support/front.ts';
import { Random } from '../../support/random.ts';
import { applyAsSet } from '../../support/sets.ts';

const ROUNDS = process.env.TEST_CHAOS ? 100 : 6;
const SEED = Number(process.env.TEST_SEED ?? 20261125);
const ALL = { allowance: { percent: 100 } };

test.serial(
  `two runs of one set at once, ${ROUNDS} times over: the run after them finds every member`,
  async (t) => {
    t.timeout(30 * 60_000);
    const chaos = await ChaosStage.make(t);
    const random = new Random(SEED);
    // Answers come late, so that the runs overlap in ever other ways.
    await using slow = await front(chaos.on.endpoint, () =>
      random.chance(0.3) ? { late: random.int(60) } : undefined,
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      const story = `seed ${SEED}, round ${round}`;
      const [one, two, last] = [chaos.random(random), chaos.random(random), chaos.random(random)];
      const runs = await Promise.allSettled(
        [one, two].map(({ yaml }) => applyAsSet(chaos.on, yaml, { ...ALL, server: slow.url })),
      );
      // They may find what the other one is just writing or deleting; nobody may fall over it.
      for (const run of runs) t.is(run.status, 'fulfilled', `${story}: ${JSON.stringify(run)}`);
      const record = await applyAsSet(chaos.on, last.yaml, ALL);
      t.deepEqual(
        record.outcomes.filter(({ error }) => error),
        [],
        story,
      );
      await chaos.holds(last, story);
    }
  },
);
