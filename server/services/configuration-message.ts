import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type AgentConfigurationSchema,
  log_level_enum,
  type ManifestProjectCFSchema,
} from '../../core/grpc/generated/agentcfg_pb.ts';
import { refMessage } from '../../core/grpc/ref-message.ts';
import { type AgentConfig, DEFAULT_GLOB, type ManifestEntry } from '../../core/model/agent-config.ts';

/** A configuration as GitLab's own agents take it. What they have no words for they don't get. */
export function configurationMessage({
  entries,
  logging,
}: AgentConfig): MessageInitShape<typeof AgentConfigurationSchema> {
  return {
    gitops: { manifestProjects: entries.flatMap((entry) => manifestProject(entry) ?? []) },
    observability: {
      logging: { level: log_level_enum[logging.level], grpcLevel: log_level_enum[logging.grpcLevel] },
    },
  };
}

/** Undefined for what they can't read: repositories elsewhere, and kustomizations. */
function manifestProject(entry: ManifestEntry): MessageInitShape<typeof ManifestProjectCFSchema> | undefined {
  const { repository, kustomize, suspend } = entry;
  const id =
    'projectId' in repository ? String(repository.projectId) : 'project' in repository && repository.project;
  if (!id || kustomize || suspend) return undefined;
  const paths = entry.paths.length > 0 ? entry.paths : [DEFAULT_GLOB];
  const filter = ({ apiGroups, kinds }: ManifestEntry['resourceExclusions'][number]) => ({
    apiGroups,
    kinds,
  });
  return {
    id,
    defaultNamespace: entry.defaultNamespace,
    paths: paths.map((glob) => ({ path: { case: 'glob', value: glob } })),
    resourceInclusions: entry.resourceInclusions.map(filter),
    resourceExclusions: entry.resourceExclusions.map(filter),
    // 0 is no deadline to them as well.
    reconcileTimeout: durationFromMs(entry.reconcileTimeoutMs ?? 0),
    dryRunStrategy: entry.dryRunStrategy,
    pruneOneof: { case: 'prune', value: entry.prune },
    pruneTimeout: durationFromMs(entry.pruneTimeoutMs ?? 0),
    prunePropagationPolicy: entry.prunePropagationPolicy,
    inventoryPolicy: entry.inventoryPolicy,
    ...(entry.ref && { ref: { ref: refMessage(entry.ref) } }),
  };
}
