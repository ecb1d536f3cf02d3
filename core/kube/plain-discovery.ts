import { isObject, type Json, type JsonObject } from '../model/json.ts';
import { type GroupVersion, objects, otherNames, strings } from './aggregated-discovery.ts';
import type { Transport } from './transport.ts';

/** The old discovery of the core group: `body` is the `APIVersions` that `/api` answered. */
export function discoverCore(transport: Transport, body: Json): Promise<GroupVersion[]> {
  const versions = isObject(body) ? strings(body.versions) : [];
  return Promise.all(versions.map((version) => discoverVersion(transport, `/api/${version}`, version)));
}

/** The old discovery of all named groups: `body` is the `APIGroupList` that `/apis` answered. */
export async function discoverGroups(transport: Transport, body: Json): Promise<GroupVersion[]> {
  const groups = isObject(body) ? objects(body.groups) : [];
  const names = groups.flatMap(preferredFirst);
  return Promise.all(names.map((name) => discoverVersion(transport, `/apis/${name}`, name)));
}

function preferredFirst(group: JsonObject): string[] {
  const all = objects(group.versions).map((version) => String(version.groupVersion));
  const preferred = isObject(group.preferredVersion) ? group.preferredVersion.groupVersion : undefined;
  return [...all.filter((name) => name === preferred), ...all.filter((name) => name !== preferred)];
}

/** A broken aggregated API makes only its own version stale. */
async function discoverVersion(
  transport: Transport,
  path: string,
  groupVersion: string,
): Promise<GroupVersion> {
  const sent = await transport.send({ method: 'GET', path, repeatable: true, heavy: true });
  if (!sent.ok || !isObject(sent.body)) return { groupVersion, stale: true, resources: [] };
  const slash = groupVersion.indexOf('/');
  const group = slash < 0 ? '' : groupVersion.slice(0, slash);
  const version = groupVersion.slice(slash + 1);
  const entries = objects(sent.body.resources).filter((entry) => !String(entry.name).includes('/'));
  return {
    groupVersion,
    stale: false,
    resources: entries.map((entry) => ({
      group,
      version,
      kind: String(entry.kind),
      plural: String(entry.name),
      ...otherNames(entry.singularName, entry.shortNames),
      namespaced: entry.namespaced === true,
      verbs: strings(entry.verbs),
    })),
  };
}
