import test from 'ava';
import type { AgentStatus, EntryNote } from '../../../core/model/agent-status.ts';
import { type SeenObjects, statusTree } from '../../../core/report/status-tree.ts';

const SET = { id: 'applyset-shop-v1', name: 'gitlab-agent.test.shop', namespace: 'gitlab-agent' };
const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'settings' };

function tree(notes: EntryNote[], seen?: SeenObjects): string {
  const agent: AgentStatus = {
    name: 'test',
    namespace: 'gitlab-agent',
    notes: [],
    entries: [{ name: 'shop', set: SET, project: 'group/shop', wishes: {}, sync: 'Failed', notes }],
  };
  const style = { width: 80, color: false, now: new Date() };
  return statusTree([agent], seen ? new Map([[SET.id, seen]]) : new Map(), style);
}

const REFUSED = {
  reason: 'ApplyFailed',
  message: 'configmap/settings -n shop: its field data is immutable',
};
const UNWELL = {
  reason: 'CrashLoopBackOff',
  message: 'deployment.apps/web -n shop is degraded',
  object: 'deployment.apps/web -n shop',
};

test('why an entry failed is told, whatever its words are', (t) => {
  const seen: SeenObjects = {
    objects: [{ id: CONFIG_MAP, health: { status: 'healthy', reason: 'Exists' } }],
    unknown: [],
  };
  t.true(tree([REFUSED], seen).includes(REFUSED.message));
});

test('what is told of an object is left to its branch, where it has one', (t) => {
  const id = { group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
  const health = { status: 'degraded', reason: 'CrashLoopBackOff', message: 'exit code 1' } as const;
  const branch = tree([UNWELL], { objects: [{ id, health }], unknown: [] });
  t.false(branch.includes(UNWELL.message));
  t.true(branch.includes('deployment.apps/web -n shop: degraded, CrashLoopBackOff: exit code 1'));
  t.true(tree([UNWELL], { objects: [], unknown: [] }).includes(UNWELL.message));
  t.true(tree([UNWELL]).includes(UNWELL.message));
});
