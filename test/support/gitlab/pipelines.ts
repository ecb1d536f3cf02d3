/** Pipelines, as far as commit statuses hang on them. */
import type { Project } from './project.ts';
import type { User } from './user.ts';

export interface Pipeline {
  id: number;
  iid: number;
  sha: string;
  ref: string;
  source: 'push' | 'external';
  createdAt: Date;
  /** Jobs of `.gitlab-ci.yml`; a commit status cannot take their names. */
  jobs: readonly string[];
}

export type StatusName = 'created' | 'pending' | 'running' | 'success' | 'failed' | 'canceled' | 'skipped';

export interface CommitStatus {
  id: number;
  pipeline: Pipeline;
  name: string;
  ref: string;
  user: User;
  status: StatusName;
  targetUrl: string | null;
  description: string | null;
  coverage: number | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Superseded by a newer one of the same name. */
  retried: boolean;
}

export function newestPipeline(
  project: Project,
  { sha, ref, id }: { sha: string; ref?: string | undefined; id?: number | undefined },
): Pipeline | undefined {
  return project.pipelines.findLast(
    (pipeline) =>
      pipeline.sha === sha &&
      (ref === undefined || pipeline.ref === ref) &&
      (id === undefined || pipeline.id === id),
  );
}

/** What all of its statuses come to. */
export function pipelineStatus(project: Project, pipeline: Pipeline): StatusName {
  const states = project.statuses
    .filter((status) => status.pipeline === pipeline && !status.retried)
    .map(({ status }) => status);
  const order = ['running', 'pending', 'failed', 'canceled', 'success'] as const;
  if (states.includes('pending') && states.includes('success')) return 'running';
  return order.find((state) => states.includes(state)) ?? (states.length > 0 ? 'skipped' : 'created');
}
