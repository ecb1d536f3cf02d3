import type { ApplySetId } from '../model/apply.ts';
import {
  ABSENT,
  type Answer,
  type ApiFailure,
  type Cluster,
  type Discovery,
  type ObjectRef,
} from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import { missingRight } from '../model/missing-right.ts';
import type { KubeObject } from '../model/object.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import { besideParent, coversExtent, type Extent, sameExtent, unionExtent } from './apply-set.ts';
import {
  configMaps,
  isOurTooling,
  type ParentContent,
  type ParentState,
  type ParentWords,
  parentObject,
  readParent,
} from './parent-object.ts';

const ATTEMPTS = 5;

/** A set as it is in the cluster. `live` is absent where its parent does not exist yet. */
export interface FoundSet {
  set: ApplySetId;
  ref: ObjectRef;
  live?: ParentState;
  /** Kept until all of a set has been taken over from another tool; see ParentState. */
  adoptedFrom?: string;
}

/** What a parent is to tell, in view of what it tells already; `isNews` where that is worth a write of its own. */
export type Telling = (live: ParentState | undefined) => { words: ParentWords; isNews: boolean };

/** What is there stays. */
const nothingNew: Telling = (live) => ({
  words: live ?? { labels: {}, annotations: {}, data: {} },
  isNews: false,
});

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
  const ref = { resource: configMaps(discovery), namespace: set.namespace, name: set.name };
  const answer = await cluster.get(ref);
  if (!answer.ok) {
    if (answer.failure.status === 404) return { set, ref };
    throw unusable(set, 'read', answer.failure);
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
  return { set, ref, ...known(live) };
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
 * finds every member. The same write tells what is to be told. Throws ProblemError where that can't be done.
 */
export async function widenSet(
  cluster: Cluster,
  discovery: Discovery,
  found: FoundSet,
  extent: Extent,
  version: string,
  telling: Telling = nothingNew,
): Promise<FoundSet> {
  let { live } = found;
  for (let attempt = 1; ; attempt += 1) {
    const wanted = besideParent(found.set, live ? unionExtent(live.extent, extent) : extent);
    const { words, isNews } = telling(live);
    if (live && isOurTooling(live.tooling) && sameExtent(live.extent, wanted) && !isNews)
      return { ...found, live };
    const { adoptedFrom } = found;
    const basis = live?.resourceVersion;
    const answer = await write(
      cluster,
      found,
      { ...words, extent: wanted, adoptedFrom, resourceVersion: basis },
      version,
    );
    if (answer.ok) return { ...found, live: readParent(answer.value, discovery) };
    if (answer.failure.status !== 409 || attempt === ATTEMPTS)
      throw unusable(found.set, 'written', answer.failure);
    live = await readAgain(cluster, discovery, found);
  }
}

/**
 * Makes sure, after all writes, that the parent still covers what there is: somebody may have deleted or edited it
 * meanwhile, or another run of the set have narrowed it before it could see what this one wrote.
 */
export async function coverSet(
  cluster: Cluster,
  discovery: Discovery,
  found: FoundSet,
  extent: Extent,
  version: string,
): Promise<FoundSet> {
  const live = await readAgain(cluster, discovery, found);
  if (live && coversExtent(live.extent, besideParent(found.set, extent))) return { ...found, live };
  return widenSet(cluster, discovery, { ...found, live }, extent, version);
}

/**
 * Makes the parent cover only what is left, after the last delete. `isEmpty` is asked, afterwards, whether the places
 * that it no longer covers are without members: another run may just have put some there that it believes to be
 * covered. Then, and where that can't be told, it is widened again: that costs a LIST, and loses nobody. Where
 * somebody else wrote the parent meanwhile it stays wide. Returns the set as it is known to be then.
 */
export async function narrowSet(
  cluster: Cluster,
  discovery: Discovery,
  found: FoundSet,
  { extent, adoptedFrom }: Pick<ParentState, 'extent' | 'adoptedFrom'>,
  options: { version: string; telling: Telling; isEmpty: (places: Extent) => Promise<boolean> },
): Promise<FoundSet> {
  const { version, telling, isEmpty } = options;
  const { set, live } = found;
  const wanted = besideParent(set, extent);
  if (!live || (sameExtent(live.extent, wanted) && live.adoptedFrom === adoptedFrom)) return found;
  const content = { ...telling(live).words, extent: wanted, adoptedFrom };
  const answer = await write(cluster, found, { ...content, resourceVersion: live.resourceVersion }, version);
  // Where it was refused, an earlier attempt, whose answer was lost, may have succeeded.
  const state = answer.ok ? readParent(answer.value, discovery) : await readAgain(cluster, discovery, found);
  const now = state ? { set, ref: found.ref, ...known(state) } : found;
  if (coversExtent(wanted, live.extent) || (await isEmpty(live.extent))) return now;
  return coverSet(cluster, discovery, now, unionExtent(live.extent, extent), version);
}

function known(live: ParentState): Pick<FoundSet, 'live' | 'adoptedFrom'> {
  const { adoptedFrom } = live;
  return { live, ...(adoptedFrom !== undefined && { adoptedFrom }) };
}

async function readAgain(
  cluster: Cluster,
  discovery: Discovery,
  { set, ref }: FoundSet,
): Promise<ParentState | undefined> {
  const answer = await cluster.get(ref);
  if (answer.ok) return readParent(answer.value, discovery);
  if (answer.failure.status === 404) return undefined;
  // Written without knowing what it covers, it would cover less.
  throw unusable(set, 'read', answer.failure);
}

/** As it was read, where it was: nobody may have written or made it meanwhile, or the answer is a 409. */
function write(
  cluster: Cluster,
  { set, ref }: FoundSet,
  { resourceVersion = ABSENT, ...state }: ParentContent & { resourceVersion?: string },
  version: string,
): Promise<Answer<KubeObject>> {
  return cluster.apply(ref, parentObject(set, state, version), { dryRun: false, resourceVersion });
}

function unusable(set: ApplySetId, how: 'read' | 'written', failure: ApiFailure): ProblemError {
  return problem(set, 'ApplySetParent', `can't be ${how}: ${failure.message}`, missingRight(failure));
}

function problem({ namespace, name }: ApplySetId, code: string, what: string, hint?: string): ProblemError {
  const message = `the parent of the apply set, configmap/${name} -n ${namespace}, ${what}`;
  return new ProblemError({ code, message, ...(hint && { hint }) });
}
