import { randomBytes } from 'node:crypto';
import { FIELD_MANAGER } from '../core/model/cluster.ts';
import { apiCall } from '../test/support/control-plane/api.ts';
import { startControlPlane } from '../test/support/control-plane/control-plane.ts';
import { accessOf, type Endpoint, loadEndpoint } from '../test/support/control-plane/endpoint.ts';
import type { Item } from './objects.ts';
import { type RawRequest, type Server, sendAll } from './requests.ts';

export interface BenchCluster extends AsyncDisposable {
  endpoint: Endpoint;
  server: Server;
  /** For the names of namespaces, so that they are free in it. */
  prefix: string;
  /** What the report says about it. */
  description: string;
}

/**
 * The control plane that TEST_CONTROL_PLANE names, else a throwaway one of etcd and the API server only: controllers
 * would react to what is applied, and their work would be measured too.
 */
export async function openCluster(signal: AbortSignal): Promise<BenchCluster> {
  const given = loadEndpoint(process.env.TEST_CONTROL_PLANE);
  if (given) {
    const server = accessOf(given);
    const prefix = `bench-${randomBytes(2).toString('hex')}`;
    return {
      endpoint: given,
      server,
      prefix,
      description: 'the one of TEST_CONTROL_PLANE, shared with whoever uses it',
      [Symbol.asyncDispose]: () => removeNamespaces(server, prefix),
    };
  }
  // One that is gone: its name would make ours take the place that is for tests inside a run.
  delete process.env.TEST_CONTROL_PLANE;
  const controlPlane = await startControlPlane({ workloads: false, purpose: 'runs `npm run bench`', signal });
  return {
    endpoint: controlPlane,
    server: accessOf(controlPlane),
    prefix: 'bench',
    description: 'etcd and kube-apiserver on this machine, no controllers',
    [Symbol.asyncDispose]: () => controlPlane.stop(),
  };
}

export async function createNamespaces(
  server: Server,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<void> {
  const namespaces = [...new Set(items.map(({ namespace }) => namespace))];
  const post = (name: string): RawRequest => ({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: JSON.stringify({ metadata: { name } }),
  });
  await sendAll(server, namespaces.map(post), { signal });
}

/** Applies the objects as our field manager, the way `apply` leaves them. */
export async function applyAll(server: Server, items: readonly Item[], signal: AbortSignal): Promise<void> {
  await createNamespaces(server, items, signal);
  await sendAll(
    server,
    items.map((item) => patch(item, item.applied)),
    { signal },
  );
}

/** Server-side apply of one value of an object. */
export function patch(item: Item, value: Item['applied'], dryRun = false): RawRequest {
  const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, force: 'true' });
  if (dryRun) {
    query.set('dryRun', 'All');
    query.set('fieldValidation', 'Strict');
  }
  return {
    method: 'PATCH',
    path: `${pathOf(item)}?${query}`,
    body: JSON.stringify(value),
  };
}

export function pathOf(item: Item): string {
  return `${collection(item)}/${item.name}`;
}

/** One LIST for each kind and namespace. */
export function lists(items: readonly Item[]): RawRequest[] {
  return [...new Set(items.map(collection))].map((path) => ({ method: 'GET', path }));
}

function collection({ resource, namespace }: Item): string {
  const root = resource.apiVersion.includes('/') ? '/apis' : '/api';
  return `${root}/${resource.apiVersion}/namespaces/${namespace}/${resource.plural}`;
}

/** Asks for it and does not wait: in a shared cluster the controllers finish it. */
async function removeNamespaces(server: Server, prefix: string): Promise<void> {
  const found: { items: { metadata: { name: string } }[] } = await apiCall(
    server,
    'GET',
    '/api/v1/namespaces',
  );
  const own = found.items
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith(`${prefix}-`));
  for (const name of own) await apiCall(server, 'DELETE', `/api/v1/namespaces/${name}`);
}
