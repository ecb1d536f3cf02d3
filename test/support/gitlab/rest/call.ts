/** One request to the API, as a route sees it. */
import type { IncomingMessage } from 'node:http';
import { accessLevel, mayReadCode, maySee } from '../permissions.ts';
import type { Project } from '../project.ts';
import { ROLES, type Role } from '../roles.ts';
import type { User } from '../user.ts';
import type { World } from '../world.ts';
import { ApiError, forbidden, notFound, renderError, unauthorized } from './api-error.ts';
import type { Caller } from './credentials.ts';
import type { Parameters } from './parameters.ts';

export class Call {
  readonly world: World;
  readonly request: IncomingMessage;
  /** `/api/v4/projects/…` as it was sent, without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly parameters: Parameters;
  readonly caller: Caller;

  constructor(fields: {
    world: World;
    request: IncomingMessage;
    path: string;
    query: URLSearchParams;
    parameters: Parameters;
    caller: Caller;
  }) {
    this.world = fields.world;
    this.request = fields.request;
    this.path = fields.path;
    this.query = fields.query;
    this.parameters = fields.parameters;
    this.caller = fields.caller;
  }

  /** Who is logged in; 401 where nobody is. */
  get user(): User {
    if (!this.caller.user) throw unauthorized();
    return this.caller.user;
  }

  /** The project of `:id`, if the caller may know of it. A path of old is a redirect (16.7 and newer). */
  get project(): Project {
    const id = this.parameters.text('id')!;
    const { world } = this;
    const byId = /^\d+$/.test(id) ? world.projects.find((project) => project.id === Number(id)) : undefined;
    const current = byId ?? world.projectAt(id);
    const project = current ?? world.oldPaths.get(id);
    if (!project || !this.#sees(project)) throw notFound('Project');
    if (!current && world.version.atLeast('16.7')) throw this.#moved(project);
    return project;
  }

  /** The caller's role in the project, as a number. */
  level(project: Project): number {
    return accessLevel(project, this.caller.user);
  }

  /** 403 where the role is lower. */
  demand(project: Project, role: Role): void {
    if (this.level(project) < ROLES[role]) throw forbidden();
  }

  /** 412 where `If-Unmodified-Since` is older than the last change. */
  demandUnmodified(changed: Date): void {
    const since = this.request.headers['if-unmodified-since'];
    if (since !== undefined && new Date(since).getTime() < Math.floor(changed.getTime() / 1000) * 1000)
      throw renderError(412, '412 Precondition Failed');
  }

  /** The project, if its code may be read. */
  get code(): Project {
    const { project } = this;
    if (!mayReadCode(project, this.caller.user)) throw forbidden();
    return project;
  }

  #sees(project: Project): boolean {
    const { job, user } = this.caller;
    if (job && job.project !== project && project.visibility !== 'public')
      return project.jobTokenProjects.has(job.project) && accessLevel(project, user) > 0;
    return maySee(project, user);
  }

  #moved(project: Project): ApiError {
    if (this.request.method !== 'GET' && this.request.method !== 'HEAD')
      return renderError(405, 'Non GET methods are not allowed for moved projects');
    const path = this.path.replace(/(\/projects\/)[^/]+/, `$1${project.id}`);
    const search = this.query.size > 0 ? `?${this.query}` : '';
    return new Moved(`${this.world.url}${path}${search}`);
  }
}

class Moved extends ApiError {
  override readonly answer;

  constructor(location: string) {
    super(301, null);
    this.answer = {
      status: 301,
      headers: { location, 'content-type': 'text/plain' },
      body: `This resource has been moved permanently to ${location}`,
    };
  }
}
