import { dig } from '../model/json.ts';
import { objectKey } from '../model/object.ts';
import { groupKind } from './apply-set.ts';
import { keysNamedBy, SYNC_WAVE } from './depends-on.ts';
import { rankOf } from './order.ts';
import type { Candidate } from './prune-guards.ts';

/** Sync wave and kind as one number, and how many of the same have to go first. */
type Place = readonly [rank: number, depth: number];

/**
 * In which groups objects are deleted, one after the other: the reverse of apply's order. What `depends-on` names goes
 * after all that name it, whatever its wave and kind. Within a group they keep their order.
 */
export function pruneOrder(candidates: readonly Candidate[]): Candidate[][] {
  const byKey = new Map(candidates.map((candidate) => [objectKey(candidate.id), candidate]));
  const dependents = new Map<Candidate, Candidate[]>();
  for (const candidate of candidates) {
    for (const named of keysNamedBy(candidate.live).map((key) => byKey.get(key))) {
      if (named) dependents.set(named, [...(dependents.get(named) ?? []), candidate]);
    }
  }
  const places = new Map<Candidate, Place>();
  const settle = (candidate: Candidate, trail: readonly Candidate[]): Place => {
    const known = places.get(candidate);
    if (known) return known;
    let place: Place = [placeOf(candidate), 0];
    for (const dependent of dependents.get(candidate) ?? []) {
      // Of a circle, which no apply of ours made, any order is as good; Namespaces and CRDs are last in any case.
      if (dependent === candidate || trail.includes(dependent) || rankOf(dependent.id) === 0) continue;
      const [rank, depth] = settle(dependent, [...trail, candidate]);
      place = latest(place, [rank, depth + 1]);
    }
    places.set(candidate, place);
    return place;
  };
  for (const candidate of candidates) settle(candidate, []);
  const sorted = candidates.toSorted((a, b) => compare(places.get(a)!, places.get(b)!));
  return [...Map.groupBy(sorted, (candidate) => places.get(candidate)!.join()).values()];
}

/** Higher ranks go first. */
function compare(a: Place, b: Place): number {
  return b[0] - a[0] || a[1] - b[1];
}

function latest(a: Place, b: Place): Place {
  return compare(a, b) < 0 ? b : a;
}

/**
 * Sync wave first, then kind, as when it was applied; but a Namespace takes all that is in it along, a CRD all of
 * its kind, and a broken APIService lets no Namespace go.
 */
function placeOf({ id, live }: Candidate): number {
  const kind = groupKind(id);
  if (kind === 'APIService.apiregistration.k8s.io') return Number.MAX_SAFE_INTEGER;
  if (rankOf(id) === 0) return Number.MIN_SAFE_INTEGER;
  const wave = Number(dig(live, 'metadata', 'annotations', SYNC_WAVE) ?? 0);
  return (Number.isInteger(wave) ? wave : 0) * 100 + rankOf(id);
}
