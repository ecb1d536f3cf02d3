import test from 'ava';
import { applyText, became, writesOf } from '../../support/apply.ts';
import { type Stage, stage, told } from '../../support/plan.ts';

const CONFIG = (value: string, metadata = ''): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: fixed${metadata}}
immutable: true
data: {a: "${value}"}
`;
const OPT_IN = ', annotations: {agent.gitlab.com/replace: "true"}';
const uidOf = (on: Stage): Promise<string> => on.kubectl('get cm/fixed -o jsonpath={.metadata.uid}');

test.serial('without the opt-in nothing is deleted, and the hint says how', async (t) => {
  const on = await stage(t);
  await applyText(on, CONFIG('1'));
  const uid = await uidOf(on);
  const record = await applyText(on, CONFIG('2'));
  t.deepEqual(became(record), { 'ConfigMap/fixed': 'skipped ImmutableField' });
  const { error, change } = record.outcomes[0]!;
  t.is(error!.message, "data.a can't be changed: the object has to be deleted and created again");
  t.regex(error!.hint!, /^--replace, or the annotation agent\.gitlab\.com\/replace: "true"/);
  t.is(change.action, 'replace');
  t.is(await uidOf(on), uid);
});

for (const [title, metadata, replace] of [
  ['--replace', '', true],
  ['the annotation', OPT_IN, false],
] as const) {
  test.serial(`${title} deletes the object that was read and creates it again`, async (t) => {
    const on = await stage(t);
    await applyText(on, CONFIG('1', metadata));
    const uid = await uidOf(on);
    const writes = await writesOf(on, async () => {
      const record = await applyText(on, CONFIG('2', metadata), { replace });
      t.deepEqual(became(record), { 'ConfigMap/fixed': 'applied replace ImmutableField data.a' });
    });
    t.deepEqual(
      writes.map(({ verb, code }) => `${verb} ${code}`),
      // The first one is what tells that it can't be changed.
      ['patch 422', 'delete 200', 'patch 201'],
    );
    t.not(await uidOf(on), uid);
    t.deepEqual(told(await on.plan(CONFIG('2', metadata))), {});
  });
}

test.serial('a finalizer is waited for', async (t) => {
  const on = await stage(t);
  await applyText(on, CONFIG('1'));
  await on.kubectl([
    'patch',
    'cm/fixed',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":["example.org/slow"]}}',
  ]);
  let waited = 0;
  const record = await applyText(on, CONFIG('2'), {
    replace: true,
    clock: {
      now: () => Date.now(),
      sleep: async () => {
        waited += 1;
        if (waited < 3) return;
        await on.kubectl(['patch', 'cm/fixed', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
      },
    },
  });
  t.deepEqual(became(record), { 'ConfigMap/fixed': 'applied replace ImmutableField data.a' });
  t.is(waited, 3);
});

test.serial('a finalizer that nobody removes is named once patience is over', async (t) => {
  const on = await stage(t);
  await applyText(on, CONFIG('1'));
  const finalizers = (list: string): Promise<string> =>
    on.kubectl(['patch', 'cm/fixed', '--type=merge', '-p', `{"metadata":{"finalizers":${list}}}`]);
  await finalizers('["example.org/stuck"]');
  let now = Date.now();
  const record = await applyText(on, CONFIG('2'), {
    replace: true,
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    },
  });
  await finalizers('null');
  t.deepEqual(became(record), { 'ConfigMap/fixed': 'failed DeletionPending' });
  t.regex(
    record.outcomes[0]!.error!.message,
    /still there after 60 seconds; its finalizers: example\.org\/stuck/,
  );
});

test.serial('an object that somebody else made again meanwhile is not deleted', async (t) => {
  const on = await stage(t);
  await applyText(on, CONFIG('1'));
  let fresh = '';
  const recreate = async (): Promise<void> => {
    await on.kubectl('delete cm/fixed');
    await on.kubectl('create cm fixed --from-literal=a=theirs');
    fresh = await uidOf(on);
  };
  // The plan reads the old one and says replace; by the time of the delete it is another.
  const record = await applyText(on, CONFIG('2'), { replace: true, preflight: true, beforeWrites: recreate });
  t.deepEqual(became(record), { 'ConfigMap/fixed': 'failed Conflict' });
  t.is(await uidOf(on), fresh);
});
