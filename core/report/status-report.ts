import type { AgentNote, AgentStatus, AheadCommit, EntryStatus } from '../model/agent-status.ts';
import type { HealthStatus } from '../model/health.ts';
import type { RecordedFailure, RevisionAt } from '../model/record.ts';

/** One manifest project of a StatusReport. */
export interface ReportedProject {
  /** The name of the entry in the configuration. */
  name: string;
  project: string;
  applySet: { id: string; namespace: string; name: string };
  sync: EntryStatus['sync'];
  /** A stable word for how the last pass ended; absent where there was none. */
  reason?: string;
  message?: string;
  ref?: string;
  wanted?: RevisionAt;
  observed?: RevisionAt;
  applied?: RevisionAt;
  healthy?: RevisionAt;
  health?: HealthStatus;
  /** How many objects are how. */
  objects?: Partial<Record<HealthStatus, number>>;
  startedAt?: string;
  finishedAt?: string;
  /** The last pass that found and mended what others had changed. */
  repaired?: { at: string; objects: number };
  suspended?: string;
  failures?: RecordedFailure[];
  unhealthy?: RecordedFailure[];
  ahead?: { ref: string; commits: AheadCommit[]; more?: number };
}

/** The document of `status -o json` and `-o yaml`, described by `schemas/status-report.schema.json`. */
export interface StatusReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'StatusReport';
  agents: {
    name: string;
    namespace: string;
    version?: string;
    gitlab?: string;
    /** The Pod that leads. */
    leader?: string;
    /** When the Lease was renewed last. */
    heardAt?: string;
    configuration?: { project: string; applied?: string; observed?: string; problems?: string[] };
    notes: AgentNote[];
    projects: ReportedProject[];
  }[];
}

export function statusReport(agents: readonly AgentStatus[]): StatusReport {
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'StatusReport',
    agents: agents.map(({ name, namespace, record, leadership, notes, entries }) => {
      const { project, applied, observed, problems = [] } = record?.configuration ?? {};
      return {
        name,
        namespace,
        ...(record?.version !== undefined && { version: record.version }),
        ...(record?.gitlab !== undefined && { gitlab: record.gitlab }),
        ...(leadership?.holder !== undefined && { leader: leadership.holder }),
        ...(leadership?.renewedAt !== undefined && { heardAt: leadership.renewedAt }),
        ...(project !== undefined && {
          configuration: {
            project,
            ...(applied !== undefined && { applied }),
            ...(observed !== undefined && { observed }),
            ...(problems.length > 0 && { problems }),
          },
        }),
        notes: [...notes],
        projects: entries.map(reportedProject),
      };
    }),
  };
}

function reportedProject(entry: EntryStatus): ReportedProject {
  const { name, project, set, sync, health, repaired, wishes, status, ahead } = entry;
  const { failures, unhealthy } = status ?? {};
  const suspended = sync === 'Suspended' ? (wishes.suspended ?? 'suspend: true') : undefined;
  return {
    name,
    project,
    applySet: { ...set },
    sync,
    ...(status && { reason: status.reason, message: status.message }),
    ...(status?.source.ref !== undefined && { ref: status.source.ref }),
    ...(status?.wanted && { wanted: status.wanted }),
    ...(status?.observed && { observed: status.observed }),
    ...(status?.applied && { applied: status.applied }),
    ...(status?.healthy && { healthy: status.healthy }),
    ...(health && { health }),
    ...(status?.health && { objects: status.health }),
    ...(status && { startedAt: status.startedAt }),
    ...(status?.finishedAt !== undefined && { finishedAt: status.finishedAt }),
    ...(repaired && { repaired }),
    ...(suspended !== undefined && { suspended }),
    ...(failures && { failures }),
    ...(unhealthy && { unhealthy }),
    ...(ahead && {
      ahead: { ref: ahead.ref, commits: ahead.commits, ...(ahead.more > 0 && { more: ahead.more }) },
    }),
  };
}
