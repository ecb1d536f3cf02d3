import type { Cluster } from '../model/cluster.ts';
import type { ClusterIdentity } from '../model/plan-document.ts';

/** Which cluster this is: by the Namespace that every cluster has and none deletes, where it may be read. */
export async function identify(cluster: Cluster, server: string): Promise<ClusterIdentity> {
  const { resources } = await cluster.discover();
  const resource = resources.find(({ group, kind }) => group === '' && kind === 'Namespace');
  const answer = resource && (await cluster.get({ resource, name: 'kube-system' }));
  return { server, ...(answer?.ok && { uid: String(answer.value.metadata.uid) }) };
}

/** One cluster may have several addresses; where either identity lacks a UID, the address has to be the same. */
export function isSameCluster(a: ClusterIdentity, b: ClusterIdentity): boolean {
  return a.uid !== undefined && b.uid !== undefined ? a.uid === b.uid : a.server === b.server;
}
