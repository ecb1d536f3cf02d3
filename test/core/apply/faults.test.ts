import test from 'ava';
import { ChaosStage } from '../../support/chaos.ts';
import { kubectl } from '../../support/cluster.ts';
import { startControlPlane } from '../../support/control-plane/control-plane.ts';
import { type Fault, failed, front } from '../../support/front.ts';
import { crdText, type Stage, stage } from '../../support/plan.ts';
import { Random } from '../../support/random.ts';
import { applyAsSet, configMap } from '../../support/sets.ts';

const SEED = Number(process.env.TEST_SEED ?? 20261124);
const FAULTY_ROUNDS = process.env.TEST_CHAOS ? 100 : 4;
const LONG_ROUNDS = process.env.TEST_CHAOS ? 50 : 2;
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

/** What takes more than one request each: a CRD with its resource, what can't be changed, what kubectl has applied. */
function longWays(on: Stage, round: number): string {
  const group = `r${round}.${on.namespace}.example.org`;
  return `
apiVersion: ${group}/v1
kind: Widget
metadata: {name: w}
spec: {size: ${round}}
---${crdText(group)}---
${configMap('fixed', `round: "${round}"`).replace('---', 'immutable: true\n---')}${configMap('taken', `round: "${round}"`)}
`;
}

test.serial(`1 in 5 requests goes wrong on long ways, ${LONG_ROUNDS} times over`, async (t) => {
  t.timeout(30 * 60_000);
  const on = await stage(t);
  const random = new Random(SEED);
  const options = { ...ALL, replace: true, kinds: ['CustomResourceDefinition'] };
  const crdOf = (round: number): string => `widgets.r${round}.${on.namespace}.example.org`;
  t.teardown(async () => {
    const all = Array.from({ length: LONG_ROUNDS }, (_none, round) => crdOf(round));
    await kubectl(['delete', 'crd', '--wait=false', '--ignore-not-found', ...all]);
  });
  for (let round = 0; round < LONG_ROUNDS; round += 1) {
    const story = `seed ${SEED}, round ${round}`;
    await on.kubectl('apply -f -', configMap('taken', 'round: "before", gone: "yes"'));
    await using between = await front(on.endpoint, () =>
      random.chance(0.2) ? random.pick(FAULTS) : undefined,
    );
    const record = await applyAsSet(on, longWays(on, round), { ...options, server: between.url });
    const bad = record.outcomes.filter(({ error }) => error);
    t.deepEqual(bad, [], story);
    for (const name of ['fixed', 'taken'])
      t.deepEqual(
        JSON.parse(await on.kubectl(['get', 'cm', name, '-o', 'jsonpath={.data}'])),
        { round: String(round) },
        `${story}: ${name}`,
      );
    const again = await applyAsSet(on, longWays(on, round), options);
    t.deepEqual([...new Set(again.outcomes.map(({ result }) => result))], ['unchanged'], story);
    const { stdout } = await kubectl(['get', 'crd', '-o', 'name'], { kubeconfig: on.endpoint.kubeconfig });
    t.deepEqual(
      stdout.split('\n').filter((line) => line.includes(`.${on.namespace}.`)),
      [`customresourcedefinition.apiextensions.k8s.io/${crdOf(round)}`],
      story,
    );
  }
});

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
