import test from 'ava';
import { type Candidate, guardPrune, type PruneFacts } from '../../../core/apply/prune-guards.ts';
import type { Allowance } from '../../../core/model/allowance.ts';
import type { JsonObject } from '../../../core/model/json.ts';
import { objectKey } from '../../../core/model/object.ts';

const SET = 'applyset-x-v1';
const LABEL = { 'f:metadata': { 'f:labels': { 'f:applyset.kubernetes.io/part-of': {} } } };
const OURS = { manager: 'gitlab-agent', operation: 'Apply', apiVersion: 'v1', fieldsV1: LABEL };

interface Given {
  kind?: string;
  group?: string;
  metadata?: JsonObject;
  facts?: Partial<PruneFacts>;
}

function candidate({ kind = 'ConfigMap', group = '', metadata = {} }: Given, name = 'a'): Candidate {
  const resource = {
    group,
    version: 'v1',
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: true,
    verbs: [],
  };
  const live = {
    apiVersion: 'v1',
    kind,
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: { 'applyset.kubernetes.io/part-of': SET },
      managedFields: [OURS],
      ...metadata,
    },
  };
  return { id: { group, version: 'v1', kind, namespace: 'shop', name }, resource, live };
}

function facts(more: Partial<PruneFacts> = {}): PruneFacts {
  const uses = { groupKinds: new Set<string>(), namespaces: new Set<string>() };
  return {
    set: SET,
    wanted: new Set(),
    wantedUids: new Set(),
    uses,
    adopting: false,
    kinds: new Set(),
    ...more,
  };
}

