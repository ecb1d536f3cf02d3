import { accessOf, apiCall, apiRequest, type Endpoint, waitFor } from './cluster.ts';

/**
 * Makes a Node whose kubelet is at this port of the loopback address. kwok keeps it and its Pods ready; nothing is
 * scheduled to it, but Pods that name it (`nodeName`) and tolerate everything run there.
 */
export async function makeKubeletNode(endpoint: Endpoint, name: string, port: number): Promise<void> {
  const admin = accessOf(endpoint);
  await apiCall(admin, 'POST', '/api/v1/nodes', {
    metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    spec: { unschedulable: true, taints: [{ key: 'kubelet', effect: 'NoSchedule' }] },
  });
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await waitFor(
    async () => {
      const path = `/api/v1/nodes/${name}`;
      const { body } = await apiRequest(admin, 'GET', path);
      const live = body as { status?: { daemonEndpoints?: { kubeletEndpoint?: { Port?: number } } } };
      if (live.status?.daemonEndpoints?.kubeletEndpoint?.Port === port) return true;
      await apiRequest(admin, 'PUT', `${path}/status`, { ...live, status: { ...live.status, ...status } });
      return false;
    },
    { what: 'the Node to say where its kubelet is' },
  );
}

/** A Pod on that Node, as restricted namespaces want it, such as the one of `install`. */
export async function makePodOn(
  endpoint: Endpoint,
  node: string,
  namespace: string,
  name: string,
  { containers = ['agent'], args = [] }: { containers?: readonly string[]; args?: readonly string[] } = {},
): Promise<void> {
  await apiCall(accessOf(endpoint), 'POST', `/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name },
    spec: {
      nodeName: node,
      tolerations: [{ operator: 'Exists' }],
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: containers.map((container) => ({
        name: container,
        image: 'registry.invalid/agent',
        args,
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      })),
    },
  });
}
