/** Users and projects as the API shows them. */
import type { Project } from '../project.ts';
import type { User } from '../user.ts';
import type { World } from '../world.ts';

/** Times of the database: milliseconds, UTC. */
export function databaseTime(date: Date): string {
  return date.toISOString();
}

export function userBasic(world: World, user: User): object {
  return {
    id: user.id,
    username: user.username,
    name: user.name,
    state: user.blocked ? 'blocked' : 'active',
    locked: false,
    avatar_url: `${world.url}/uploads/-/system/user/avatar/${user.id}/avatar.png`,
    web_url: `${world.url}/${user.username}`,
  };
}

/** The form that agents show of their project. */
export function projectIdentity(project: Project): object {
  return {
    id: project.id,
    description: project.description,
    name: project.name,
    name_with_namespace: project.path.split('/').join(' / '),
    path: project.name,
    path_with_namespace: project.path,
    created_at: databaseTime(project.createdAt),
  };
}

/** The short form, for anonymous callers. `empty` repositories have no default branch. */
export function projectBasic(world: World, project: Project, empty: boolean): object {
  return {
    ...projectIdentity(project),
    default_branch: empty ? null : project.defaultBranch,
    tag_list: [],
    topics: [],
    ssh_url_to_repo: `git@127.0.0.1:${project.path}.git`,
    http_url_to_repo: project.url,
    web_url: project.webUrl,
    readme_url: null,
    forks_count: 0,
    avatar_url: null,
    star_count: 0,
    last_activity_at: databaseTime(project.createdAt),
    namespace: namespaceOf(world, project),
  };
}

function namespaceOf(world: World, project: Project): object {
  const full = project.path.slice(0, project.path.lastIndexOf('/'));
  const path = full.slice(full.lastIndexOf('/') + 1);
  return {
    id: world.namespaceId(full),
    name: path,
    path,
    kind: world.users.some(({ username }) => username === full) ? 'user' : 'group',
    full_path: full,
    parent_id: full.includes('/') ? world.namespaceId(full.slice(0, full.lastIndexOf('/'))) : null,
    avatar_url: null,
    web_url: `${world.url}/groups/${full}`,
  };
}
