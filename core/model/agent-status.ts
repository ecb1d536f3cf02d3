import type { ManifestEntry } from './agent-config.ts';
import type { ApplySetId } from './apply.ts';
import type { HealthStatus } from './health.ts';
import type { SetStatus } from './record.ts';

/** What people ask of an entry by annotations on its parent. */
export interface ParentWishes {
  /** When a pass was asked for, as it is written there: each value asks once. */
  syncRequestedAt?: string;
  /** Why the entry is suspended. */
  suspended?: string;
  /** The commit that may delete whatever it leaves out. */
  pruneAllow?: string;
}

/** What the agent says of itself in its own ConfigMap; what it does not say, or nobody can read, is absent. */
export interface AgentRecord {
  version?: string;
  gitlab?: string;
  configuration?: {
    project: string;
    /** The commit that is in force. */
    applied?: string;
    /** The commit that was seen last, where it is another one. */
    observed?: string;
    /** `config.yaml:3:5: message (hint)`. */
    problems: string[];
    moreProblems?: number;
  };
  /** Names of the entries in force. */
  entries: string[];
  /** What became of the objects of entries that left the configuration. */
  removed: Record<string, string>;
}

/** What is to be said of an agent beside its entries. */
export interface AgentNote {
  reason:
    | 'NotRunning'
    | 'NoLeader'
    | 'Unknown'
    | 'Starting'
    | 'BrokenConfiguration'
    | 'OtherVersion'
    | 'ClockSkew'
    | 'Removed';
  message: string;
}

/** Whether it leaves open that what the record says is still so. */
export function isBlind({ reason }: AgentNote): boolean {
  return reason === 'NotRunning' || reason === 'NoLeader' || reason === 'Unknown';
}

/** Who leads, as the Lease says. */
export interface Leadership {
  /** Name of the Pod. */
  holder?: string;
  /** RFC 3339, by the clock of whoever holds it. */
  renewedAt?: string;
}

/** A sentence about what keeps an entry from being synced and healthy. */
export interface EntryNote {
  reason: string;
  message: string;
  /** The object whose health this tells, as `formatObject` writes it. */
  object?: string;
}

/** How one entry of an agent is, by what its parent says. */
export interface EntryStatus {
  name: string;
  set: ApplySetId;
  /** `group/shop`, or the URL of a repository elsewhere; the entry's name where nothing is known. */
  project: string;
  entry?: ManifestEntry & { repository: { project?: string; url: string } };
  wishes: ParentWishes;
  status?: SetStatus;
  /** `Pending`: nothing was done yet, or not what is wanted by now. */
  sync: 'Synced' | 'Syncing' | 'Failed' | 'Suspended' | 'Pending';
  /** The worst of its objects; absent where nobody has looked at them since they were written. */
  health?: HealthStatus;
  /** What was last found to differ from the applied revision without a commit, and mended: when, and how many. */
  repaired?: { at: string; objects: number };
  /** Commits of the syncs that are remembered, the newest first. */
  revisions?: string[];
  notes: EntryNote[];
  /** Commits of the branch that are not applied yet, where GitLab could be asked. */
  ahead?: { ref: string; commits: AheadCommit[]; more: number };
}

export interface AheadCommit {
  id: string;
  title: string;
  author: string;
  at: string;
}

/** An agent with its entries, sorted by the names of their projects. */
export interface AgentStatus {
  name: string;
  namespace: string;
  record?: AgentRecord;
  leadership?: Leadership;
  notes: AgentNote[];
  entries: EntryStatus[];
}
