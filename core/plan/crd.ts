import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import { dig, isObject, type Json } from '../model/json.ts';
import type { Manifest } from '../model/manifest.ts';
import type { ObjectId } from '../model/object.ts';

/** A kind that a CRD defines, one for each version that it serves. */
export interface DefinedKind {
  resource: Resource;
  /** `openAPIV3Schema` of the version. */
  schema: Json | undefined;
}

/** The kinds that a CustomResourceDefinition (`apiextensions.k8s.io/v1`) serves. */
function kindsOf(crd: Json): DefinedKind[] {
  const versions = dig(crd, 'spec', 'versions');
  const served = (Array.isArray(versions) ? versions : []).filter(
    (version) => isObject(version) && version.served !== false,
  );
  return served.map((version) => ({
    resource: {
      group: String(dig(crd, 'spec', 'group')),
      version: String(dig(version, 'name')),
      kind: String(dig(crd, 'spec', 'names', 'kind')),
      plural: String(dig(crd, 'spec', 'names', 'plural')),
      namespaced: dig(crd, 'spec', 'scope') === 'Namespaced',
      verbs: [],
    },
    schema: dig(version, 'schema', 'openAPIV3Schema'),
  }));
}

export function isCrd(id: { group: string; kind: string }): boolean {
  return id.group === 'apiextensions.k8s.io' && id.kind === 'CustomResourceDefinition';
}

export function kindKey(kind: { group: string; version: string; kind: string }): string {
  return `${kind.group}\n${kind.version}\n${kind.kind}`;
}

/** The kinds of every CRD in a set, by `kindKey`. */
export function definedKinds(manifests: readonly Manifest[]): Map<string, DefinedKind> {
  const crds = manifests.filter(({ id }) => isCrd(id));
  return new Map(crds.flatMap(({ object }) => kindsOf(object)).map((kind) => [kindKey(kind.resource), kind]));
}

/** The schema of a custom resource's kind as it is live: its CRD is read once, when a refusal has to be explained. */
export function liveSchemas(
  cluster: Cluster,
  discovery: Discovery,
): (id: ObjectId) => Promise<Json | undefined> {
  const crds = discovery.resources.find(isCrd);
  const served = new Map(discovery.resources.map((resource) => [kindKey(resource), resource]));
  const reads = new Map<string, Promise<DefinedKind[]>>();
  const read = async (name: string): Promise<DefinedKind[]> => {
    const answer = await cluster.get({ resource: crds!, name });
    return answer.ok ? kindsOf(answer.value) : [];
  };
  return async (id) => {
    const resource = served.get(kindKey(id));
    // The core group and the first groups (apps, batch, …) have no dot; no CRD can define kinds there.
    if (!resource || !crds || !id.group.includes('.')) return undefined;
    const name = `${resource.plural}.${resource.group}`;
    if (!reads.has(name)) reads.set(name, read(name));
    return (await reads.get(name)!).find((kind) => kind.resource.version === id.version)?.schema;
  };
}
