import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Approval } from '../../../core/apply/approval.ts';
import { isSameCluster } from '../../../core/apply/cluster-identity.ts';
import { planDocument } from '../../../core/apply/plan-document.ts';
import type { ApplyRecord } from '../../../core/model/apply.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { digestWith } from '../../../core/plan/digest.ts';
import { applyText, became, runOfText } from '../../support/apply.ts';
import { crdText, type Stage, stage } from '../../support/plan.ts';
import { applyAsSet, configMap, type SetRunOptions, setOptions } from '../../support/sets.ts';

type Options = Omit<SetRunOptions, 'name'> & { set?: boolean; replace?: boolean };

/** The plan of the text, as a person would approve it. */
async function approve(
  on: Stage,
  yaml: string,
  { set, replace = false, ...rest }: Options = {},
): Promise<Approval> {
  const digest = digestWith(randomBytes(32));
  const run = await runOfText(on, yaml, { ...(set && setOptions(on, rest)) }, digest);
  const terms = {
    conflicts: 'take' as const,
    replace,
    prune: false,
    adoptSet: [],
    takeOver: [],
    secretPath: [],
  };
  const facts = {
    tool: 't',
    createdAt: '2026-01-01T00:00:00Z',
    cluster: { server: '' },
    namespace: on.namespace,
    inputs: {},
    terms,
  };
  // As it comes back from its file.
  return { document: JSON.parse(JSON.stringify(planDocument(run, facts, digest))), digest };
}

/** Approves a plan and carries it out; `between` happens after the two were compared, before the first write. */
async function approved(
  on: Stage,
  yaml: string,
  between: () => Promise<unknown>,
  { set, ...options }: Options = {},
): Promise<ApplyRecord> {
  const approval = await approve(on, yaml, { ...(set && { set }), ...options });
  const run = set ? applyAsSet : applyText;
  return run(on, yaml, { ...options, approval, beforeWrites: between });
}

const base = configMap('m', 'a: "1", b: "1"');
const next = configMap('m', 'a: "2", b: "1"');

test('what changes between the comparison and the write is not overwritten', async (t) => {
  const cases: [
    what: string,
    start: string,
    wanted: string,
    command: string,
    outcome: string,
    key: string,
  ][] = [
    ['the field that is written', base, next, 'patch cm m -p {"data":{"a":"x"}}', 'failed PlanChanged', 'x'],
    ['another field of ours', base, next, 'patch cm m -p {"data":{"b":"x"}}', 'failed PlanChanged', '1'],
    ['a field of nobody', base, next, 'label cm m somebody=else', 'applied update data.a', '2'],
    [
      'somebody did the same',
      base,
      next,
      'patch cm m -p {"data":{"a":"2"}} --field-manager=gitlab-agent',
      'failed PlanChanged',
      '2',
    ],
    ['it is gone', base, next, 'delete cm m', 'failed PlanChanged', ''],
    ['it came to be', '', next, 'create cm m --from-literal=a=x', 'failed PlanChanged', 'x'],
  ];
  for (const [what, start, wanted, command, outcome, value] of cases) {
    const on = await stage(t);
    if (start) await applyText(on, start);
    const record = await approved(on, wanted, () => on.kubectl(command));
    t.deepEqual(became(record), { 'ConfigMap/m': outcome }, what);
    const live = await on.kubectl(['get', 'cm', 'm', '--ignore-not-found', '-o', 'jsonpath={.data.a}']);
    t.is(live, value, what);
  }
});

test('a replaced object is still the one that was approved', async (t) => {
  const frozen = (value: string): string =>
    `${configMap('m', `a: "${value}"`).replace('---\n', '')}immutable: true\n`;
  for (const [command, outcome, value] of [
    ['label cm m somebody=else', 'applied replace ImmutableField data.a', '2'],
    ['patch cm m -p {"metadata":{"annotations":{"note":"x"}}}', 'applied replace ImmutableField data.a', '2'],
    ['replace --force -f -', 'failed PlanChanged', 'x'],
  ] as const) {
    const on = await stage(t);
    await applyText(on, frozen('1'));
    const input = command.endsWith('-') ? frozen('x') : undefined;
    const record = await approved(on, frozen('2'), () => on.kubectl(command, input), { replace: true });
    t.deepEqual(became(record), { 'ConfigMap/m': outcome }, command);
    t.is(await on.kubectl('get cm m -o jsonpath={.data.a}'), value, command);
  }
});

