import test from 'ava';
import type { Explanation } from '../../../core/model/explain.ts';
import type { ObjectId } from '../../../core/model/object.ts';
import type { HistoryEntry, Member } from '../../../core/model/record.ts';
import { ageText } from '../../../core/report/age.ts';
import { explainExitCode, renderExplanation } from '../../../core/report/explain-report.ts';
import { renderHistory, syncText } from '../../../core/report/history-report.ts';
import {
  inventoryExitCode,
  inventoryReport,
  renderInventory,
} from '../../../core/report/inventory-report.ts';
import { matchesGolden } from './golden.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const style = { color: false, width: 80, now: NOW };
const coloured = { ...style, color: true };
const SET = { id: 'applyset-x-v1', namespace: 'shop', name: 'shop' };
const deployment = (name: string): ObjectId => ({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  namespace: 'shop',
  name,
});
const plain = (text: string): string => text.replaceAll(/\x1b\[\d+m/g, '');

const HISTORY: HistoryEntry[] = [
  {
    revision: '0f9e8d7c6b5a49382716051423324151607f8e9d',
    result: 'Failed',
    reason: 'ApplyFailed',
    message:
      '2 of 11 objects failed; first deployment.apps/web -n shop: Invalid: spec.replica: field not declared',
    startedAt: '2026-03-01T11:56:40.000Z',
    finishedAt: '2026-03-01T11:57:00.000Z',
    trigger: 'apply',
    by: 'ann@laptop',
    counts: { changed: 1, unchanged: 8, failed: 2 },
    changed: ['changed configmap/settings -n shop'],
    moreChanged: 3,
  },
  {
    result: 'Synced',
    reason: 'Succeeded',
    message: '11 created',
    startedAt: '2026-02-20T10:00:00.000Z',
    finishedAt: '2026-02-20T10:00:01.000Z',
    by: 'bob\u001b[31m@desk',
    counts: { created: 11 },
  },
];

test('history, as a table and one sync in full', (t) => {
  matchesGolden(t, 'history-table.txt', renderHistory('table', SET, HISTORY, style));
  matchesGolden(t, 'history-sync.txt', syncText(HISTORY[0]!, style));
  t.is(plain(renderHistory('table', SET, HISTORY, coloured)), renderHistory('table', SET, HISTORY, style));
  t.is(renderHistory('table', SET, [], style), 'no syncs yet\n');
  t.true(
    renderHistory('table', SET, HISTORY, style)
      .split('\n')
      .every((line) => line.length <= 80),
  );
});

const MEMBERS: Member[] = [
  {
    id: deployment('api'),
    state: 'present',
    source: 'shop/api.yaml:1',
    health: { status: 'healthy', reason: 'Available' },
  },
  {
    id: deployment('web'),
    state: 'present',
    source: 'shop/web.yaml:1',
    health: {
      status: 'degraded',
      reason: 'CrashLoopBackOff',
      message: 'container app does not stay up: exit code 1',
    },
  },
  { id: deployment('gone'), state: 'missing', source: 'shop/gone.yaml:4' },
  {
    id: { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'old' },
    state: 'left',
    health: { status: 'healthy', reason: 'NoStatus' },
    pruneDisabled: true,
  },
];

test('inventory: what is not as applied comes first', (t) => {
  const inventory = { applySet: SET, members: MEMBERS, unknown: [] };
  matchesGolden(t, 'inventory-table.txt', renderInventory('table', inventory, style));
  t.is(plain(renderInventory('table', inventory, coloured)), renderInventory('table', inventory, style));
  t.is(renderInventory('table', { ...inventory, members: [] }, style), 'no members\n');
  t.is(inventoryExitCode(inventory), 1);
  t.is(inventoryExitCode({ ...inventory, members: MEMBERS.slice(0, 2) }), 0);
  const place = { ...deployment('*'), kind: 'Secret', group: '' };
  const unknown = [
    { id: place, action: 'unknown' as const, reason: 'Forbidden', message: 'secrets is forbidden' },
  ];
  t.is(inventoryExitCode({ ...inventory, unknown }), 2);
  t.is(
    renderInventory('table', { applySet: SET, members: [], unknown }, style),
    'unknown: secret/* -n shop: Forbidden: secrets is forbidden\nno members\n',
  );
  t.deepEqual(inventoryReport({ ...inventory, unknown }).unknown[0], {
    group: '',
    kind: 'Secret',
    namespace: 'shop',
    reason: 'Forbidden',
    message: 'secrets is forbidden',
  });
});

const EXPLANATION: Explanation = {
  id: deployment('web'),
  exists: true,
  owner: {
    set: SET,
    agent: 'production',
    entry: 'shop',
    state: 'unlabelled',
    source: 'shop/web.yaml:1',
    observed: { revision: HISTORY[0]!.revision!, at: '2026-03-01T11:57:00.000Z' },
    applied: { revision: 'a'.repeat(40), at: '2026-02-20T10:00:01.000Z' },
    sync: { state: 'Failed', reason: 'ApplyFailed', message: 'x', startedAt: '2026-03-01T11:56:40.000Z' },
    by: 'agent production',
    failure: { reason: 'Invalid', message: 'spec.replica: field not declared in schema' },
  },
  owners: [
    {
      manager: 'gitlab-agent',
      operation: 'Apply',
      time: '2026-02-20T10:00:01Z',
      count: 14,
      fields: [
        { path: 'spec.template.spec', count: 12 },
        { path: 'metadata.labels.app', count: 1 },
        { path: 'spec.replicas', count: 1 },
      ],
    },
    { manager: 'kube-controller-manager', operation: 'Update', subresource: 'status', count: 1, fields: [] },
  ],
  change: {
    id: deployment('web'),
    action: 'update',
    source: { file: 'shop/web.yaml', line: 1 },
    fields: [{ path: 'spec.replicas', before: 5, after: 2 }],
    before: { spec: { replicas: 5 } },
    after: { spec: { replicas: 2 } },
  },
  health: { status: 'progressing', reason: 'TooFewAvailable', message: '1 of 2 replicas is available' },
  story: [
    {
      depth: 0,
      text: 'deployment.apps/web -n shop: progressing, TooFewAvailable: 1 of 2 replicas is available',
    },
    { depth: 1, text: 'pod/web-1 -n shop: degraded, CrashLoopBackOff' },
  ],
};

test('explain: all that is known of one object', (t) => {
  matchesGolden(t, 'explain.txt', renderExplanation('text', EXPLANATION, style));
  t.is(
    plain(renderExplanation('text', EXPLANATION, coloured)),
    renderExplanation('text', EXPLANATION, style),
  );
  const { owner: _owner, change: _change, ...bare } = EXPLANATION;
  t.regex(
    renderExplanation('text', { ...bare, noOwner: 'it belongs to no apply set' }, style),
    /\nset: {7}it belongs to/,
  );
});

test('explain ends with 0 only where nothing is to be said against the object', (t) => {
  const { owner, change, ...rest } = EXPLANATION;
  const { failure: _failure, ...fine } = owner!;
  const well: Explanation = {
    ...rest,
    owner: { ...fine, state: 'present' },
    health: { status: 'healthy', reason: 'Available' },
  };
  t.is(explainExitCode(well), 0);
  t.is(explainExitCode({ ...well, change: { ...change!, action: 'unchanged' } }), 0);
  t.is(explainExitCode({ ...well, change: change! }), 1);
  t.is(explainExitCode({ ...well, change: { ...change!, action: 'unknown' } }), 2);
  t.is(explainExitCode({ ...well, owner: owner! }), 1);
  t.is(explainExitCode({ ...well, exists: false }), 1);
  t.is(explainExitCode({ ...well, health: EXPLANATION.health }), 1);
});

test('ages are those of kubectl tables', (t) => {
  const ages = [0, 119, 120, 7199, 7200, 172_799, 172_800, -5].map((seconds) =>
    ageText(new Date(NOW.getTime() - seconds * 1000).toISOString(), NOW),
  );
  t.deepEqual(ages, ['0s', '119s', '2m', '119m', '2h', '47h', '2d', '0s']);
  t.is(ageText('yesterday', NOW), '?');
});
