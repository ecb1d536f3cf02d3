import type { ApiFailure, Discovery } from '../model/cluster.ts';
import type { Json } from '../model/json.ts';
import { ProblemError } from '../model/problem.ts';
import { type GroupVersion, readAggregated } from './aggregated-discovery.ts';
import { connectionProblem } from './connection-failure.ts';
import { type CachedRoot, type DiscoveryCache, ROOTS, type Root } from './discovery-cache.ts';
import { discoverCore, discoverGroups } from './plain-discovery.ts';
import type { Transport } from './transport.ts';

const AGGREGATED = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',');

/**
 * Asks a server what it serves: aggregated discovery (two requests, which cost next to nothing when the cached
 * answer's ETag still holds), else the old discovery with a request per group version. Groups and versions keep
 * the server's order, the preferred version first. Throws ProblemError where the server can't be asked.
 */
export async function discover(transport: Transport, cache: DiscoveryCache): Promise<Discovery> {
  const cached = cache.read();
  const roots = await Promise.all(ROOTS.map((root) => discoverRoot(transport, root, cached?.[root])));
  const fresh = roots.map((root) => root.cached);
  if (fresh.every((root) => root !== undefined) && roots.some((root) => root.changed)) {
    cache.write(
      Object.fromEntries(ROOTS.map((root, index) => [root, fresh[index]!])) as Record<Root, CachedRoot>,
    );
  }
  return {
    resources: roots.flatMap((root) => root.versions.flatMap((version) => version.resources)),
    stale: new Set(
      roots.flatMap((root) => root.versions.filter((one) => one.stale).map((one) => one.groupVersion)),
    ),
  };
}

interface RootAnswer {
  versions: GroupVersion[];
  /** What may be written to the cache; absent where the server gave no ETag. */
  cached?: CachedRoot;
  changed: boolean;
}

async function discoverRoot(
  transport: Transport,
  root: Root,
  cached: CachedRoot | undefined,
): Promise<RootAnswer> {
  const sent = await transport.send({
    method: 'GET',
    path: root,
    headers: { accept: AGGREGATED, ...(cached ? { 'if-none-match': cached.etag } : {}) },
    repeatable: true,
    heavy: true,
    accept: cached ? [304] : [],
  });
  if (!sent.ok) {
    // Servers of a single API (an aggregated one asked directly) have no `/api`.
    if (root === '/api' && sent.failure.status === 404) return { versions: [], changed: false };
    throw cannotDiscover(sent.failure);
  }
  if (sent.status === 304 && cached) return { versions: cached.versions, cached, changed: false };
  const versions = readAggregated(sent.body);
  if (!versions) return { versions: await discoverPlainly(transport, root, sent.body), changed: false };
  const etag = sent.headers.etag;
  return { versions, changed: true, ...(typeof etag === 'string' ? { cached: { etag, versions } } : {}) };
}

function discoverPlainly(transport: Transport, root: Root, body: Json): Promise<GroupVersion[]> {
  return root === '/api' ? discoverCore(transport, body) : discoverGroups(transport, body);
}

function cannotDiscover(failure: ApiFailure): ProblemError {
  const { status, reason, message } = failure;
  return (
    connectionProblem(failure) ??
    new ProblemError({
      code: reason || `Http${status}`,
      message: `the API server does not say what it serves (${status}): ${message}`,
    })
  );
}
