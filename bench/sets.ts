import { createHash } from 'node:crypto';
import { apiCall, apiRequest } from '../test/support/control-plane/api.ts';
import { waitFor } from '../test/support/control-plane/wait.ts';
import type { BenchCluster } from './cluster.ts';

/** The apply sets of a run: the flags that name them. */
export interface Sets {
  ours: string[];
  kubectl: string[];
  /** Makes their parents as they are before the first apply. */
  renew(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * kubectl takes a ConfigMap as a parent only with `-n`, and with that only objects of one namespace: a set that spans
 * several needs a custom resource in none, whose kind is labelled as one of parents (KEP-3659).
 */
export async function makeSets({ server, prefix }: BenchCluster): Promise<Sets> {
  const group = `${prefix}.example.com`;
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const parents = `/apis/${group}/v1/applysets`;
  const ours = `/api/v1/namespaces/default/configmaps/${prefix}-set`;
  const schema = { openAPIV3Schema: { type: 'object' } };
  await apiCall(server, 'POST', crds, {
    metadata: {
      name: `applysets.${group}`,
      labels: { 'applyset.kubernetes.io/is-parent-type': 'true' },
    },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural: 'applysets', singular: 'applyset', kind: 'ApplySet' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
  await waitFor(async () => (await apiRequest(server, 'GET', parents)).status === 200, {
    what: 'the kind of kubectl’s parent',
  });
  return {
    ours: ['--applyset', `default/${prefix}-set`, '--prune'],
    kubectl: ['--prune', `--applyset=applysets.${group}/set`],
    renew: async () => {
      await apiRequest(server, 'DELETE', ours);
      await apiRequest(server, 'DELETE', `${parents}/set`);
      await apiCall(server, 'POST', parents, emptyParent(group));
    },
    remove: async () => {
      await apiRequest(server, 'DELETE', ours);
      await apiRequest(server, 'DELETE', `${crds}/applysets.${group}`);
    },
  };
}

/** kubectl makes no custom resources: it wants to find one that is the parent of nothing yet. */
function emptyParent(group: string): object {
  const hash = createHash('sha256').update(`set..ApplySet.${group}`).digest('base64url');
  const metadata = {
    name: 'set',
    labels: { 'applyset.kubernetes.io/id': `applyset-${hash}-v1` },
    annotations: {
      'applyset.kubernetes.io/tooling': 'kubectl/v1',
      'applyset.kubernetes.io/contains-group-kinds': '',
    },
  };
  return { apiVersion: `${group}/v1`, kind: 'ApplySet', metadata };
}
