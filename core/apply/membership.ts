import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { ownEntry } from '../plan/field-set.ts';
import type { Step } from '../plan/plan.ts';
import { PART_OF } from '../plan/shape.ts';
import { settled } from './outcome.ts';

/** Where inventories of cli-utils (kpt, GitLab's agent from 14.0) say whose an object is. */
const OWNING_INVENTORY = 'config.k8s.io/owning-inventory';

/** The set of a run, and the others from which it may take members. */
export interface Membership {
  set?: string;
  adopted: ReadonlySet<string> | 'all';
  /** Whether what belongs to nobody is left alone. */
  refuseUnowned?: boolean;
}

/**
 * The step with what membership makes of it: a manifest that claims to be of another set is refused, and so is a member
 * of a set that the run does not name, for whoever runs that set would write it back or delete it; an object that joins
 * the set of the run says so.
 */
export function withMembership(step: Step, { set, adopted, refuseUnowned = false }: Membership): Step {
  const { change, live } = step;
  const { id, source } = change;
  const refused = (reason: string, message: string): Step => ({
    ...step,
    send: undefined,
    change: { id, action: 'unknown', reason, message, source },
  });
  const named = dig(step.manifest.object, 'metadata', 'labels', PART_OF);
  // As kubectl does: a label that was copied along would have the object deleted by a set that never wanted it.
  if (named !== undefined && named !== set && change.action !== 'skip')
    return refused(
      'PartOfInManifest',
      `its manifest has the label ${PART_OF}, which only a set gives; remove it`,
    );
  if (!live || settled(change)) return step;
  const owner = ownerOf(live);
  if (owner === undefined && refuseUnowned)
    return refused('NotAMember', 'it is there already and belongs to no set; nothing is adopted here');
  if (owner !== undefined && owner !== set && adopted !== 'all' && !adopted.has(owner)) {
    const hint = set === undefined ? 'apply it with its set' : `--adopt-set ${owner} takes it over`;
    const message = `it is a member of the apply set ${owner}, which this run does not name; ${hint} (explain tells which set that is)`;
    return refused('MemberOfSet', message);
  }
  if (set === undefined || owner === set || change.reason !== undefined) return step;
  const message =
    owner === undefined
      ? ownEntry(live)
        ? 'it joins the set: it has no label of one, or lost it'
        : 'it joins the set: it belonged to none'
      : `it joins the set: it was a member of ${owner}`;
  return { ...step, change: { ...change, reason: 'Adopt', message } };
}

/** The set, or the inventory, that a live object says it belongs to. */
function ownerOf(live: KubeObject): string | undefined {
  const set = dig(live, 'metadata', 'labels', PART_OF);
  const inventory = dig(live, 'metadata', 'annotations', OWNING_INVENTORY);
  return typeof set === 'string' ? set : typeof inventory === 'string' ? inventory : undefined;
}
