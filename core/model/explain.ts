import type { ApplySetId } from './apply.ts';
import type { Health, StoryLine } from './health.ts';
import type { ObjectId } from './object.ts';
import type { Change } from './plan.ts';
import type { MemberState, RecordedFailure, RevisionAt, SetStatus } from './record.ts';

/** Who owns fields of an object, and which: one entry of its managedFields. */
export interface FieldOwner {
  manager: string;
  operation: 'Apply' | 'Update';
  subresource?: string;
  /** RFC 3339. */
  time?: string;
  /** How many fields. */
  count: number;
  /** Paths, each with the number of fields below it. */
  fields: { path: string; count: number }[];
}

/** The set to which an object belongs. */
export interface OwnSet {
  set: ApplySetId;
  /** Labels of an agent's set. */
  agent?: string;
  entry?: string;
  state: MemberState;
  /** `file:line` at the revision that the last run read. */
  source?: string;
  observed?: RevisionAt;
  applied?: RevisionAt;
  sync?: Pick<SetStatus, 'state' | 'reason' | 'message' | 'startedAt' | 'finishedAt'>;
  by?: string;
  /** Why the last run did not make it as wanted. */
  failure?: RecordedFailure;
}

/** All that is known of one object. */
export interface Explanation {
  id: ObjectId;
  /** Whether it is in the cluster. */
  exists: boolean;
  /** Absent where it belongs to none, or to one that can't be seen. */
  owner?: OwnSet;
  /** Why nothing is said of its set: it has none, it is another tool's, its parent can't be seen. */
  noOwner?: string;
  /** Those with most fields first. */
  owners: FieldOwner[];
  /** What an apply of the manifests at hand would do to it. */
  change?: Change;
  health: Health;
  /** Why it is not well, each line indented below what it explains. */
  story: StoryLine[];
}
