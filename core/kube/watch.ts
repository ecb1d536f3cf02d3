import type { Cluster, Resource, WatchEvent } from '../model/cluster.ts';
import { dig, isObject, type Json, parseJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import type { Clock } from './clock.ts';
import { connectionFailure, WireError } from './connection-failure.ts';
import { failureOf } from './failure.ts';
import { collectionPath } from './paths.ts';
import { linesOf } from './stream.ts';
import type { Transport } from './transport.ts';

/** How long one watch lasts, in seconds, as in client-go: between this and twice this, so that not all end at once. */
const LASTS_S = 300;
/** How much later than promised the server may end a watch before we think that it is gone, in ms. */
const GRACE_MS = 30_000;

/** One WATCH, from `resourceVersion` on; see `Cluster.watch`. */
export async function* watch(
  transport: Transport,
  resource: Resource,
  options: Parameters<Cluster['watch']>[1],
  { clock, random }: { clock: Clock; random: () => number },
): AsyncGenerator<WatchEvent> {
  const { namespace, labelSelector, fieldSelector, resourceVersion, signal } = options;
  const seconds = Math.floor(LASTS_S * (1 + random()));
  const query = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(seconds),
    ...(labelSelector ? { labelSelector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
  });
  const path = `${collectionPath(resource, namespace)}?${query}`;
  const opened = await transport.open({ method: 'GET', path, repeatable: true }, signal);
  if (!opened.ok) {
    yield { type: 'ERROR', failure: opened.failure };
    return;
  }
  const { chunks, end } = opened;
  let isOverdue = false;
  // A connection that broke without a word (a NAT, a machine that slept) would stay silent for ever.
  const cancel = clock.after(seconds * 1000 + GRACE_MS, () => {
    isOverdue = true;
    end();
  });
  try {
    yield { type: 'OPEN' };
    for await (const line of linesOf(chunks)) {
      const event = toEvent(line, resource);
      yield event;
      if (event.type === 'ERROR') return;
    }
  } catch (error) {
    signal.throwIfAborted();
    transport.ended.throwIfAborted();
    if (!isOverdue) yield { type: 'ERROR', failure: connectionFailure(error, transport.server) };
  } finally {
    cancel();
    end();
  }
}

function toEvent(line: string, { group, version, kind }: Resource): WatchEvent {
  let event: Json;
  try {
    event = parseJson(line);
  } catch {
    // Its text may hold a Secret.
    throw new WireError('NotJson', 'a line of the watch is not JSON');
  }
  const [type, object] = [dig(event, 'type'), dig(event, 'object')];
  if (!isObject(object)) throw new WireError('NotJson', 'a line of the watch is no event');
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const apiVersion = group ? `${group}/${version}` : version;
      return { type, object: { apiVersion, kind, ...object } as unknown as KubeObject };
    }
    case 'BOOKMARK':
      return { type, resourceVersion: String(dig(object, 'metadata', 'resourceVersion') ?? '') };
    case 'ERROR': {
      const code = Number(dig(object, 'code')) || 500;
      return { type, failure: failureOf({ status: code, headers: {}, body: { json: object } }) };
    }
    default:
      throw new WireError('NotJson', `the watch has an event of type ${JSON.stringify(type)}`);
  }
}
