import { type Answer, json } from '../answer.ts';
import { addEnvironment, type Environment, TIERS, type Tier } from '../deliveries.ts';
import type { Project } from '../project.ts';
import { ROLES } from '../roles.ts';
import { agentBody } from './agents.ts';
import { badRequest, forbidden, invalid, noRecord, notFound } from './api-error.ts';
import type { Call } from './call.ts';
import { deploymentBody } from './deployments.ts';
import { databaseTime } from './entities.ts';
import { paginated } from './pagination.ts';
import { exclusive, integer, oneOf, type Rule, required } from './parameters.ts';
import type { Route } from './router.ts';

const PATH = '/projects/:id/environments';

function show(call: Call, environment: Environment): Record<string, unknown> {
  const setting = call.world.version.atLeast('17.8')
    ? { auto_stop_setting: environment.autoStopSetting }
    : {};
  return {
    id: environment.id,
    name: environment.name,
    slug: environment.slug,
    description: environment.description,
    external_url: environment.externalUrl,
    state: environment.state,
    tier: environment.tier,
    created_at: databaseTime(environment.createdAt),
    updated_at: databaseTime(environment.updatedAt),
    enable_advanced_logs_querying: false,
    logs_api_path: `/${call.project.path}/-/logs/k8s.json?environment_name=${encodeURIComponent(environment.name)}`,
    auto_stop_at: null,
    kubernetes_namespace: environment.kubernetesNamespace,
    flux_resource_path: environment.fluxResourcePath,
    ...setting,
  };
}

function showWithAgent(call: Call, environment: Environment): Record<string, unknown> {
  const agent = environment.agent && agentBody(environment.agent);
  return { ...show(call, environment), cluster_agent: agent };
}

function readers(call: Call): Project {
  // Before 16.2 the token of a job opened deployments only.
  if (call.caller.job && !call.world.version.atLeast('16.2')) throw notFound('Project');
  const { project } = call;
  if (call.level(project) < ROLES.reporter) throw notFound('Project');
  return project;
}

function found(call: Call): Environment {
  const id = call.parameters.integer('environment_id');
  const environment = readers(call).environments.find((one) => one.id === id);
  if (!environment) throw noRecord();
  return environment;
}

/** What the parameters make of it; checked on the result, so links may be set together. */
function changed(call: Call, before: Environment): Environment {
  const { parameters, project } = call;
  const after = { ...before, updatedAt: call.world.now() };
  const text = (name: string, now: string | null): string | null =>
    parameters.has(name) ? (parameters.present(name) ?? null) : now;
  after.description = text('description', before.description);
  after.externalUrl = text('external_url', before.externalUrl);
  after.tier = (parameters.present('tier') as Tier | undefined) ?? before.tier;
  after.kubernetesNamespace = text('kubernetes_namespace', before.kubernetesNamespace);
  after.fluxResourcePath = text('flux_resource_path', before.fluxResourcePath);
  const setting = parameters.present('auto_stop_setting');
  if (setting) after.autoStopSetting = setting as Environment['autoStopSetting'];
  if (parameters.has('cluster_agent_id')) {
    const id = parameters.integer('cluster_agent_id');
    const agent = id === undefined ? null : project.agents.find((one) => one.id === id);
    if (agent === undefined)
      throw badRequest("cluster agent doesn't exist or cannot be associated with this environment");
    after.agent = agent;
  }
  if (after.kubernetesNamespace && !after.agent)
    throw invalid({ kubernetes_namespace: ['cannot be set without a cluster agent'] });
  if (after.fluxResourcePath && !after.kubernetesNamespace)
    throw invalid({ flux_resource_path: ['cannot be set without a kubernetes namespace'] });
  return after;
}

const noSlug: Rule = (parameters) =>
  parameters.has('slug') ? 'slug is automatically generated and cannot be changed' : undefined;

const fieldRules: readonly Rule[] = [
  noSlug,
  oneOf('tier', TIERS),
  oneOf('auto_stop_setting', ['always', 'with_action']),
  integer('cluster_agent_id'),
];

function list(call: Call): Answer {
  const { parameters } = call;
  const [name, search, states] = ['name', 'search', 'states'].map((field) => parameters.present(field));
  const project = readers(call);
  if (search !== undefined && search.length < 3) throw badRequest('Search query is less than 3 characters');
  const rows = project.environments.filter(
    (environment) =>
      (name ?? environment.name) === environment.name &&
      environment.name.includes(search ?? '') &&
      (states ?? environment.state) === environment.state,
  );
  return paginated(call, rows, (environment) => show(call, environment));
}

function create(call: Call): Answer {
  const project = readers(call);
  call.demand(project, 'developer');
  const name = call.parameters.text('name')!;
  if (project.environments.some((environment) => environment.name === name))
    throw invalid({ name: ['has already been taken'], slug: ['has already been taken'] });
  const environment = addEnvironment(call.world, project, name);
  try {
    Object.assign(environment, changed(call, environment));
  } catch (error) {
    project.environments.pop();
    throw error;
  }
  return json(201, showWithAgent(call, environment));
}

export const environmentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: PATH,
    jobs: true,
    rules: [exclusive('name', 'search'), oneOf('states', ['available', 'stopping', 'stopped'])],
    handle: list,
  },
  {
    method: 'GET',
    path: `${PATH}/:environment_id`,
    jobs: true,
    rules: [integer('environment_id')],
    handle: (call) => {
      const environment = found(call);
      const last = call.project.deployments.findLast((one) => one.environment === environment);
      const shown = last ? deploymentBody(call, last) : null;
      return json(200, { ...showWithAgent(call, environment), last_deployment: shown });
    },
  },
  {
    method: 'POST',
    path: PATH,
    jobs: true,
    login: true,
    rules: [required('name'), ...fieldRules],
    handle: create,
  },
  {
    method: 'PUT',
    path: `${PATH}/:environment_id`,
    jobs: true,
    login: true,
    rules: [integer('environment_id'), ...fieldRules],
    handle: (call) => {
      const environment = found(call);
      call.demand(call.project, 'developer');
      const name = call.world.version.atLeast('16.0') ? undefined : call.parameters.present('name');
      Object.assign(environment, changed(call, environment), name === undefined ? {} : { name });
      return json(200, showWithAgent(call, environment));
    },
  },
  {
    method: 'POST',
    path: `${PATH}/:environment_id/stop`,
    jobs: true,
    login: true,
    handle: (call) => {
      const environment = found(call);
      call.demand(call.project, 'developer');
      environment.state = 'stopped';
      return json(200, showWithAgent(call, environment));
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:environment_id`,
    jobs: true,
    login: true,
    handle: (call) => {
      const environment = found(call);
      const { project } = call;
      call.demand(project, 'developer');
      if (environment.state !== 'stopped') throw forbidden();
      call.demandUnmodified(environment.updatedAt);
      project.environments.splice(project.environments.indexOf(environment), 1);
      return { status: 204, headers: {}, body: '' };
    },
  },
];
