import test from 'ava';
import { applyText, became } from '../../support/apply.ts';
import { front } from '../../support/front.ts';
import { stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf } from '../../support/sets.ts';

// What others do to an object between the plan and the write.

test.serial('an object that another set created meanwhile stays a member of that one', async (t) => {
  const on = await stage(t);
  const record = await applyAsSet(on, configMap('a') + configMap('b'), {
    name: 'two',
    beforeWrites: () => applyAsSet(on, configMap('a', 'a: "one"'), { name: 'one' }),
  });
  t.deepEqual(became(record), { 'ConfigMap/a': 'failed MemberOfSet', 'ConfigMap/b': 'applied create' });
  t.deepEqual(await membersOf(on, 'one'), ['configmap/a']);
  t.is(await on.kubectl('get cm a -o jsonpath={.data.a}'), 'one');
});

test.serial('an object that another set took over meanwhile is not taken back', async (t) => {
  const on = await stage(t);
  await applyText(on, configMap('a', 'a: "0"'));
  const record = await applyAsSet(on, configMap('a'), {
    name: 'two',
    beforeWrites: () => applyAsSet(on, configMap('a', 'a: "one"'), { name: 'one' }),
  });
  t.deepEqual(became(record), { 'ConfigMap/a': 'failed MemberOfSet' });
  t.deepEqual(await membersOf(on, 'one'), ['configmap/a']);
});

test.serial('an object that somebody created meanwhile is judged before it is written', async (t) => {
  const on = await stage(t);
  const record = await applyText(on, configMap('a'), {
    beforeWrites: () => on.kubectl('create cm a --from-literal=a=2 --from-literal=own=o'),
  });
  t.deepEqual(became(record), { 'ConfigMap/a': 'applied update data.a' });
  const { conflicts = [] } = record.outcomes[0]!.change;
  t.deepEqual(
    conflicts.map(({ path, manager }) => [path, manager]),
    [['data.a', 'kubectl-create']],
  );
});

test.serial('an object that somebody deleted meanwhile is created, and that is what is said', async (t) => {
  const on = await stage(t);
  await applyText(on, configMap('a'));
  const record = await applyText(on, configMap('a', 'a: "2"'), {
    beforeWrites: () => on.kubectl('delete cm a'),
  });
  t.deepEqual(became(record), { 'ConfigMap/a': 'applied create' });
});

test.serial('writes whose answers are lost are what they were planned to be', async (t) => {
  const on = await stage(t);
  await applyText(on, configMap('b', 'a: "0"'));
  await on.kubectl('create cm c --from-literal=a=1');
  const seen = new Set<string>();
  await using between = await front(on.endpoint, ({ method, path }) => {
    if (method !== 'PATCH' || path.includes('dryRun') || seen.has(path)) return undefined;
    seen.add(path);
    return 'half';
  });
  const yaml = configMap('a') + configMap('b') + configMap('c');
  t.deepEqual(became(await applyText(on, yaml, { server: between.url })), {
    'ConfigMap/a': 'applied create',
    'ConfigMap/b': 'applied update data.a',
    'ConfigMap/c': 'applied unchanged Ownership',
  });
});

test.serial('a delete whose answer is lost is a delete; finalizers are named all the same', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b') + configMap('c'));
  await on.kubectl(['patch', 'cm/b', '--type=merge', '-p', '{"metadata":{"finalizers":["example.org/x"]}}']);
  const seen = new Set<string>();
  await using between = await front(on.endpoint, ({ method, path }) => {
    if (method !== 'DELETE' || seen.has(path)) return undefined;
    seen.add(path);
    return 'half';
  });
  const record = await applyAsSet(on, configMap('a'), { server: between.url });
  await on.kubectl(['patch', 'cm/b', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  t.deepEqual(became(record), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/b': 'pruned delete Finalizers',
    'ConfigMap/c': 'pruned delete',
  });
});
