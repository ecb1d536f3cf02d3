import test from 'ava';
import { isExcluded } from '../../../core/config/resource-filter.ts';
import type { ResourceRule } from '../../../core/model/agent-config.ts';

const SECRETS: ResourceRule = { apiGroups: [''], kinds: ['Secret'] };
const ALL: ResourceRule = { apiGroups: ['*'], kinds: ['*'] };
const CASES: [
  group: string,
  kind: string,
  inclusions: ResourceRule[],
  exclusions: ResourceRule[],
  excluded: boolean,
][] = [
  ['apps', 'Deployment', [], [], false],
  ['', 'Event', [], [], true],
  ['events.k8s.io', 'Event', [], [], true],
  ['metrics.k8s.io', 'PodMetrics', [], [], true],
  ['', 'Node', [], [], true],
  ['', 'Endpoints', [], [], true],
  ['coordination.k8s.io', 'Lease', [], [], true],
  ['example.com', 'Lease', [], [], false],
  ['discovery.k8s.io', 'EndpointSlice', [], [], true],
  ['', 'Secret', [], [SECRETS], true],
  ['example.com', 'Secret', [], [SECRETS], false],
  ['', 'ConfigMap', [], [SECRETS], false],
  ['apps', 'Deployment', [], [ALL], true],
  ['', 'Secret', [SECRETS], [ALL], false],
  ['', 'Endpoints', [{ apiGroups: [''], kinds: ['*'] }], [], false],
];
for (const [group, kind, resourceInclusions, resourceExclusions, excluded] of CASES) {
  test(`${kind}.${group} ${JSON.stringify([resourceInclusions, resourceExclusions])}`, (t) => {
    t.is(isExcluded({ resourceInclusions, resourceExclusions }, { group, kind }), excluded);
  });
}
