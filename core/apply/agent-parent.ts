import type { ParentWishes } from '../model/agent-status.ts';
import type { ApplySetId } from '../model/apply.ts';
import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { applySetId } from './apply-set.ts';

export const AGENT_LABEL = 'agent.gitlab.com/name';
export const ENTRY_LABEL = 'agent.gitlab.com/entry';
export const PROJECT_ANNOTATION = 'agent.gitlab.com/project-path';
export const SYNC_REQUESTED = 'agent.gitlab.com/sync-requested-at';
export const SUSPEND = 'agent.gitlab.com/suspend';
export const PRUNE_ALLOW = 'agent.gitlab.com/prune-allow';

/** The agent's own ConfigMap, and its Lease. */
export function agentRecordName(agent: string): string {
  return `gitlab-agent.${agent}`;
}

/** Shorter prefixes of a commit might mean another one by accident. */
export const SHORTEST_COMMIT = 7;

/** The ConfigMap that is the parent of an entry's set. */
export function parentOf(agent: string, entry: string, namespace: string): ApplySetId {
  return applySetId({ namespace, name: `gitlab-agent.${agent}.${entry}` });
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
