import test from 'ava';
import { applySetId } from '../../../core/apply/apply-set.ts';
import { removeSet } from '../../../core/apply/remove-set.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';
import { connected, disturbed } from '../../support/apply.ts';
import { type Stage, stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf, parentOf } from '../../support/sets.ts';

/** Removes the set of a stage; `act` is what somebody does before any write. */
function remove(on: Stage, act: (what: string) => Promise<unknown> = async () => {}) {
  return connected({ kubeconfig: on.endpoint.kubeconfig }, (cluster) =>
    removeSet(disturbed(cluster, act), applySetId({ namespace: on.namespace, name: 'set' }), {
      pruneKinds: new Set(),
      version: '0.0.0-test',
      gate: new SecretGate(),
      stop: new AbortController().signal,
    }),
  );
}

test.serial('all members go, and the parent with them', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'));
  const removed = await remove(on);
  t.true(removed.isEmpty);
  t.is(removed.parentFailure, undefined);
  t.deepEqual(await membersOf(on), []);
  t.is(await parentOf(on), undefined);
});

test.serial('a parent that somebody wrote meanwhile stays, and that is told', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'));
  const removed = await remove(on, async (what) => {
    if (what === 'delete set') await on.kubectl(['annotate', 'cm', 'set', 'note=wait']);
  });
  t.true(removed.isEmpty);
  t.is(removed.parentFailure?.status, 409);
  t.truthy(await parentOf(on));
  const again = await remove(on);
  t.is(again.parentFailure, undefined);
  t.is(await parentOf(on), undefined);
});
