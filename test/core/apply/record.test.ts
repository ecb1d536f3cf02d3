import test from 'ava';
import { applySetId } from '../../../core/apply/apply-set.ts';
import { readRecord } from '../../../core/apply/read-record.ts';
import {
  type RecordDesk,
  type RecordOptions,
  recordFailure,
  recordHealth,
} from '../../../core/apply/recorder.ts';
import type { HealthStatus } from '../../../core/model/health.ts';
import type { RunFacts, SetRecord } from '../../../core/model/record.ts';
import { writesOf } from '../../support/apply.ts';
import { grant, serviceAccount } from '../../support/cluster.ts';
import { onCluster, type Stage, stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf, parentOf, setId } from '../../support/sets.ts';

const facts = (revision: string, more: Partial<RunFacts> = {}): RunFacts => ({
  source: { files: ['deploy'], by: 'ann@laptop', tool: 'gitlab-agent/v0.0.0-test' },
  revision,
  trigger: 'apply',
  ...more,
});
const at = (revision: string, more: Partial<RunFacts> = {}) => ({ record: { facts: facts(revision, more) } });
const BAD = configMap('bad.', 'a: "1"');

async function dataOf(on: Stage): Promise<Record<string, string>> {
  const { data } = JSON.parse(await on.kubectl('get cm set -o json')) as { data?: Record<string, string> };
  return data ?? {};
}

const recordIn = async (on: Stage): Promise<SetRecord> => readRecord(await dataOf(on));

/** What the agent does beside applying, with a connection of its own. */
function onDesk<T>(on: Stage, record: RecordOptions, use: (desk: RecordDesk) => Promise<T>): Promise<T> {
  return onCluster(on.endpoint.kubeconfig, async (cluster) =>
    use({
      cluster,
      discovery: await cluster.discover(),
      version: '0.0.0-test',
      record,
      onNotice: (text) => on.t.fail(text),
    }),
  );
}

/** Reason, message and count of the Events on the parent, as `kubectl describe` finds them. */
async function eventsOn(on: Stage): Promise<string[]> {
  const text = await on.kubectl([
    'get',
    'events',
    '--field-selector=involvedObject.kind=ConfigMap,involvedObject.name=set',
    '-o',
    'jsonpath={range .items[*]}{.type} {.reason} {.count}: {.message}{"\\n"}{end}',
  ]);
  return text.split('\n').filter(Boolean).sort();
}

test('a run tells what it did, where from, and where each object is', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'), at('1111111111111111'));
  const { status, history, inventory } = await recordIn(on);
  t.like(status, {
    state: 'Synced',
    reason: 'Succeeded',
    message: '2 created',
    observed: { revision: '1111111111111111' },
    applied: { revision: '1111111111111111' },
    source: { files: ['deploy'], by: 'ann@laptop' },
    objects: 2,
    counts: { created: 2 },
  });
  t.is(status!.healthy, undefined);
  t.like(history, [
    {
      revision: '1111111111111111',
      result: 'Synced',
      by: 'ann@laptop',
      changed: [`created configmap/a -n ${on.namespace}`, `created configmap/b -n ${on.namespace}`],
    },
  ]);
  t.deepEqual(
    inventory!.objects,
    new Map([
      [
        `configmap -n ${on.namespace}`,
        new Map([
          ['a', '-:2'],
          ['b', '-:8'],
        ]),
      ],
    ]),
  );
  t.deepEqual(await eventsOn(on), ['Normal Synced 1: synced at 111111111111: 2 created']);
  t.regex(await on.kubectl('describe cm set'), /Normal +Synced .* gitlab-agent +synced at 111111111111/);
});

test('again, with nothing changed: zero writes, also by somebody else and after a failure', async (t) => {
  const on = await stage(t);
  const yaml = configMap('a') + configMap('b');
  await applyAsSet(on, yaml, at('1'));
  const others = at('1', { source: { files: ['deploy'], by: 'bob@desk' }, trigger: 'sync' });
  t.deepEqual(await writesOf(on, () => applyAsSet(on, yaml, others)), []);

  await applyAsSet(on, yaml + BAD, at('2'));
  const before = await dataOf(on);
  const writes = await writesOf(on, () => applyAsSet(on, yaml + BAD, at('2')));
  t.deepEqual(
    writes.map(({ name }) => name),
    ['bad.'],
    'only the object that fails is tried again',
  );
  t.deepEqual(await dataOf(on), before);
});

test('one sync is at most two writes of the parent and one Event', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'), at('1'));
  const writes = await writesOf(on, () => applyAsSet(on, configMap('a', 'a: "2"'), at('2')));
  t.deepEqual(
    writes.map(({ verb, resource, name }) => [verb, resource, resource === 'events' ? '' : name].join(' ')),
    [
      'patch configmaps set',
      'patch configmaps a',
      'delete configmaps b',
      'patch configmaps set',
      'patch events ',
      'patch events ',
    ],
  );
});