test('a member is deleted as it was approved, or not at all', async (t) => {
  for (const [command, outcome, left] of [
    ['label cm m somebody=else', 'pruned delete', ''],
    ['delete cm m', 'pruned delete', ''],
    ['patch cm m -p {"data":{"b":"x"}} --field-manager=somebody', 'failed PlanChanged', 'm'],
    [
      'patch cm m -p {"metadata":{"annotations":{"agent.gitlab.com/prune":"disabled"}}}',
      'skipped skip PruneDisabled',
      'm',
    ],
    ['replace --force -f -', 'skipped Recreated', 'm'],
  ] as const) {
    const on = await stage(t);
    await applyAsSet(on, base + configMap('stays'));
    const input = command.endsWith('-') ? base : undefined;
    const record = await approved(on, configMap('stays'), () => on.kubectl(command, input), { set: true });
    t.deepEqual(became(record), { 'ConfigMap/m': outcome, 'ConfigMap/stays': 'unchanged' }, command);
    t.is(
      await on.kubectl(['get', 'cm', 'm', '--ignore-not-found', '-o', 'jsonpath={.metadata.name}']),
      left,
      command,
    );
  }
});

test('fields taken over from kubectl apply are written as approved, or not at all', async (t) => {
  for (const [command, outcome] of [
    ['label cm m somebody=else', 'applied update data.a'],
    ['patch cm m -p {"data":{"a":"x"}}', 'failed PlanChanged'],
  ] as const) {
    const on = await stage(t);
    await on.kubectl('apply -f -', base);
    const record = await approved(on, next, () => on.kubectl(command));
    t.deepEqual(became(record), { 'ConfigMap/m': outcome }, command);
  }
});

test('a CRD and its resources are approved together', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  const widget = `---\napiVersion: ${group}/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1}\n`;
  t.teardown(
    async () => void (await on.kubectl(['delete', 'crd', `widgets.${group}`, '--ignore-not-found'])),
  );
  const record = await approved(on, crdText(group) + widget, async () => undefined);
  t.is(became(record)['Widget/w'], 'applied create');
  t.is(await on.kubectl(['get', `widgets.${group}`, 'w', '-o', 'jsonpath={.spec.size}']), '1');
});

test('a run that differs is refused before the first write, object by object', async (t) => {
  const on = await stage(t);
  await applyText(on, base + configMap('same') + configMap('gone'));
  const approval = await approve(on, next + configMap('same') + configMap('gone') + configMap('new'));
  await on.kubectl('create cm new --from-literal=a=x');
  await on.kubectl('delete cm gone');
  await on.kubectl('patch cm m -p {"data":{"a":"x"}}');
  const wanted = next + configMap('same', 'a: "3"') + configMap('gone') + configMap('more');
  const error = await t.throwsAsync(applyText(on, wanted, { approval }), { instanceOf: ProblemError });
  const told = (error as ProblemError).problems.map(({ object, message }) => `${object?.name}: ${message}`);
  t.deepEqual(told, [
    'm: update would change other values: data.a',
    'same: unchanged in the plan, update now',
    'gone: unchanged in the plan, create now',
    'new: create in the plan, not wanted now',
    'more: not in the plan, create now',
    'undefined: the plan is not carried out, and nothing was written: 5 objects are not as planned at 2026-01-01T00:00:00Z',
  ]);
  t.is(await on.kubectl('get cm m -o jsonpath={.data.a}'), 'x');
});

test('clusters are told apart by a UID of theirs, else by their address', (t) => {
  const [a, b] = [
    { server: 'https://a', uid: '1' },
    { server: 'https://b', uid: '1' },
  ];
  t.true(isSameCluster(a, b));
  t.false(isSameCluster(a, { server: 'https://a', uid: '2' }));
  t.true(isSameCluster(a, { server: 'https://a' }));
  t.false(isSameCluster(b, { server: 'https://a' }));
});
