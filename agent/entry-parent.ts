import { applySetId } from '../core/apply/apply-set.ts';
import type { ApplySetId } from '../core/model/apply.ts';
import { dig } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/object.ts';

export const AGENT_LABEL = 'agent.gitlab.com/name';
export const ENTRY_LABEL = 'agent.gitlab.com/entry';
export const PROJECT_ANNOTATION = 'agent.gitlab.com/project-path';
const SYNC_REQUESTED = 'agent.gitlab.com/sync-requested-at';
const SUSPEND = 'agent.gitlab.com/suspend';
const PRUNE_ALLOW = 'agent.gitlab.com/prune-allow';

/** Shorter prefixes of a commit might mean another one by accident. */
const SHORTEST_COMMIT = 7;

/** The ConfigMap that is the parent of an entry's set. */
export function parentOf(agent: string, entry: string, namespace: string): ApplySetId {
  return applySetId({ namespace, name: `gitlab-agent.${agent}.${entry}` });
}

/** What people ask of an entry by annotations on its parent. */
export interface ParentWishes {
  /** When a pass was asked for, as it is written there: each value asks once. */
  syncRequestedAt?: string;
  /** Why the entry is suspended. */
  suspended?: string;
  /** The commit that may delete whatever it leaves out. */
  pruneAllow?: string;
}

export function wishesOf(parent: KubeObject): ParentWishes {
  const annotation = (name: string): string | undefined => {
    const value = dig(parent, 'metadata', 'annotations', name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const syncRequestedAt = annotation(SYNC_REQUESTED);
  const suspend = annotation(SUSPEND);
  const pruneAllow = annotation(PRUNE_ALLOW);
  return {
    ...(syncRequestedAt !== undefined && { syncRequestedAt }),
    ...(suspend !== undefined && suspend !== 'false' && { suspended: suspend }),
    ...(pruneAllow !== undefined && { pruneAllow }),
  };
}

/** Whether the wish is about this commit. */
export function allowsPruning({ pruneAllow }: ParentWishes, commit: string): boolean {
  return pruneAllow !== undefined && pruneAllow.length >= SHORTEST_COMMIT && commit.startsWith(pruneAllow);
}