test('an Event that says the same again is counted', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), at('1'));
  for (const value of ['8', '9']) {
    await on.kubectl(['patch', 'cm', 'a', '--type=merge', '-p', `{"data":{"a":"${value}"}}`]);
    await applyAsSet(on, configMap('a'), at('1'));
  }
  t.deepEqual(await eventsOn(on), [
    'Normal Synced 1: synced at 1: 1 created',
    'Normal Synced 2: synced at 1: 1 changed',
  ]);
  t.deepEqual(
    (await recordIn(on)).history.map(({ counts }) => counts),
    [{ changed: 1 }, { changed: 1 }, { created: 1 }],
  );
});

test('a new revision that changes no object is one write, and one line of history', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), at('1'));
  await applyAsSet(on, configMap('a'), at('2'));
  const { status, history } = await recordIn(on);
  t.is(status!.applied!.revision, '2');
  t.deepEqual(
    history.map(({ revision, counts }) => [revision, counts]),
    [
      ['2', { unchanged: 1 }],
      ['1', { created: 1 }],
    ],
  );
});

test('what failed is named with its place, and the applied revision stays the last good one', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), at('good'));
  await applyAsSet(on, configMap('a') + BAD, at('bad'));
  const { status, history } = await recordIn(on);
  t.like(status, {
    state: 'Failed',
    reason: 'ApplyFailed',
    observed: { revision: 'bad' },
    applied: { revision: 'good' },
    counts: { unchanged: 1, failed: 1 },
  });
  const [failure] = status!.failures!;
  t.like(failure, { object: `configmap/bad. -n ${on.namespace}`, reason: 'Invalid', source: '-:8' });
  t.deepEqual(
    history.map(({ revision, result }) => [revision, result]),
    [
      ['bad', 'Failed'],
      ['good', 'Synced'],
    ],
  );
  const [, failed] = (await eventsOn(on)).sort();
  t.regex(
    failed!,
    /^Warning ApplyFailed 1: not synced at bad: 1 of 2 objects failed; first configmap\/bad\./,
  );
  await applyAsSet(on, configMap('a'), at('good'));
  t.is((await recordIn(on)).status!.failures, undefined);
  t.deepEqual(
    (await eventsOn(on)).map((event) => event.replace(/:.*/, '')),
    ['Normal Synced 1', 'Normal Synced 1', 'Warning ApplyFailed 1'],
  );
});

test('what guards keep is counted; deletes that wait make the sync fail, with the objects applied', async (t) => {
  const on = await stage(t);
  const kept = configMap('kept', 'a: "1"', ', annotations: {agent.gitlab.com/prune: disabled}');
  await applyAsSet(on, configMap('a') + kept, at('1'));
  await applyAsSet(on, configMap('a'), at('2'));
  t.like((await recordIn(on)).status, { state: 'Synced', kept: { PruneDisabled: 1 } });

  const many = Array.from({ length: 21 }, (_none, index) => configMap(`c-${index}`)).join('');
  await applyAsSet(on, configMap('a') + many, at('3'));
  await applyAsSet(on, configMap('a'), at('4'));
  const { status } = await recordIn(on);
  t.like(status, {
    state: 'Failed',
    reason: 'PruneBlocked',
    kept: { PruneDisabled: 1, PruneLimit: 21 },
    applied: { revision: '4' },
  });
  t.deepEqual(status!.failures!.length, 1);
  t.regex(status!.failures![0]!.message, /^21 objects: .*; hint: --prune-allow 21 if that is meant$/);
});

test('while objects are written the parent says so, and the next run mends what a dead one left', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), {
    ...at('1'),
    onOutcome: () => undefined,
    onPlanned: () => undefined,
  });
  await t.throwsAsync(
    applyAsSet(on, configMap('a', 'a: "2"'), {
      ...at('2'),
      onOutcome: () => {
        throw new Error('killed');
      },
    }),
    { message: 'killed' },
  );
  const during = await recordIn(on);
  t.like(during.status, { state: 'Syncing', observed: { revision: '2' }, applied: { revision: '1' } });
  t.is(during.status!.finishedAt, undefined);
  await applyAsSet(on, configMap('a', 'a: "2"'), at('2'));
  t.like((await recordIn(on)).status, { state: 'Synced', applied: { revision: '2' } });
});

test('somebody who writes the parent meanwhile takes nothing away, and keeps what is theirs', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'), at('1'));
  let touched = false;
  await applyAsSet(on, configMap('a', 'a: "2"'), {
    ...at('2'),
    beforeWrites: async () => {
      if (touched) return;
      touched = true;
      await on.kubectl('annotate cm set agent.gitlab.com/suspend=true team=shop');
      await on.kubectl(['patch', 'cm', 'set', '--type=merge', '-p', '{"data":{"note":"ours"}}']);
    },
  });
  const { status } = await recordIn(on);
  t.like(status, { state: 'Synced', applied: { revision: '2' } });
  t.is((await dataOf(on)).note, 'ours');
  t.like(await parentOf(on), { 'agent.gitlab.com/suspend': 'true', team: 'shop' });
  t.deepEqual(await membersOf(on), ['configmap/a']);
});

