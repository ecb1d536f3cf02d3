import {
  type Answer,
  type Cluster,
  type Discovery,
  FIELD_MANAGER,
  type ListPage,
  type ObjectRef,
  type PatchOperation,
  type Resource,
} from '../model/cluster.ts';
import { isObject, type Json, stringifyJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import type { ApiRequest, Sent } from './api-request.ts';
import { type Clock, realClock } from './clock.ts';
import type { Connection } from './connection.ts';
import { discover } from './discovery.ts';
import { discoveryFile, fileCache, memoryCache } from './discovery-cache.ts';
import { failureOf, noAnswer } from './failure.ts';
import { collectionPath, objectPath } from './paths.ts';
import type { Log } from './request-log.ts';
import { Transport } from './transport.ts';

export interface ConnectOptions {
  /** Of this program, for the User-Agent. */
  version: string;
  /** Ends every call at once: they reject with its reason. */
  signal: AbortSignal;
  /** kubectl's cache folder (`KUBECACHEDIR`, else `~/.kube/cache`); without it nothing is on disk. */
  cacheDir?: string;
  log?: Log;
  /** Called with the method of each request and the status of its answer; 0 where there was none. */
  onAnswer?: (method: string, status: number) => void;
  /** Milliseconds that retries may take, all together (60,000). */
  retryWindow?: number;
  /** The highest number of requests at once (64). */
  maxConcurrency?: number;
  clock?: Clock;
  random?: () => number;
}

/** What the server serves changes with every CRD; a connection may outlive many. In ms. */
const DISCOVERY_LASTS = 60_000;

/** A cluster as it is reached through one connection. */
export interface ConnectedCluster extends Cluster {
  /** What the server warned of, such as deprecated versions, each once, in the order in which it first came. */
  readonly warnings: readonly string[];
  /** Drops every connection, so that the process can end. */
  close(): void;
}

/**
 * Makes a cluster of a connection. No request is sent yet. Failures of requests are values; what rejects is an
 * abort of the signal (with its reason), credentials that can't be had, and a `discover` without an answer
 * (ProblemError).
 */
export function connect(connection: Connection, options: ConnectOptions): ConnectedCluster {
  const { version, signal, cacheDir, clock = realClock, random = Math.random } = options;
  const warnings = new Set<string>();
  const transport = new Transport(connection, {
    userAgent: `kubectl-gitlab-agent/${version}`,
    signal,
    clock,
    random,
    onWarning: (text) => warnings.add(text),
    ...(options.log ? { log: options.log } : {}),
    ...(options.onAnswer ? { onAnswer: options.onAnswer } : {}),
    ...(options.retryWindow === undefined ? {} : { retryWindow: options.retryWindow }),
    ...(options.maxConcurrency === undefined ? {} : { maxConcurrency: options.maxConcurrency }),
  });
  const cache = cacheDir ? fileCache(discoveryFile(cacheDir, connection.server)) : memoryCache();
  let known: Promise<Discovery> | undefined;
  let askedAt = 0;
  const ask = (): Promise<Discovery> => {
    askedAt = clock.now();
    return discover(transport, cache);
  };

  return {
    get warnings() {
      return [...warnings];
    },
    close: () => transport.close(),
    discover: ({ refresh = false } = {}) => {
      if (!known || refresh) {
        const asked = ask();
        known = asked;
        // A failure is not remembered: the next call asks again.
        asked.catch(() => {
          if (known === asked) known = undefined;
        });
      } else if (clock.now() - askedAt > DISCOVERY_LASTS) {
        // Nobody waits for it, and nobody is worse off where it fails: what is known stays until there is better.
        const old = known;
        ask().then(
          (discovery) => {
            if (known === old) known = Promise.resolve(discovery);
          },
          () => undefined,
        );
      }
      return known;
    },
    get: async (ref) =>
      asObject(await transport.send({ method: 'GET', path: objectPath(ref), repeatable: true })),
    list: (resource, page) => list(transport, resource, page),
    watch: async function* (resource, selection) {
      // Code that only those load who wait.
      const { watch } = await import('./watch.ts');
      yield* watch(transport, resource, selection, { clock, random });
    },
    logs: async (pod, which) => {
      const { lastLines } = await import('./pod-log.ts');
      return lastLines(transport, pod, which);
    },
    readLog: async function* (pod, selection) {
      const { readLog } = await import('./pod-log.ts');
      yield* readLog(transport, pod, selection);
    },
    apply: async (ref, object, { dryRun, force = true, resourceVersion }) => {
      const metadata = { ...object.metadata, resourceVersion };
      const body = resourceVersion === undefined ? object : { ...object, metadata };
      return asObject(
        await transport.send(write('PATCH', ref, body as KubeObject, { dryRun, force: String(force) })),
      );
    },
    create: async (ref, object) => asObject(await transport.send(create(ref, object))),
    update: async (ref, object, { dryRun }) =>
      asObject(await transport.send(write('PUT', ref, object, { dryRun }))),
    patch: async (ref, operations, options) =>
      asObject(await transport.send(patch(ref, operations, options))),
    delete: async (ref, options) => asJson(await transport.send(remove(ref, options))),
    getPath: async (path) => {
      if (!path.startsWith('/')) throw new RangeError('a path below the server begins with a slash');
      return asJson(await transport.send({ method: 'GET', path, repeatable: true, heavy: true }));
    },
  };
}

function write(
  method: 'PATCH' | 'PUT',
  ref: ObjectRef,
  object: KubeObject,
  { dryRun, force }: { dryRun: boolean; force?: string },
): ApiRequest {
  const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' });
  if (force) query.set('force', force);
  if (dryRun) query.set('dryRun', 'All');
  return {
    method,
    path: `${objectPath(ref)}?${query}`,
    body: stringifyJson(object),
    // JSON is YAML, and the API server reads it faster.
    contentType: method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json',
    // An apply says what should be, so saying it twice changes nothing; an update may meet its own first success.
    repeatable: dryRun || method === 'PATCH',
    mayCollide: dryRun && method === 'PATCH',
  };
}

function create({ resource, namespace }: ObjectRef, object: KubeObject): ApiRequest {
  const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' });
  return {
    method: 'POST',
    path: `${collectionPath(resource, namespace)}?${query}`,
    body: stringifyJson(object),
    contentType: 'application/json',
    // The second time would meet what the first one made.
    repeatable: false,
  };
}

function patch(
  ref: ObjectRef,
  operations: readonly PatchOperation[],
  { resourceVersion, dryRun }: { resourceVersion: string; dryRun: boolean },
): ApiRequest {
  const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, ...(dryRun && { dryRun: 'All' }) });
  const guard: PatchOperation = { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion };
  return {
    method: 'PATCH',
    path: `${objectPath(ref)}?${query}`,
    body: stringifyJson([...operations, guard]),
    contentType: 'application/json-patch+json',
    // A second time meets the version that the first one made, and is refused.
    repeatable: true,
  };
}