const owner = (controller: boolean): JsonObject => ({
  ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: '1', controller }],
});
const CASES: [title: string, given: Given, decision: string][] = [
  ['a member that left the manifests', {}, 'delete'],
  [
    'what the manifests want',
    {
      facts: { wanted: new Set([objectKey({ group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a' })]) },
    },
    'keep',
  ],
  [
    'the same object under the name of another API group',
    { group: 'extensions', kind: 'Ingress', facts: { wantedUids: new Set(['uid-a']) } },
    'keep',
  ],
  ['what is being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'keep'],
  [
    'what a controller made, labels copied',
    { kind: 'EndpointSlice', group: 'discovery.k8s.io', metadata: owner(true) },
    'keep',
  ],
  ['an owner that is no controller', { metadata: owner(false) }, 'delete'],
  [
    'what went to another set',
    { metadata: { labels: { 'applyset.kubernetes.io/part-of': 'applyset-y-v1' } } },
    'keep',
  ],
  [
    'a label that a person wrote',
    { metadata: { managedFields: [{ ...OURS, manager: 'kubectl-label', operation: 'Update' }] } },
    'skip LabelNotOurs',
  ],
  [
    'a label that our own update wrote',
    { metadata: { managedFields: [{ ...OURS, operation: 'Update' }] } },
    'skip LabelNotOurs',
  ],
  ['a label without any owner', { metadata: { managedFields: [] } }, 'skip LabelNotOurs'],
  [
    'a label of the tool whose set is adopted',
    { metadata: { managedFields: [{ ...OURS, manager: 'kubectl' }] }, facts: { adopting: true } },
    'delete',
  ],
  [
    'prune: disabled',
    { metadata: { annotations: { 'agent.gitlab.com/prune': 'disabled' } } },
    'skip PruneDisabled',
  ],
  ['prune: anything else', { metadata: { annotations: { 'agent.gitlab.com/prune': 'enabled' } } }, 'delete'],
  ['a Namespace', { kind: 'Namespace' }, 'hold PruneKind'],
  ['a Namespace of another group', { kind: 'Namespace', group: 'example.org' }, 'delete'],
  [
    'a CustomResourceDefinition',
    { kind: 'CustomResourceDefinition', group: 'apiextensions.k8s.io' },
    'hold PruneKind',
  ],
  ['a PersistentVolume', { kind: 'PersistentVolume' }, 'hold PruneKind'],
  ['a PersistentVolumeClaim', { kind: 'PersistentVolumeClaim' }, 'hold PruneKind'],
  ['a StatefulSet', { kind: 'StatefulSet', group: 'apps' }, 'hold PruneKind'],
  [
    'a StatefulSet, asked for by kind',
    { kind: 'StatefulSet', group: 'apps', facts: { kinds: new Set(['statefulset']) } },
    'delete',
  ],
  [
    'a StatefulSet, asked for by kind and group',
    { kind: 'StatefulSet', group: 'apps', facts: { kinds: new Set(['statefulset.apps']) } },
    'delete',
  ],
  [
    'a StatefulSet, another kind asked for',
    { kind: 'StatefulSet', group: 'apps', facts: { kinds: new Set(['namespace']) } },
    'hold PruneKind',
  ],
  [
    'a run in which something failed',
    { facts: { blocked: { reason: 'PruneBlocked', message: 'x' } } },
    'hold PruneBlocked',
  ],
  [
    'what is left alone, in such a run',
    {
      metadata: { annotations: { 'agent.gitlab.com/prune': 'disabled' } },
      facts: { blocked: { reason: 'PruneBlocked', message: 'x' } },
    },
    'skip PruneDisabled',
  ],
];

for (const [title, given, expected] of CASES) {
  test(`guards: ${title}`, (t) => {
    const [decision] = guardPrune([candidate(given)], facts(given.facts));
    t.is('error' in decision! ? `${decision.action} ${decision.error.reason}` : decision!.action, expected);
  });
}

const LIMITS: [members: number, deletes: number, allowance: Allowance | undefined, allowed: boolean][] = [
  [19, 19, undefined, true],
  [20, 10, undefined, true],
  [20, 11, undefined, false],
  [20, 11, { count: 11 }, true],
  [20, 11, { count: 10 }, false],
  [500, 499, undefined, false],
  [500, 499, { percent: 99 }, false],
  [500, 499, { percent: 100 }, true],
  [40, 30, { percent: 75 }, true],
];

for (const [members, deletes, allowance, allowed] of LIMITS) {
  test(`limits: ${deletes} of ${members}, allowance ${JSON.stringify(allowance) ?? 'none'}`, (t) => {
    const candidates = Array.from({ length: members }, (_none, index) => candidate({}, `m-${index}`));
    const wanted = new Set(candidates.slice(deletes).map(({ id }) => objectKey(id)));
    const decisions = guardPrune(candidates, facts({ wanted, ...(allowance && { allowance }) }));
    const actions = new Set(decisions.slice(0, deletes).map(({ action }) => action));
    t.deepEqual([...actions], [allowed ? 'delete' : 'hold']);
  });
}

test('copied labels do not count as members', (t) => {
  const members = Array.from({ length: 19 }, (_none, index) => candidate({}, `m-${index}`));
  const copies = Array.from({ length: 19 }, (_none, index) =>
    candidate({ kind: 'EndpointSlice', metadata: { ...owner(true), managedFields: [] } }, `e-${index}`),
  );
  const decisions = guardPrune([...copies, ...members], facts());
  t.deepEqual(Map.groupBy(decisions, ({ action }) => action).get('delete')?.length, 19);
});

const PRUNED_ALL = { kinds: new Set(['namespace', 'customresourcedefinition']) };
const namespaceShop = candidate({ kind: 'Namespace' }, 'shop');
const crd = candidate(
  { kind: 'CustomResourceDefinition', group: 'apiextensions.k8s.io' },
  'widgets.example.org',
);
Object.assign(crd.live, { spec: { group: 'example.org', names: { kind: 'Widget' } } });
const keeps = { annotations: { 'agent.gitlab.com/prune': 'disabled' } };
const KEEPERS: [title: string, candidates: Candidate[], facts: Partial<PruneFacts>, decisions: string[]][] = [
  ['a Namespace of which nothing stays', [namespaceShop, candidate({})], {}, ['delete', 'delete']],
  [
    'a Namespace in which the manifests want something',
    [namespaceShop],
    { uses: { groupKinds: new Set(['ConfigMap']), namespaces: new Set(['shop']) } },
    ['hold InUse'],
  ],
  [
    'a Namespace in which something is prune: disabled',
    [namespaceShop, candidate({ metadata: keeps })],
    {},
    ['hold InUse', 'skip PruneDisabled'],
  ],
  [
    'a Namespace in which something is held back',
    [candidate({ kind: 'StatefulSet', group: 'apps' }), namespaceShop],
    {},
    ['hold PruneKind', 'hold InUse'],
  ],
  [
    'a CRD of whose kind the manifests want something',
    [crd],
    { uses: { groupKinds: new Set(['Widget.example.org']), namespaces: new Set(['shop']) } },
    ['hold InUse'],
  ],
  [
    'a CRD of whose kind something is prune: disabled',
    [crd, candidate({ kind: 'Widget', group: 'example.org', metadata: keeps })],
    {},
    ['hold InUse', 'skip PruneDisabled'],
  ],
  ['a CRD whose kind is used no more', [crd, candidate({})], {}, ['delete', 'delete']],
];

for (const [title, candidates, more, expected] of KEEPERS) {
  test(`guards: ${title}`, (t) => {
    const decisions = guardPrune(candidates, facts({ ...PRUNED_ALL, ...more }));
    t.deepEqual(
      decisions.map((decision) =>
        'error' in decision ? `${decision.action} ${decision.error.reason}` : decision.action,
      ),
      expected,
    );
  });
}
