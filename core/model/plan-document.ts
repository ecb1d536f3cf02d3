import type { ApplySetId } from './apply.ts';
import type { Json } from './json.ts';
import type { Change, ConflictPolicy, Summary } from './plan.ts';

/** Counts up with every change of the document or its digests that older programs would misread. */
export const PLAN_FORMAT = 1;

/**
 * One object of an approved plan. Secret values stand in it as keyed digests. `before` is there for deletes, `after`
 * for creates: of all other actions `fields` says both.
 */
export interface PlannedObject extends Omit<Change, 'id'> {
  group: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
  /** Of the live object, where it is deleted: another one of its name is not what was approved. */
  uid?: string;
  /** Digest of the whole manifest; absent for what no manifest wants. */
  wanted?: string;
}

/** What the command line said beside the inputs: it gives the plan its meaning, and holds when it is carried out. */
export interface PlanTerms {
  conflicts: ConflictPolicy;
  replace: boolean;
  prune: boolean;
  pruneAllow?: string;
  pruneKinds?: string;
  adoptSet: string[];
  takeOver: string[];
  secretPath: string[];
  /** Digest of the ignore rules, absent where there are none. */
  ignoreRules?: string;
}

/** Where a plan was made. The UID of the Namespace `kube-system` is the cluster's own, where it may be read. */
export interface ClusterIdentity {
  server: string;
  uid?: string;
}

/** The document of `diff -o plan`, described by `schemas/plan.schema.json`. Times are RFC 3339 in UTC. */
export interface PlanDocument {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'Plan';
  formatVersion: number;
  tool: string;
  createdAt: string;
  cluster: ClusterIdentity;
  /** Of objects that name none. */
  namespace: string;
  /** What was read, as it was named; its contents count, not its name. */
  inputs: { [name: string]: Json };
  applySet?: ApplySetId;
  terms: PlanTerms;
  summary: Summary;
  objects: PlannedObject[];
  /** Tells one key from another. */
  keyId: string;
  /** Digest of all the rest. */
  seal: string;
}
