import type { ApplySetId } from '../model/apply.ts';
import type { Answer, Cluster, Discovery, ObjectRef } from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import type { KubeObject } from '../model/object.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import {
  besideParent,
  type Extent,
  isOurTooling,
  type ParentState,
  parentObject,
  readParent,
  sameExtent,
  unionExtent,
} from './apply-set.ts';

const ATTEMPTS = 5;

/** A set as it is in the cluster. `live` is absent where its parent does not exist yet. */
export interface FoundSet {
  set: ApplySetId;
  ref: ObjectRef;
  live?: ParentState;
}

/**
 * Reads the parent of a set. Throws ProblemError where it can't be read, is no parent, or belongs to another tool
 * and `adopted` does not name the set.
 */
export async function findSet(
  cluster: Cluster,
  discovery: Discovery,
  set: ApplySetId,
  adopted: ReadonlySet<string>,
): Promise<FoundSet> {
  const resource = discovery.resources.find(
    ({ group, version, kind }) => group === '' && version === 'v1' && kind === 'ConfigMap',
  )!;
  const ref = { resource, namespace: set.namespace, name: set.name };
  const answer = await cluster.get(ref);
  if (!answer.ok) {
    if (answer.failure.status === 404) return { set, ref };
    throw problem(set, 'ApplySetParent', `can't be read: ${answer.failure.message}`);
  }
  const live = readParent(answer.value, discovery);
  if (live.id === undefined)
    throw problem(set, 'NotApplySet', 'exists and is no parent of an apply set', 'choose another name');
  if (live.id !== set.id)
    throw problem(set, 'NotApplySet', `has the ID ${live.id}, which is not that of its name`);
  if (!isOurTooling(live.tooling) && !adopted.has(set.id)) {
    const tool = live.tooling || 'a tool that does not say its name';
    throw problem(set, 'OtherTooling', `belongs to ${tool}`, `--adopt-set ${set.id} takes the set over`);
  }
  return { set, ref, live };
}

/**
 * The parent is what finds members again: it must be neither one of them nor go with one. Throws ProblemError with
 * the place of the manifest.
 */
export function refuseParentAsMember(set: ApplySetId, manifests: readonly Manifest[]): void {
  const problems = manifests.flatMap(({ id, source }): Problem[] => {
    if (id.group !== '') return [];
    const isNamespace = id.kind === 'Namespace' && id.name === set.namespace;
    const isParent =
      id.kind === 'ConfigMap' && id.name === set.name && (id.namespace ?? set.namespace) === set.namespace;
    if (!isNamespace && !isParent) return [];
    const what = isNamespace ? `the Namespace of its parent, ${set.namespace}` : 'its own parent';
    const message = `the apply set ${set.name} can't have ${what} as a member`;
    const hint = 'name a set in another namespace: --applyset NAMESPACE/NAME';
    return [{ code: 'ParentInSet', message, ...source, hint }];
  });
  if (problems.length > 0) throw new ProblemError(...problems);
}

/**
 * Makes the parent cover all that this run may write, before it writes anything: whatever happens then, the next run
 * finds every member. Throws ProblemError where that can't be done.
 */
export async function widenSet(
  cluster: Cluster,
  discovery: Discovery,
  found: FoundSet,
  extent: Extent,
  version: string,
): Promise<FoundSet> {
  let { live } = found;
  for (let attempt = 1; ; attempt += 1) {
    const wanted = besideParent(found.set, live ? unionExtent(live.extent, extent) : extent);
    if (live && isOurTooling(live.tooling) && sameExtent(live.extent, wanted)) return { ...found, live };
    const answer = await write(cluster, found, wanted, version, live?.resourceVersion);
    if (answer.ok) return { ...found, live: readParent(answer.value, discovery) };
    if (answer.failure.status !== 409 || attempt === ATTEMPTS)
      throw problem(found.set, 'ApplySetParent', `can't be written: ${answer.failure.message}`);
    const fresh = await cluster.get(found.ref);
    live = fresh.ok ? readParent(fresh.value, discovery) : undefined;
  }
}

/**
 * Makes the parent cover only what is left, after the last delete. Where somebody else wrote it meanwhile it stays
 * wide: that costs a LIST, and loses nobody.
 */
export async function narrowSet(
  cluster: Cluster,
  { set, ref, live }: FoundSet,
  extent: Extent,
  version: string,
): Promise<void> {
  const wanted = besideParent(set, extent);
  if (live && !sameExtent(live.extent, wanted))
    await write(cluster, { set, ref }, wanted, version, live.resourceVersion);
}

function write(
  cluster: Cluster,
  { set, ref }: FoundSet,
  extent: Extent,
  version: string,
  resourceVersion: string | undefined,
): Promise<Answer<KubeObject>> {
  const object = parentObject(set, extent, version);
  const metadata = { ...object.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
  return cluster.apply(ref, { ...object, metadata }, { dryRun: false });
}

function problem({ namespace, name }: ApplySetId, code: string, what: string, hint?: string): ProblemError {
  const message = `the parent of the apply set, configmap/${name} -n ${namespace}, ${what}`;
  return new ProblemError({ code, message, ...(hint && { hint }) });
}