function remove(ref: ObjectRef, options: Parameters<Cluster['delete']>[1]): ApiRequest {
  const { uid, resourceVersion, propagation, dryRun } = options;
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid, ...(resourceVersion !== undefined && { resourceVersion }) },
    propagationPolicy: propagation,
    ...(dryRun && { dryRun: ['All'] }),
  };
  return {
    method: 'DELETE',
    // Said in the URL too, so that audit logs show what it was.
    path: `${objectPath(ref)}${dryRun ? '?dryRun=All' : ''}`,
    body: stringifyJson(body),
    contentType: 'application/json',
    // The precondition names one object: it can't be deleted twice.
    repeatable: true,
  };
}

/**
 * One page. A continue token that expired (410) is exchanged for the one that the server offers: the list goes on
 * after the last item delivered, at a newer moment, so no item comes twice. Without such an offer the 410 is
 * the answer, and the caller starts anew.
 */
async function list(
  transport: Transport,
  resource: Resource,
  { namespace, limit, continue: token, labelSelector, fieldSelector }: Parameters<Cluster['list']>[1],
): Promise<Answer<ListPage>> {
  const page = (next: string | undefined): Promise<Sent> => {
    const query = new URLSearchParams({
      limit: String(limit),
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
      ...(next ? { continue: next } : {}),
    });
    const path = `${collectionPath(resource, namespace)}?${query}`;
    return transport.send({ method: 'GET', path, repeatable: true, heavy: true });
  };
  let sent = await page(token);
  const offered =
    token && !sent.ok && sent.failure.status === 410 ? metadataOf(sent.body).continue : undefined;
  if (typeof offered === 'string' && offered !== '') sent = await page(offered);
  if (!sent.ok) return sent;
  const { body } = sent;
  if (!isObject(body) || !Array.isArray(body.items)) return unexpected(sent);
  const metadata = metadataOf(body);
  // Lists of built-in kinds leave these two out of their items.
  const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
  const items = body.items
    .filter(isObject)
    .map((item) => ({ apiVersion, kind: resource.kind, ...item }) as unknown as KubeObject);
  const { remainingItemCount: remaining, continue: next, resourceVersion } = metadata;
  return {
    ok: true,
    value: {
      items,
      resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
      ...(typeof remaining === 'number' ? { remaining } : {}),
      ...(typeof next === 'string' && next !== '' ? { continue: next } : {}),
    },
  };
}

function metadataOf(body: Json | undefined): Record<string, Json> {
  return isObject(body) && isObject(body.metadata) ? body.metadata : {};
}

function asObject(sent: Sent): Answer<KubeObject> {
  if (!sent.ok) return { ok: false, failure: sent.failure };
  const { body } = sent;
  if (!isObject(body) || !isObject(body.metadata)) return unexpected(sent);
  return { ok: true, value: body as KubeObject };
}

function asJson(sent: Sent): Answer<Json> {
  return sent.ok ? { ok: true, value: sent.body } : { ok: false, failure: sent.failure };
}

/** A success that is not what was asked for. */
function unexpected({ status, headers, body }: Extract<Sent, { ok: true }>): Answer<never> {
  if (isObject(body) && body.kind === 'Status')
    return { ok: false, failure: failureOf({ status, headers, body: { json: body } }) };
  return {
    ok: false,
    failure: {
      ...noAnswer('Unexpected', 'the server answered with something else than was asked for'),
      status,
    },
  };
}
