import { type Answer, json } from '../answer.ts';
import { addEnvironment, type Deployment, type DeploymentStatus } from '../deliveries.ts';
import { ROLES } from '../roles.ts';
import { badRequest, forbidden, invalid, noRecord, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { databaseTime, userBasic } from './entities.ts';
import { paginated } from './pagination.ts';
import { integer, oneOf, required, requiredOneOf } from './parameters.ts';
import type { Route } from './router.ts';

const PATH = '/projects/:id/deployments';
const STATES = ['running', 'success', 'failed', 'canceled'] as const;
type Wanted = (typeof STATES)[number];
const EVENTS: Record<Wanted, string> = {
  running: 'run',
  success: 'succeed',
  failed: 'drop',
  canceled: 'cancel',
};
const ORDERS = ['id', 'iid', 'created_at', 'updated_at', 'finished_at', 'ref'] as const;

export function deploymentBody(call: Call, deployment: Deployment): Record<string, unknown> {
  const { environment } = deployment;
  return {
    id: deployment.id,
    iid: deployment.iid,
    ref: deployment.ref,
    sha: deployment.sha,
    created_at: databaseTime(deployment.createdAt),
    updated_at: databaseTime(deployment.updatedAt),
    user: userBasic(call.world, deployment.user),
    environment: { id: environment.id, name: environment.name, external_url: environment.externalUrl },
    deployable: null,
    status: deployment.status,
  };
}

function found(call: Call): Deployment {
  const { project } = call;
  if (call.level(project) < ROLES.reporter) throw forbidden();
  const deployment = project.deployments.find(({ id }) => id === call.parameters.integer('deployment_id'));
  if (!deployment) throw noRecord();
  return deployment;
}

function list(call: Call): Answer {
  const { project, parameters } = call;
  if (call.level(project) < ROLES.reporter) throw forbidden();
  const order = (parameters.text('order_by') ?? 'id') as (typeof ORDERS)[number];
  const [environment, status] = [parameters.present('environment'), parameters.present('status')];
  const [after, before] = [parameters.present('updated_after'), parameters.present('updated_before')];
  if ((after ?? before) !== undefined && order !== 'updated_at')
    throw badRequest('`updated_at` filter requires `updated_at` sort');
  const rows = project.deployments.filter(
    (deployment) =>
      (environment ?? deployment.environment.name) === deployment.environment.name &&
      (status ?? deployment.status) === deployment.status &&
      (after === undefined || deployment.updatedAt >= new Date(after)) &&
      (before === undefined || deployment.updatedAt <= new Date(before)),
  );
  rows.sort((a, b) => compare(a, b, order) || a.id - b.id);
  if (parameters.text('sort') === 'desc') rows.reverse();
  return paginated(call, rows, (deployment) => deploymentBody(call, deployment));
}

function compare(a: Deployment, b: Deployment, order: (typeof ORDERS)[number]): number {
  if (order === 'ref') return a.ref.localeCompare(b.ref);
  const time = { created_at: 'createdAt', updated_at: 'updatedAt', finished_at: 'finishedAt' } as const;
  const value = (row: Deployment): number =>
    order === 'id' || order === 'iid' ? row[order] : (row[time[order]]?.getTime() ?? 0);
  return value(a) - value(b);
}

async function create(call: Call): Promise<Answer> {
  const { project, parameters, user, world } = call;
  call.demand(project, 'developer');
  const [sha, ref, name] = (['sha', 'ref', 'environment'] as const).map((field) => parameters.text(field)!);
  if ((await project.resolve(sha!)) === undefined) throw invalid({ sha: ['The commit does not exist'] });
  if ((await project.resolve(ref!)) === undefined)
    throw invalid({ ref: ['The branch or tag does not exist'] });
  const known = project.environments.find((environment) => environment.name === name);
  const now = world.now();
  const status = parameters.text('status') as Wanted;
  const deployment: Deployment = {
    id: world.nextId('deployment'),
    iid: project.deployments.length + 1,
    environment: known ?? addEnvironment(world, project, name!),
    sha: sha!,
    ref: ref!,
    tag: parameters.flag('tag'),
    status,
    user,
    createdAt: now,
    updatedAt: now,
    finishedAt: status === 'running' ? null : now,
    byPipeline: false,
  };
  project.deployments.push(deployment);
  return json(201, deploymentBody(call, deployment));
}

function update(call: Call): Answer {
  const deployment = found(call);
  call.demand(call.project, 'developer');
  if (deployment.byPipeline)
    throw forbidden('Deployments created using GitLab CI can not be updated using the API');
  const status = call.parameters.text('status') as Wanted;
  if (!mayBecome(deployment.status, status))
    throw invalid({ status: [`cannot transition via "${EVENTS[status]}"`] });
  deployment.status = status;
  deployment.updatedAt = call.world.now();
  deployment.finishedAt = deployment.updatedAt;
  return json(200, deploymentBody(call, deployment));
}

/** Nothing begins to run twice, and nothing becomes what it is. */
function mayBecome(from: DeploymentStatus, to: Wanted): boolean {
  return to === 'running' ? from === 'created' : from !== to;
}

function remove(call: Call): Answer {
  const deployment = found(call);
  call.demand(call.project, 'maintainer');
  if (deployment.status === 'running') throw renderError(400, '400 Cannot destroy running deployment');
  const { deployments } = call.project;
  const current = deployments.findLast(
    ({ environment, status }) => environment === deployment.environment && status === 'success',
  );
  if (current === deployment) throw renderError(400, '400 Deployment currently deployed to environment');
  call.demandUnmodified(deployment.updatedAt);
  deployments.splice(deployments.indexOf(deployment), 1);
  return { status: 204, headers: {}, body: '' };
}

export const deploymentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: PATH,
    jobs: true,
    rules: [
      oneOf('order_by', ORDERS),
      oneOf('sort', ['asc', 'desc']),
      oneOf('status', ['created', ...STATES, 'blocked']),
    ],
    handle: list,
  },
  {
    method: 'GET',
    path: `${PATH}/:deployment_id`,
    jobs: true,
    rules: [integer('deployment_id')],
    handle: (call) => json(200, deploymentBody(call, found(call))),
  },
  {
    method: 'POST',
    path: PATH,
    jobs: true,
    login: true,
    rules: [
      required('environment'),
      required('sha'),
      required('ref'),
      required('tag'),
      requiredOneOf('status', STATES),
    ],
    handle: create,
  },
  {
    method: 'PUT',
    path: `${PATH}/:deployment_id`,
    jobs: true,
    login: true,
    rules: [requiredOneOf('status', STATES), integer('deployment_id')],
    handle: update,
  },
  { method: 'DELETE', path: `${PATH}/:deployment_id`, jobs: true, login: true, handle: remove },
];
