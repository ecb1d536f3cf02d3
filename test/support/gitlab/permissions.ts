/** What a user may do in a project. */
import type { Project } from './project.ts';
import { ROLES } from './roles.ts';
import type { User } from './user.ts';

/** 0 for somebody who is no member. Administrators are owners of everything. */
export function accessLevel(project: Project, user: User | undefined): number {
  if (!user || user.blocked) return 0;
  return user.admin ? ROLES.owner : project.levelOf(user.id);
}

/** Whether they may know that the project exists. Bots are external users: `internal` projects are closed to them. */
export function maySee(project: Project, user: User | undefined): boolean {
  if (project.visibility === 'public' || accessLevel(project, user) > 0) return true;
  return project.visibility === 'internal' && user !== undefined && !user.bot && !user.blocked;
}

/** Code of private projects begins at Reporter. */
export function mayReadCode(project: Project, user: User | undefined): boolean {
  if (project.visibility !== 'private') return maySee(project, user);
  return accessLevel(project, user) >= ROLES.reporter;
}
