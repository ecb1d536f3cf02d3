import test from 'ava';
import { applySetId } from '../../../core/apply/apply-set.ts';
import type { AgentStatus, EntryStatus } from '../../../core/model/agent-status.ts';
import { statusLines, statusTable } from '../../../core/report/status-table.ts';
import { type SeenObjects, statusTree } from '../../../core/report/status-tree.ts';
import { widthOf } from '../../../core/report/width.ts';
import { FIRST, SECOND, statusOf } from '../../support/agent-objects.ts';
import { matchesGolden } from './golden.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const style = { color: false, width: 80, now: NOW };
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

function entry(name: string, more: Partial<EntryStatus> = {}): EntryStatus {
  const set = applySetId({ namespace: 'gitlab-agent', name: `gitlab-agent.production.${name}` });
  return {
    name,
    set,
    project: `group/${name}`,
    wishes: {},
    status: statusOf({}, ago(200)),
    sync: 'Synced',
    health: 'healthy',
    notes: [],
    ...more,
  };
}

const ENTRIES: EntryStatus[] = [
  entry('infra', {
    project: 'group/platform/infrastructure-of-all-clusters',
    sync: 'Failed',
    status: statusOf({
      state: 'Failed',
      wanted: { revision: SECOND, at: ago(120).toISOString() },
      applied: { revision: FIRST, at: ago(26 * 3600).toISOString() },
    }),
    notes: [
      {
        reason: 'ApplyFailed',
        message:
          '1 of 12 objects failed; first deployment.apps/web -n shop: Invalid: spec.replica: field not declared in schema',
      },
    ],
    ahead: {
      ref: 'main',
      commits: [{ id: SECOND, title: 'Cart: 3 replicas', author: 'Ann', at: ago(500).toISOString() }],
      more: 2,
    },
  }),
  entry('日本', {
    project: 'group/日本語のプロジェクト',
    health: 'degraded',
    notes: [
      {
        reason: 'ImagePullBackOff',
        message: 'deployment.apps/web -n shop is degraded: Back-off pulling image "web:2"',
        object: 'deployment.apps/web -n shop',
      },
    ],
    repaired: { at: ago(400).toISOString(), objects: 2 },
  }),
  entry('paused', {
    sync: 'Suspended',
    notes: [{ reason: 'Suspended', message: 'a \u001b[31mmigration\u202e is running' }],
  }),
  entry('shop'),
  entry('later', { sync: 'Syncing', status: statusOf({ state: 'Syncing' }, ago(30)) }),
];
const { health: _, ...unknownHealth } = entry('empty', { sync: 'Pending' });
const AGENTS: AgentStatus[] = [
  {
    name: 'production',
    namespace: 'gitlab-agent',
    record: { version: '0.0.9', entries: [], removed: {} },
    leadership: { holder: 'gitlab-agent-5d8f-x2x1', renewedAt: ago(2).toISOString() },
    notes: [
      {
        reason: 'BrokenConfiguration',
        message: 'config.yaml:3:5: unknown key "prun" (did you mean prune?); 11111111 stays in force',
      },
      { reason: 'OtherVersion', message: 'it runs v0.0.9, and this is v0.1.0' },
    ],
    entries: [...ENTRIES, unknownHealth],
  },
  {
    name: 'staging',
    namespace: 'ops',
    notes: [
      {
        reason: 'NotRunning',
        message:
          'not running: nothing was heard of it since 5m; its last leader was the Pod agent-0, which is gone',
      },
    ],
    entries: [entry('shop')],
  },
  { name: 'fresh', namespace: 'ops', notes: [], entries: [] },
];

test('the table, wide and not, for 80 columns', (t) => {
  const table = statusTable(AGENTS, style, false);
  matchesGolden(t, 'status-table.txt', table);
  for (const line of table.split('\n')) t.true(widthOf(line) <= 80 + 4, line);
  matchesGolden(t, 'status-wide.txt', statusTable(AGENTS, style, true));
  matchesGolden(
    t,
    'status-lines.txt',
    statusLines(AGENTS)
      .map(({ text }) => `${text}\n`)
      .join(''),
  );
  const colored = statusTable(AGENTS, { ...style, color: true }, false);
  t.is(colored.replaceAll(/\x1b\[\d+m/g, ''), table);
  t.false(table.includes('\u001b') || table.includes('\u202e'));
});

test('the tree opens what is not well, and names the rest', (t) => {
  const id = (kind: string, name: string, group = '') => ({
    group,
    version: 'v1',
    kind,
    namespace: 'shop',
    name,
  });
  const seen: SeenObjects = {
    objects: [
      {
        id: id('ConfigMap', 'settings'),
        state: 'present',
        health: { status: 'healthy', reason: 'NoStatus' },
      },
      { id: id('ConfigMap', 'more'), state: 'present', health: { status: 'healthy', reason: 'NoStatus' } },
      { id: id('ConfigMap', 'gone'), state: 'missing' },
      { id: id('Service', 'web'), state: 'unlabelled', health: { status: 'healthy', reason: 'Ready' } },
      {
        id: id('Deployment', 'cart', 'apps'),
        state: 'present',
        health: {
          status: 'progressing',
          reason: 'TooFewUpdated',
          message: '1 of 2 replicas is of the newest revision',
        },
      },
      {
        id: id('Deployment', 'web', 'apps'),
        state: 'present',
        health: {
          status: 'degraded',
          reason: 'ImagePullBackOff',
          message: 'Back-off pulling image "registry.example.com/shop/web:2.0.0-does-not-exist"',
          terminal: true,
        },
        story: [
          { depth: 0, text: 'deployment.apps/web -n shop: degraded, ImagePullBackOff' },
          {
            depth: 1,
            text: 'replicaset.apps/web-5d8f -n shop: progressing, TooFewReady: 0 of 2 Pods are ready',
          },
          {
            depth: 2,
            text: "pod/web-5d8f-x2x1 -n shop: degraded, ImagePullBackOff: app can't pull its image",
          },
          {
            depth: 3,
            text: 'event Failed (4 times): Failed to pull image "registry.example.com/shop/web:2.0.0-does-not-exist": not found',
          },
        ],
      },
    ],
    unknown: ['secret: Forbidden: secrets is forbidden'],
  };
  const shown = AGENTS.map((agent) => ({ ...agent, entries: agent.entries.slice(0, 2) }));
  const text = statusTree(shown, new Map([[ENTRIES[1]!.set.id, seen]]), style);
  matchesGolden(t, 'status-tree.txt', text);
});
