import type { Discovery, Resource } from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import { formatApiVersion, formatObject, type ObjectId, objectKey } from '../model/object.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import { type DefinedKind, definedKinds, kindKey } from './crd.ts';
import type { Cause } from './failure.ts';

/** A manifest whose kind and namespace are settled. */
export interface Scoped {
  manifest: Manifest;
  id: ObjectId;
  /** Undefined where the kind is not served; `cause` then says why, unless `defined` stands in. */
  resource?: Resource;
  defined?: DefinedKind;
  cause?: Cause;
}

export interface ScopeOptions {
  /** Where objects of namespaced kinds go that name no namespace. */
  namespace: string;
  /** Whether the user asked for that namespace by `-n`: objects of another one are then refused, as kubectl does. */
  enforceNamespace: boolean;
}

/** Finds each object's resource and namespace. Throws every contradiction at once: `-n`, and an object met twice. */
export function scopeManifests(
  manifests: readonly Manifest[],
  discovery: Discovery,
  options: ScopeOptions,
): Scoped[] {
  const served = new Map(discovery.resources.map((resource) => [kindKey(resource), resource]));
  const kinds = new Set(discovery.resources.map((resource) => `${resource.group}\n${resource.kind}`));
  const defined = definedKinds(manifests);
  const problems: Problem[] = [];
  const scoped = manifests.map((manifest): Scoped => {
    const definition = defined.get(kindKey(manifest.id));
    const resource = served.get(kindKey(manifest.id));
    const namespaced = (resource ?? definition?.resource)?.namespaced;
    const id = { ...manifest.id };
    if (namespaced === false) delete id.namespace;
    else if (namespaced) {
      if (id.namespace && options.enforceNamespace && id.namespace !== options.namespace) {
        problems.push(otherNamespace(manifest, options.namespace));
      }
      id.namespace ??= options.namespace;
    }
    if (resource) return { manifest, id, resource, ...(definition && { defined: definition }) };
    if (definition) return { manifest, id, defined: definition };
    return { manifest, id, cause: unservedCause(id, discovery, kinds) };
  });
  problems.push(...duplicates(scoped));
  if (problems.length > 0) throw new ProblemError(...problems);
  return scoped;
}

function unservedCause(id: ObjectId, discovery: Discovery, kinds: ReadonlySet<string>): Cause {
  const version = formatApiVersion(id);
  if (
    discovery.stale.has(version) ||
    [...discovery.stale].some((stale) => stale.startsWith(`${id.group}/`))
  ) {
    return {
      reason: 'ApiUnavailable',
      message: `the aggregated API ${version} does not answer; see kubectl get apiservices`,
    };
  }
  const other = kinds.has(`${id.group}\n${id.kind}`)
    ? discovery.resources
        .filter((resource) => resource.group === id.group && resource.kind === id.kind)
        .map(formatApiVersion)
    : [];
  const hint =
    other.length > 0 ? `it serves ${other.join(', ')}` : 'is its CustomResourceDefinition installed?';
  return {
    reason: 'KindNotServed',
    message: `the API server does not serve kind ${id.kind} in ${version}; ${hint}`,
  };
}

function duplicates(scoped: readonly Scoped[]): Problem[] {
  const seen = new Map<string, Manifest>();
  const problems: Problem[] = [];
  for (const { manifest, id } of scoped) {
    const first = seen.get(objectKey(id));
    if (!first) seen.set(objectKey(id), manifest);
    else {
      const { file, line } = first.source;
      const message = `${formatObject(id)} is already defined in ${file}:${line}`;
      problems.push({ code: 'DuplicateObject', message, ...manifest.source, hint: 'keep one of the two' });
    }
  }
  return problems;
}

function otherNamespace(manifest: Manifest, wanted: string): Problem {
  return {
    code: 'OtherNamespace',
    message: `${formatObject(manifest.id)} names namespace ${manifest.id.namespace}, but -n says ${wanted}`,
    ...manifest.source,
    hint: `leave -n out, or say -n ${manifest.id.namespace}`,
  };
}
