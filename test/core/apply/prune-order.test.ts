import test from 'ava';
import { planPrune } from '../../../core/apply/prune.ts';
import type { Candidate } from '../../../core/apply/prune-guards.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';

const SET = 'applyset-x-v1';
const LABEL = { 'f:metadata': { 'f:labels': { 'f:applyset.kubernetes.io/part-of': {} } } };

function member(kind: string, name: string, wave = '0', dependsOn?: string): Candidate {
  const [group = '', short = kind] = kind.includes('/') ? kind.split('/') : ['', kind];
  const id = { group, version: 'v1', kind: short, name };
  const resource = { group, version: 'v1', kind: short, plural: 'x', namespaced: false, verbs: [] };
  const metadata = {
    name,
    uid: name,
    labels: { 'applyset.kubernetes.io/part-of': SET },
    annotations: {
      'argocd.argoproj.io/sync-wave': wave,
      ...(dependsOn !== undefined && { 'config.kubernetes.io/depends-on': dependsOn }),
    },
    managedFields: [
      { manager: 'gitlab-agent', operation: 'Apply' as const, apiVersion: 'v1', fieldsV1: LABEL },
    ],
  };
  return { id, resource, live: { apiVersion: 'v1', kind: short, metadata } };
}

const ORDERS: [title: string, members: Candidate[], order: string][] = [
  [
    'the reverse of apply',
    [
      member('Namespace', 'shop'),
      member('ConfigMap', 'settings'),
      member('apps/Deployment', 'web'),
      member('admissionregistration.k8s.io/ValidatingWebhookConfiguration', 'hook'),
    ],
    'hook web settings shop',
  ],
  [
    'later sync waves first',
    [member('apps/Deployment', 'first', '-1'), member('ConfigMap', 'second', '1')],
    'second first',
  ],
  [
    'what depends on another goes before it, whatever their kinds and waves',
    [
      member('apps/Deployment', 'db', '9'),
      member('ConfigMap', 'settings', '0', 'apps/Deployment/db, apps/Deployment/cache'),
      member('apps/Deployment', 'cache', '0'),
      member('apps/Deployment', 'web', '0', '/ConfigMap/settings'),
    ],
    'web settings db cache',
  ],
  [
    'circles, others outside and what can not be read hold nothing up',
    [
      member('ConfigMap', 'a', '0', '/ConfigMap/b'),
      member('ConfigMap', 'b', '0', '/ConfigMap/a,/ConfigMap/b'),
      member('apps/Deployment', 'c', '0', 'nonsense,apps/Deployment/elsewhere'),
    ],
    'c b a',
  ],
  [
    'an APIService goes before any Namespace, a Namespace and a CRD after all else, whatever their waves',
    [
      member('Namespace', 'shop', '5'),
      member('apiextensions.k8s.io/CustomResourceDefinition', 'widgets', '5'),
      member('ConfigMap', 'settings'),
      member('apiregistration.k8s.io/APIService', 'v1.metrics', '-5'),
      member('example.org/Widget', 'widget', '3'),
    ],
    'v1.metrics widget settings shop widgets',
  ],
];

for (const [title, members, order] of ORDERS) {
  test(`prune: ${title}`, (t) => {
    const kinds = new Set(['namespace', 'customresourcedefinition']);
    const facts = {
      set: SET,
      wanted: new Set<string>(),
      wantedUids: new Set<string>(),
      uses: { groupKinds: new Set<string>(), namespaces: new Set<string>() },
      adopting: false,
      kinds,
    };
    const steps = planPrune(members, facts, new SecretGate());
    t.is(steps.map(({ change }) => change.id.name).join(' '), order);
  });
}
