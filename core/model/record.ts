import type { OutcomeCounts } from './apply.ts';
import type { Health, HealthStatus } from './health.ts';
import type { ObjectId } from './object.ts';

// What the parent ConfigMap of an apply set tells in its `data`. A person reads it with `kubectl get cm -o yaml`, so
// keys are short, what is zero or empty is absent, and the order is that of the declarations here. Times are RFC 3339
// in UTC. Nothing in it is a secret value.

/** The keys of the parent's `data` that are ours; `entry` is what the agent says of its configuration. */
export const RECORD_KEYS = ['entry', 'status', 'history', 'inventory'] as const;
export type RecordData = Partial<Record<(typeof RECORD_KEYS)[number], string>>;

/** A revision of the manifests, and since when it is what it is called. Without a name where Git does not tell one. */
export interface RevisionAt {
  revision?: string;
  at: string;
}

/** Where the manifests of a run came from. */
export interface RunSource {
  /** Of the repository, without credentials. */
  url?: string;
  /** The path of the manifest project. */
  project?: string;
  ref?: string;
  /** Paths as they were given, `-` for standard input. */
  files?: string[];
  /** `user@host`, or the agent's name. */
  by?: string;
  /** `gitlab-agent/v1.2.3`. */
  tool?: string;
}

/** What a run says of itself before it begins. */
export interface RunFacts {
  source: RunSource;
  /** The commit that was read. */
  revision?: string;
  /** The commit that should run; `revision` where not said. */
  wanted?: string;
  /** The commit of the configuration project. */
  configuration?: string;
  /** What began the run: `apply`, `poll`, `sync`, … */
  trigger?: string;
  /** The wish for a run that this one answers, as it was written on the parent. */
  requestedAt?: string;
}

/**
 * `Syncing`: objects are being written, or were when the program died. `Synced`: every object was applied and nothing
 * waits for somebody's word. `Failed`: the reason says why. `Planned`: the run was a dry run, and wrote nothing.
 */
export type SyncState = 'Syncing' | 'Synced' | 'Failed' | 'Planned';

/** An object, or the whole source, that is not as wanted. */
export interface RecordedFailure {
  /** As `formatObject` writes it; absent for what is wrong with the whole set. */
  object?: string;
  reason: string;
  message: string;
  /** `file:line`. */
  source?: string;
  /** Of an unhealthy object: nothing but a person, or another commit, will mend it. */
  terminal?: true;
}

/** `data.status`. */
export interface SetStatus {
  state: SyncState;
  /** A stable word: Succeeded, ApplyFailed, HeldBack, PruneBlocked, Interrupted, … */
  reason: string;
  message: string;
  /** What should run. */
  wanted?: RevisionAt;
  /** What the last run read. */
  observed?: RevisionAt;
  /** The last of which every object was applied. */
  applied?: RevisionAt;
  /** The last of which every object was seen healthy. */
  healthy?: RevisionAt;
  source: RunSource;
  configuration?: string;
  trigger?: string;
  requestedAt?: string;
  startedAt: string;
  /** Absent while it runs. */
  finishedAt?: string;
  /** How many objects the manifests hold. */
  objects?: number;
  /** What the run did to them. */
  counts?: OutcomeCounts;
  health?: Partial<Record<HealthStatus, number>>;
  /** How many objects left the manifests and were not deleted, by reason. */
  kept?: Record<string, number>;
  failures?: RecordedFailure[];
  /** How many failures there is no room for. */
  moreFailures?: number;
  /** Objects that were applied and are not well. */
  unhealthy?: RecordedFailure[];
  moreUnhealthy?: number;
}

/** One sync of `data.history`, which has the newest first. */
export interface HistoryEntry {
  revision?: string;
  result: SyncState;
  reason: string;
  message: string;
  startedAt: string;
  finishedAt: string;
  trigger?: string;
  by?: string;
  counts: OutcomeCounts;
  /** `created deployment.apps/web -n shop`. */
  changed?: string[];
  moreChanged?: number;
}

/** `data.inventory`: where in the manifests each wanted object is, at the revision that the last run read. */
export interface SetInventory {
  revision?: string;
  /** `deployment.apps -n shop` → name → `file:line`. */
  objects: Map<string, Map<string, string>>;
  /** How many objects there is no room for. */
  leftOut?: number;
}

/** All that a parent tells of its set. What is not there, or can't be read, is absent. */
export interface SetRecord {
  status?: SetStatus;
  history: HistoryEntry[];
  inventory?: SetInventory;
}

/**
 * How a member is. `missing`: in the manifests, but not in the cluster; `unlabelled`: there, but without the label of
 * the set; `foreign`: somebody else wrote the label there; `left`: no longer in the manifests; `present`: as applied.
 */
export const MEMBER_STATES = ['missing', 'unlabelled', 'foreign', 'left', 'present'] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

/** An object of a set. */
export interface Member {
  id: ObjectId;
  state: MemberState;
  /** `file:line`. */
  source?: string;
  health?: Health;
  /** It stays when it leaves the manifests. */
  pruneDisabled?: true;
  message?: string;
}
