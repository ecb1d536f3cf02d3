import { createHash } from 'node:crypto';
import type { ManifestRepository } from '../model/agent-config.ts';

/**
 * The name of an entry that has none: the last part of the path, and 8 hexadecimal digits of the SHA-256 of all of
 * it. GitLab does not tell paths apart by case. A project by number is called by it: its path may change.
 */
export function defaultEntryName(repository: ManifestRepository): string {
  if ('projectId' in repository) return `project-${repository.projectId}`;
  const path = ('project' in repository ? repository.project : pathOf(repository.url)).toLowerCase();
  const last = path
    .split('/')
    .at(-1)!
    .replace(/\.git$/, '');
  const label = last
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 54)
    .replace(/^-+|-+$/g, '');
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 8);
  return label === '' ? `project-${digest}` : `${label}-${digest}`;
}

/** `git.example.com/shop/app.git`: the way there is no part of who it is. */
function pathOf(url: string): string {
  return url.replace(/^https?:\/\//i, '').replace(/\/+$/, '');
}
