/** Commit statuses: the transitions of GitLab's state machine, on the newest pipeline of the commit. */
import { json } from '../answer.ts';
import { commitAt, refs } from '../commit-log.ts';
import { type CommitStatus, newestPipeline, type Pipeline, type StatusName } from '../pipelines.ts';
import type { Project } from '../project.ts';
import { mayMerge, mayPush } from '../protected-branches.ts';
import type { User } from '../user.ts';
import { type ApiError, forbidden, invalid, notFound, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { databaseTime, userBasic } from './entities.ts';
import { paginated } from './pagination.ts';
import { integer, oneOf, type Rule, requiredOneOf } from './parameters.ts';
import type { Route } from './router.ts';

const STATES = ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'] as const;
type Wanted = (typeof STATES)[number];

/** The event that leads to a state, and the states from which it may. */
const EVENTS: Record<Wanted, { event: string; from: readonly StatusName[] }> = {
  pending: { event: 'enqueue', from: ['created', 'skipped'] },
  running: { event: 'run', from: ['created', 'pending'] },
  success: { event: 'success', from: ['created', 'pending', 'running'] },
  failed: { event: 'drop', from: ['created', 'pending', 'running'] },
  canceled: { event: 'cancel', from: ['created', 'pending', 'running'] },
  skipped: { event: 'skip', from: ['created', 'pending'] },
};

function show(call: Call, status: CommitStatus): object {
  return {
    id: status.id,
    sha: status.pipeline.sha,
    ref: status.ref,
    status: status.status,
    name: status.name,
    target_url: status.targetUrl,
    description: status.description,
    created_at: databaseTime(status.createdAt),
    started_at: status.startedAt && databaseTime(status.startedAt),
    finished_at: status.finishedAt && databaseTime(status.finishedAt),
    allow_failure: false,
    coverage: status.coverage,
    pipeline_id: status.pipeline.id,
    author: userBasic(call.world, status.user),
  };
}

const short =
  (name: string): Rule =>
  (parameters) =>
    (parameters.text(name)?.length ?? 0) > 255
      ? `${name} is too long (maximum is 255 characters)`
      : undefined;

async function post(call: Call) {
  const { project, parameters, user } = call;
  call.demand(project, 'developer');
  const commit = await commitAt(project, parameters.text('sha')!);
  if (!commit) throw notFound('Commit');
  const pipeline = await pipelineFor(call, project, commit.id);
  if (!mayUpdate(project, pipeline.ref, call.level(project))) throw forbidden();
  const targetUrl = parameters.present('target_url');
  if (targetUrl !== undefined && !/^https?:\/\//.test(targetUrl))
    throw invalid({ target_url: ['is blocked: Only allowed schemes are http, https'] });
  const name = parameters.present('name') ?? parameters.present('context') ?? 'default';
  if (pipeline.jobs.includes(name)) throw invalid({ name: ['has already been taken'] });
  const running = project.statuses.findLast(
    (status) =>
      status.pipeline === pipeline &&
      status.name === name &&
      status.user === user &&
      ['pending', 'running'].includes(status.status),
  );
  const status = running ?? newStatus(call, pipeline, name, user);
  transition(status, parameters.text('state') as Wanted, call.world.now());
  status.targetUrl = targetUrl ?? status.targetUrl;
  status.description = parameters.present('description') ?? status.description;
  status.coverage = parameters.number('coverage') ?? status.coverage;
  if (!running) add(project, status);
  return json(201, show(call, status));
}

function newStatus(call: Call, pipeline: Pipeline, name: string, user: User): CommitStatus {
  return {
    id: call.world.nextId('status'),
    pipeline,
    name,
    ref: pipeline.ref,
    user,
    status: 'created',
    targetUrl: null,
    description: null,
    coverage: null,
    createdAt: call.world.now(),
    startedAt: null,
    finishedAt: null,
    retried: false,
  };
}

/** The first status of a pipeline makes the pipeline; a name that comes again supersedes what had it. */
function add(project: Project, status: CommitStatus): void {
  const { pipeline, name } = status;
  if (!project.pipelines.includes(pipeline)) project.pipelines.push(pipeline);
  for (const older of project.statuses)
    if (older.pipeline === pipeline && older.name === name) older.retried = true;
  project.statuses.push(status);
}

async function pipelineFor(call: Call, project: Project, sha: string): Promise<Pipeline> {
  const { parameters, world } = call;
  const [ref, id] = [parameters.present('ref'), parameters.integer('pipeline_id')];
  const found = newestPipeline(project, { sha, ref, id });
  if (found) return found;
  if (id !== undefined) throw notFound('Pipeline for pipeline_id, sha and ref');
  const first = ref ?? (await refs(project, 'heads', sha))[0]?.name;
  if (first === undefined) throw notFound('References for commit');
  // Another request may have made it while git looked for the ref.
  const meanwhile = newestPipeline(project, { sha, ref: first });
  if (meanwhile) return meanwhile;
  return {
    id: world.nextId('pipeline'),
    iid: project.pipelines.length + 1,
    sha,
    ref: first,
    source: 'external',
    createdAt: world.now(),
    jobs: [],
  };
}

/** Who may push or merge into a branch may update its pipelines. */
function mayUpdate(project: Project, ref: string, level: number): boolean {
  return mayPush(project.protectedBranches, ref, level) || mayMerge(project.protectedBranches, ref, level);
}

function transition(status: CommitStatus, wanted: Wanted, now: Date): void {
  const { event, from } = EVENTS[wanted];
  if (!from.includes(status.status)) throw cannot(event, status.status);
  status.status = wanted;
  if (wanted === 'running') status.startedAt = now;
  else if (wanted !== 'pending') status.finishedAt = now;
}

function cannot(event: string, from: StatusName): ApiError {
  const reason = `Status cannot transition via "${event}"`;
  return renderError(400, `Cannot transition status via :${event} from :${from} (Reason(s): ${reason})`);
}

async function list(call: Call) {
  const project = call.code;
  const { parameters, world } = call;
  const commit = await commitAt(project, parameters.text('sha')!);
  if (!commit) throw notFound('Commit');
  const [ref, name, pipelineId] = [
    parameters.present('ref'),
    parameters.present('name'),
    parameters.integer('pipeline_id'),
  ];
  const newer = world.version.atLeast('17.9');
  const found = project.statuses.filter(
    (status) =>
      status.pipeline.sha === commit.id &&
      (parameters.flag('all') || !status.retried) &&
      (ref === undefined || status.ref === ref) &&
      (name === undefined || status.name === name) &&
      (!newer || pipelineId === undefined || status.pipeline.id === pipelineId),
  );
  if (newer && parameters.text('order_by') === 'pipeline_id')
    found.sort((a, b) => a.pipeline.id - b.pipeline.id || a.id - b.id);
  if (newer && parameters.text('sort') === 'desc') found.reverse();
  return paginated(call, found, (status) => show(call, status));
}

export const statusRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/projects/:id/statuses/:sha',
    login: true,
    rules: [
      requiredOneOf('state', STATES),
      short('ref'),
      short('target_url'),
      short('description'),
      integer('pipeline_id'),
    ],
    handle: post,
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/commits/:sha/statuses',
    rules: [oneOf('order_by', ['id', 'pipeline_id']), oneOf('sort', ['asc', 'desc'])],
    handle: list,
  },
];