test('what an agent says of a parent stays when somebody else runs the set', async (t) => {
  const on = await stage(t);
  const marks = {
    labels: { 'agent.gitlab.com/name': 'prod' },
    annotations: { 'agent.gitlab.com/project-path': 'group/app' },
  };
  const asAgent = {
    record: { facts: facts('1', { configuration: 'c0ffee' }), marks, entry: '{"project":"group/app"}\n' },
  };
  await applyAsSet(on, configMap('a'), asAgent);
  t.deepEqual(await writesOf(on, () => applyAsSet(on, configMap('a'), asAgent)), []);
  await applyAsSet(on, configMap('a', 'a: "2"'), at('2'));
  t.like(await parentOf(on), {
    'agent.gitlab.com/name': 'prod',
    'agent.gitlab.com/project-path': 'group/app',
  });
  t.is((await dataOf(on)).entry, '{"project":"group/app"}\n');
});

test('a parent that somebody scribbled over is written anew', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), at('1'));
  for (const scribble of ['{', '[]', '{"state":"Synced"}', '{"state":7,"reason":null}']) {
    await on.kubectl([
      'patch',
      'cm',
      'set',
      '--type=merge',
      '-p',
      JSON.stringify({ data: { status: scribble, history: '{}', inventory: '[' } }),
    ]);
    await applyAsSet(on, configMap('a'), at('1'));
    const { status, history, inventory } = await recordIn(on);
    t.is(status!.state, 'Synced', scribble);
    t.is(history.length, 1);
    t.is(inventory!.objects.size, 1);
  }
});

test('a source that can not be read is recorded too, once', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), at('1'));
  const set = applySetId({ namespace: on.namespace, name: 'set' });
  const failure = { reason: 'Yaml', message: 'a tab where spaces belong', source: 'web.yaml:3' };
  const fail = (): Promise<unknown> =>
    onDesk(on, at('2').record, (desk) =>
      recordFailure(desk, set, [failure], {
        startedAt: '2026-01-01T00:00:00.000Z',
        finishedAt: '2026-01-01T00:00:01.000Z',
      }),
    );
  await fail();
  const { status, history, inventory } = await recordIn(on);
  t.like(status, { state: 'Failed', reason: 'Yaml', failures: [failure], applied: { revision: '1' } });
  t.is(history[0]!.revision, '2');
  t.is(inventory!.objects.size, 1);
  t.deepEqual(await writesOf(on, fail), []);
  t.is((await parentOf(on))!['contains-group-kinds'], 'ConfigMap');
});

test('health is written once it is known, and makes the applied revision a healthy one', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'), at('1'));
  const set = applySetId({ namespace: on.namespace, name: 'set' });
  const judge = (status: HealthStatus): Promise<unknown> => {
    const id = { group: '', version: 'v1', kind: 'ConfigMap', namespace: on.namespace, name: 'a' };
    const judged = [{ id, health: { status, reason: 'Why', message: 'so' } }];
    return onDesk(on, at('1').record, (desk) => recordHealth(desk, set, judged, '2026-01-01T00:00:02.000Z'));
  };
  await judge('degraded');
  const sick = await recordIn(on);
  t.deepEqual(sick.status!.health, { degraded: 1 });
  t.deepEqual(sick.status!.unhealthy, [
    { object: `configmap/a -n ${on.namespace}`, reason: 'Why', message: 'degraded: so' },
  ]);
  t.is(sick.status!.healthy, undefined);
  await judge('healthy');
  const well = await recordIn(on);
  t.deepEqual(well.status!.healthy, { revision: '1', at: '2026-01-01T00:00:02.000Z' });
  t.is(well.status!.unhealthy, undefined);
  const keys = Object.keys(JSON.parse((await dataOf(on)).status!) as object);
  t.deepEqual(keys.slice(0, 7), ['state', 'reason', 'message', 'wanted', 'observed', 'applied', 'healthy']);
  t.deepEqual(await writesOf(on, () => judge('healthy')), []);
  t.deepEqual(await writesOf(on, () => applyAsSet(on, configMap('a'), at('1'))), []);
  t.deepEqual(
    (await eventsOn(on)).map((event) => event.replace(/:.*/, '')),
    ['Normal Healthy 1', 'Normal Synced 1', 'Warning NotHealthy 1'],
  );
});

test('without the right to write Events that is said once, and all else is done', async (t) => {
  const on = await stage(t);
  const user = await serviceAccount(on.namespace, 'no-events', on.endpoint);
  const rule = {
    apiGroups: [''],
    resources: ['configmaps'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  };
  await grant(user, [rule], { namespace: on.namespace, endpoint: on.endpoint });
  const notices: string[] = [];
  const onNotice = (text: string): void => void notices.push(text);
  const as = { ...at('1'), kubeconfig: user.kubeconfig!, onNotice };
  await applyAsSet(on, configMap('a') + configMap('b'), as);
  await applyAsSet(on, configMap('a'), { ...as, ...at('2') });
  t.is(notices.length, 2, 'one for each run, though the second has two Events');
  t.regex(
    notices[0]!,
    /^no Events are written on configmap\/set -n \S+: .*cannot (create|patch) resource "events"/,
  );
  t.is((await recordIn(on)).status!.state, 'Synced');
  t.is((await parentOf(on))!.id, setId(on));
});
