/** GitLab's internal API for its agent server: `/api/v4/internal/kubernetes`. */
import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isExpired } from './access-token.ts';
import type { Agent } from './agents.ts';
import { type Answer, json } from './answer.ts';
import { accessLevel } from './permissions.ts';
import type { Project } from './project.ts';
import { ROLES } from './roles.ts';
import type { World } from './world.ts';

const BASE = '/api/v4/internal/kubernetes';
const nothing: Answer = { status: 204, headers: {}, body: '' };

/** Undefined for paths that are not of it. */
export async function answerInternal(
  world: World,
  request: IncomingMessage,
  url: URL,
): Promise<Answer | undefined> {
  if (!url.pathname.startsWith(`${BASE}/`)) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (!isSigned(world, request)) return refusal(401, 'Unauthorized');
  const call = `${request.method} ${url.pathname.slice(BASE.length)}`;
  if (request.method === 'POST') {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (call === 'POST /usage_metrics') {
      world.usage.push(body);
      return nothing;
    }
    if (call === 'POST /authorize_proxy_user') return authorizeProxyUser(world, body);
    return call === 'POST /agent_configuration' ? configure(world, body) : refusal(404, 'Not Found');
  }
  const agent = agentOf(world, request);
  if (!agent) return refusal(401, 'Unauthorized');
  if (call === 'GET /agent_info')
    return json(200, { ...entity(agent.project), agent_id: agent.id, agent_name: agent.name });
  if (call !== 'GET /project_info') return refusal(404, 'Not Found');
  const id = url.searchParams.get('id') ?? '';
  const project = world.projects.find((one) => one.path === id || String(one.id) === id);
  // The configuration project, and whatever everybody may download.
  if (!project || (project !== agent.project && project.visibility !== 'public'))
    return refusal(404, 'Not Found');
  return json(200, entity(project));
}

/** As whom somebody may use an agent: by `user_access` of its configuration, and from Developer on. */
function authorizeProxyUser(
  world: World,
  { agent_id: id, access_type: type, access_key: key }: Record<string, unknown>,
): Answer {
  const token = world.tokens.find(({ value }) => value === key);
  if (type !== 'personal_access_token' || !token || token.revoked || isExpired(token, world.now()))
    return refusal(401, 'Unauthorized');
  if (!token.scopes.some((scope) => scope === 'k8s_proxy' || scope === 'api'))
    return refusal(403, 'Forbidden');
  const agent = world.projects.flatMap(({ agents }) => agents).find((one) => one.id === id);
  if (!agent) return refusal(404, 'Not Found');
  const { user } = token;
  const { user_access: access } = world.configurationOf(agent.id) as {
    user_access?: { access_as?: object; projects?: { id: string }[]; groups?: { id: string }[] };
  };
  const roles = (level: number): string[] =>
    Object.entries(ROLES)
      .filter(([, least]) => least <= level)
      .map(([role]) => role);
  const projects = (access?.projects ?? []).flatMap(({ id: path }) => {
    const project = world.projectAt(path);
    const level = project ? accessLevel(project, user) : 0;
    return project && level >= ROLES.developer ? [{ id: project.id, roles: roles(level) }] : [];
  });
  const groups = (access?.groups ?? []).flatMap(({ id: path }) => {
    const level = world.groupMembers.get(path)?.get(user.id) ?? 0;
    return level >= ROLES.developer ? [{ id: world.namespaceId(path), roles: roles(level) }] : [];
  });
  if (projects.length + groups.length === 0) return refusal(403, 'Forbidden');
  const asUser = access?.access_as && 'user' in access.access_as;
  return json(200, {
    agent: { id: agent.id, config_project: { id: agent.project.id } },
    user: { id: user.id, username: user.username },
    access_as: asUser ? { user: { projects, groups } } : { agent: {} },
  });
}

/** As `POST /internal/kubernetes/agent_configuration`: both parameters are required, of these kinds. */
function configure(world: World, body: { agent_id?: unknown; agent_config?: unknown }): Answer {
  const { agent_id: id, agent_config: config } = body;
  if (typeof id !== 'number') return json(400, { error: 'agent_id is missing' });
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    return json(400, { error: 'agent_config is invalid' });
  if (!world.projects.some(({ agents }) => agents.some((agent) => agent.id === id)))
    return refusal(404, 'Not Found');
  world.agentConfigurations.push({ agent_id: id, agent_config: config });
  return nothing;
}

function entity(project: Project): object {
  return {
    project_id: project.id,
    gitaly_info: { address: 'unix:/nowhere', token: '', features: {} },
    gitaly_repository: {
      storage_name: 'default',
      relative_path: `@hashed/${project.id}.git`,
      gl_repository: `project-${project.id}`,
      gl_project_path: project.path,
    },
    default_branch: project.defaultBranch,
  };
}

function refusal(status: number, words: string): Answer {
  return json(status, { message: `${status} ${words}` });
}

function agentOf(world: World, request: IncomingMessage): Agent | undefined {
  const [, value] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  for (const { agents } of world.projects)
    for (const agent of agents)
      for (const token of agent.tokens)
        if (token.value === value && token.status === 'active') {
          token.lastUsedAt = world.now();
          return agent;
        }
  return undefined;
}

/** As Gitlab::Kas.verify_api_request: HS256 with the shared secret, the issuer, and not expired. */
function isSigned({ kasSecret }: World, request: IncomingMessage): boolean {
  const [header = '', claims = '', signature] = String(request.headers['gitlab-kas-api-request'] ?? '').split(
    '.',
  );
  const key = Buffer.from(kasSecret, 'base64');
  if (createHmac('sha256', key).update(`${header}.${claims}`).digest('base64url') !== signature) return false;
  const { iss, aud, exp, nbf } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
  const now = Date.now() / 1000;
  return iss === 'gitlab-kas' && aud === 'gitlab' && exp > now && nbf < now;
}
