import test from 'ava';
import { applyText, became, writesOf } from '../../support/apply.ts';
import { type Stage, stage, told } from '../../support/plan.ts';

const CONFIG = (data: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {${data}}
`;
const DEPLOYMENT = (image: string, args: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: ${image}, args: ${args}}
`;
const asFlux = (on: Stage, yaml: string): Promise<string> =>
  on.kubectl(['apply', '--server-side', '--force-conflicts', '--field-manager=flux', '-f', '-'], yaml);
const dataOf = (on: Stage): Promise<string> => on.kubectl('get cm/web -o jsonpath={.data}');

async function contested(t: Parameters<typeof stage>[0]): Promise<Stage> {
  const on = await stage(t);
  await applyText(on, CONFIG('a: "1", b: "1"'));
  await asFlux(on, CONFIG('a: "flux"'));
  return on;
}

test.serial('take: the field is taken, and the record says from whom', async (t) => {
  const on = await contested(t);
  const record = await applyText(on, CONFIG('a: "2", b: "2"'));
  t.deepEqual(became(record), { 'ConfigMap/web': 'applied update data.a data.b' });
  const [conflict, ...more] = record.outcomes[0]!.change.conflicts!;
  t.like(conflict, { path: 'data.a', manager: 'flux' });
  t.false(Number.isNaN(Date.parse(conflict!.time!)), 'and since when');
  t.deepEqual(more, []);
  t.is(await dataOf(on), '{"a":"2","b":"2"}');
});

test.serial('fail: the object is left as it is, with field and manager named', async (t) => {
  const on = await contested(t);
  const writes = await writesOf(on, async () => {
    const record = await applyText(on, CONFIG('a: "2", b: "2"'), { conflicts: 'fail' });
    t.deepEqual(became(record), { 'ConfigMap/web': 'failed Conflict' });
    t.is(
      record.outcomes[0]!.error!.message,
      'data.a belongs to flux; --conflicts=take takes them, --conflicts=keep leaves them',
    );
  });
  t.deepEqual(writes, []);
  t.deepEqual(told(await on.plan(CONFIG('a: "2", b: "2"'), { conflicts: 'fail' })), {
    'ConfigMap/web': ['unknown: Conflict'],
  });
  t.deepEqual(became(await applyText(on, CONFIG('a: "flux", b: "2"'), { conflicts: 'fail' })), {
    'ConfigMap/web': 'applied update data.b',
  });
});

test.serial('keep: what others hold is left to them and named, the rest is applied', async (t) => {
  const on = await contested(t);
  const record = await applyText(on, CONFIG('a: "2", b: "2"'), { conflicts: 'keep' });
  t.deepEqual(became(record), { 'ConfigMap/web': 'applied update data.b' });
  t.deepEqual(record.outcomes[0]!.change.yielded, ['data.a']);
  t.is(await dataOf(on), '{"a":"flux","b":"2"}');
  const writes = await writesOf(on, async () => {
    const again = await applyText(on, CONFIG('a: "2", b: "2"'), { conflicts: 'keep' });
    t.deepEqual(became(again), { 'ConfigMap/web': 'unchanged' });
    t.deepEqual(again.outcomes[0]!.change.yielded, ['data.a']);
  });
  t.deepEqual(writes, []);
});

test.serial('keep: a list that is held as a whole is left as a whole', async (t) => {
  const on = await stage(t);
  await applyText(on, DEPLOYMENT('a:1', '["--one", "--two"]'));
  await asFlux(on, DEPLOYMENT('a:1', '["--one", "--flux"]'));
  const record = await applyText(on, DEPLOYMENT('a:2', '["--one", "--two"]'), { conflicts: 'keep' });
  const { change, result } = record.outcomes[0]!;
  const container = 'spec.template.spec.containers[name="app"]';
  t.is(result, 'applied');
  t.deepEqual(change.yielded, [`${container}.args`, `${container}.image`]);
  t.is(
    await on.kubectl('get deploy/web -o jsonpath={.spec.template.spec.containers[0].args}'),
    '["--one","--flux"]',
  );
});

test.serial('fail and keep hold against a manager that comes between plan and write', async (t) => {
  for (const [conflicts, expected] of [
    ['fail', 'failed Conflict'],
    ['keep', 'applied update data.b'],
  ] as const) {
    const on = await stage(t);
    await applyText(on, CONFIG('a: "1", b: "1"'));
    const record = await applyText(on, CONFIG('a: "2", b: "2"'), {
      conflicts,
      beforeWrites: () => asFlux(on, CONFIG('a: "flux"')),
    });
    t.deepEqual(became(record), { 'ConfigMap/web': expected });
    t.regex(await dataOf(on), /"a":"flux"/);
  }
});
