import type { Allowance } from './allowance.ts';
import type { IgnoreRule } from './ignore.ts';
import type { ConflictPolicy } from './plan.ts';

// What an agent's config.yaml says, with all defaults filled in: plain values, to be compared and written as JSON.

export const LOG_LEVELS = ['info', 'debug', 'warn', 'error'] as const;
export const DRY_RUN_STRATEGIES = ['none', 'client', 'server'] as const;
export const PROPAGATION_POLICIES = ['orphan', 'background', 'foreground'] as const;
export const INVENTORY_POLICIES = ['must_match', 'adopt_if_no_inventory', 'adopt_all'] as const;
export const REMOVAL_POLICIES = ['orphan', 'prune'] as const;

type LogLevel = (typeof LOG_LEVELS)[number];

export interface AgentConfig {
  /** In the order of the file. Names are unique; `dependsOn` names entries that exist and makes no circle. */
  entries: ManifestEntry[];
  logging: { level: LogLevel; grpcLevel: LogLevel };
}

/**
 * Where manifests are read from. A `project` (full path) is of this GitLab. A `projectId` is too, and somebody has to
 * ask GitLab for its path. A `url` alone is elsewhere: no commit statuses, no deployments.
 */
export type ManifestRepository = { project: string; url: string } | { projectId: number } | { url: string };

/** Names without `refs/heads/` or `refs/tags/`; a commit is a whole SHA in lower case. */
export type ManifestRef = { branch: string } | { tag: string } | { commit: string };

/** Kinds that are neither watched nor pruned, or are in spite of a wider rule. `*` stands for any. */
export interface ResourceRule {
  apiGroups: string[];
  kinds: string[];
}

/** One manifest project of an agent. */
export interface ManifestEntry {
  /** A DNS label: the identity of the entry for ever. */
  name: string;
  repository: ManifestRepository;
  /** Absent: the default branch. */
  ref?: ManifestRef;
  /** Globs without a leading slash, or directories with `kustomize`. Empty: `DEFAULT_MANIFEST`, else `DEFAULT_GLOB`. */
  paths: string[];
  kustomize: boolean;
  defaultNamespace: string;
  /** How long to wait for objects to become healthy, for each wave. Null: without end. */
  reconcileTimeoutMs: number | null;
  /** Other than `none`: the plan is computed and reported, and nothing is written. */
  dryRunStrategy: (typeof DRY_RUN_STRATEGIES)[number];
  prune: boolean;
  /** How long to wait for pruned objects to be gone. Null: without end. */
  pruneTimeoutMs: number | null;
  prunePropagationPolicy: (typeof PROPAGATION_POLICIES)[number];
  /** Absent: the guard's own bound. */
  pruneLimit?: Allowance;
  /** In lower case. */
  pruneKinds: string[];
  inventoryPolicy: (typeof INVENTORY_POLICIES)[number];
  resourceInclusions: ResourceRule[];
  resourceExclusions: ResourceRule[];
  conflicts: ConflictPolicy;
  ignore: IgnoreRule[];
  /** How often drift is looked for and repaired. */
  intervalMs: number;
  suspend: boolean;
  /** Names of entries that have to be synced and healthy first. */
  dependsOn: string[];
  /** What becomes of the objects when the entry leaves the file. */
  onRemoval: (typeof REMOVAL_POLICIES)[number];
  /** The GitLab environment for which deployments are recorded. */
  environment?: string;
}

/** Read where an entry names no paths and the repository has it at its root; else the glob. */
export const DEFAULT_MANIFEST = 'manifest.yaml';
export const DEFAULT_GLOB = '**/*.{yaml,yml,json}';
