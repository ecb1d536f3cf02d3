import test from 'ava';
import { applyText, became, writesOf } from '../../support/apply.ts';
import { failed, front } from '../../support/front.ts';
import { stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

const CONFIG = (name: string, data: string, metadata = ''): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}${metadata}}
data: {${data}}
---
`;

test.serial('a whole set is created, then nothing is written any more', async (t) => {
  const on = await stage(t);
  const first = await applyText(on, shop(on));
  t.deepEqual([...new Set(Object.values(became(first)))], ['applied create']);
  t.deepEqual(told(await on.plan(shop(on), { full: true })), {});
  const writes = await writesOf(on, async () => {
    const again = await applyText(on, shop(on));
    t.deepEqual([...new Set(Object.values(became(again)))], ['unchanged']);
  });
  t.deepEqual(writes, []);
});

test.serial('only what changed is written, and the record says which fields really changed', async (t) => {
  const on = await stage(t);
  await applyText(on, CONFIG('a', 'x: "1"') + CONFIG('b', 'x: "1", z: "2"') + CONFIG('c', 'x: "1"'));
  const wanted = CONFIG('a', 'x: "1"') + CONFIG('b', 'x: "3"') + CONFIG('d', 'x: "1"');
  let record: Awaited<ReturnType<typeof applyText>> | undefined;
  const writes = await writesOf(on, async () => {
    record = await applyText(on, wanted);
  });
  t.deepEqual(became(record!), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/b': 'applied update data.x data.z',
    'ConfigMap/d': 'applied create',
  });
  t.deepEqual(writes.map(({ verb, name }) => `${verb} ${name}`).sort(), ['patch b', 'patch d']);
  t.deepEqual(record!.outcomes[1]!.change.fields, [
    { path: 'data.x', before: '1', after: '3' },
    { path: 'data.z', before: '2' },
  ]);
  t.true(record!.startedAt <= record!.finishedAt);
});

test.serial('what is proven is written without a dry run, what is not is tried first', async (t) => {
  const on = await stage(t);
  const quota = (cpu: string): string => `
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {limits.cpu: ${cpu}}}
`;
  await applyText(on, CONFIG('a', 'x: "1"') + quota('"1"'));
  const { auditOffset, readAudit } = await import('../../support/control-plane/audit.ts');
  const from = await auditOffset(on.endpoint);
  t.deepEqual(became(await applyText(on, CONFIG('a', 'x: "2"') + quota('1000m'))), {
    'ConfigMap/a': 'applied update data.x',
    'ResourceQuota/q': 'unchanged',
  });
  const { entries } = await readAudit(on.endpoint, from);
  const patches = entries.filter(({ verb, namespace }) => verb === 'patch' && namespace === on.namespace);
  const shown = patches
    .map(({ name, dryRun }) => `${name} ${dryRun}`)
    .filter((text) => !text.startsWith('kube'));
  t.deepEqual(shown.sort(), ['a false', 'q true']);
});

test.serial('a failure hides no other object, and says where its cause stands', async (t) => {
  const on = await stage(t);
  const yaml = `${CONFIG('a', 'x: "1"')}${CONFIG('b', 'x: "1"').replace('\ndata', '\ndat')}${CONFIG('c', 'x: "1"')}`;
  const record = await applyText(on, yaml);
  t.deepEqual(became(record), {
    'ConfigMap/a': 'applied create',
    'ConfigMap/b': 'failed Invalid',
    'ConfigMap/c': 'applied create',
  });
  const { change, error } = record.outcomes[1]!;
  t.regex(error!.message, /^dat: field not declared in schema/);
  t.is(change.source!.line, 8);
});

test.serial('preflight writes nothing where one object can not be told', async (t) => {
  const on = await stage(t);
  const yaml = `${CONFIG('a', 'x: "1"')}${CONFIG('b', 'x: "1"').replace('\ndata', '\ndat')}`;
  const writes = await writesOf(on, async () => {
    t.deepEqual(became(await applyText(on, yaml, { preflight: true })), {
      'ConfigMap/a': 'skipped Preflight',
      'ConfigMap/b': 'failed Invalid',
    });
  });
  t.deepEqual(writes, []);
  t.deepEqual(became(await applyText(on, CONFIG('a', 'x: "1"'), { preflight: true })), {
    'ConfigMap/a': 'applied create',
  });
});

test.serial(
  'trouble on the way is tried again: 429, 503, webhooks that are not ready, cut connections',
  async (t) => {
    const on = await stage(t);
    const yaml = Array.from({ length: 12 }, (_none, index) => CONFIG(`c-${index}`, 'x: "1"')).join('');
    const faults = [
      { status: 429, body: failed(429, 'TooManyRequests', 'slow down'), headers: { 'retry-after': '0' } },
      { status: 503, body: failed(503, 'ServiceUnavailable', 'not now') },
      { status: 500, body: failed(500, 'InternalError', 'failed calling webhook "w": connection refused') },
      'cut' as const,
      'half' as const,
    ];
    let patches = 0;
    await using between = await front(on.endpoint, ({ method }) => {
      if (method !== 'PATCH') return undefined;
      patches += 1;
      return patches <= 10 ? faults[patches % faults.length] : undefined;
    });
    const record = await applyText(on, yaml, { server: between.url });
    t.deepEqual([...new Set(record.outcomes.map(({ result }) => result))], ['applied']);
  },
);

test.serial('a conflict of versions while writing is settled by a fresh look', async (t) => {
  const on = await stage(t);
  await applyText(on, CONFIG('a', 'x: "1"'));
  let answered = 0;
  await using between = await front(on.endpoint, ({ method, path }) => {
    if (method !== 'PATCH' || path.includes('dryRun') || answered === 2) return undefined;
    answered += 1;
    return { status: 409, body: failed(409, 'Conflict', 'the object has been modified') };
  });
  t.deepEqual(became(await applyText(on, CONFIG('a', 'x: "2"'), { server: between.url })), {
    'ConfigMap/a': 'applied update data.x',
  });
});

test.serial('values of Secrets stay behind the gate, also in failures', async (t) => {
  const on = await stage(t);
  const secret = (fields: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: login}
${fields}
`;
  await applyText(on, secret('stringData: {user: admin, password: canary-one}'));
  const changed = await applyText(on, secret('stringData: {user: admin, password: canary-two}'));
  t.deepEqual(changed.outcomes[0]!.change.fields, [
    { path: 'data.password', before: '(changed)', after: '(changed)' },
  ]);
  const bad = await applyText(on, secret('data: {password: "canary-three!"}'));
  t.deepEqual(became(bad), { 'Secret/login': 'failed Invalid' });
  t.notRegex(JSON.stringify([changed, bad]), /canary|Y2FuYXJ5/);
});
