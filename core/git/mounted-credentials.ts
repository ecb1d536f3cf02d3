import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credential, CredentialReader } from '../model/source.ts';

/** Access tokens take any user name that is not blank; deploy tokens have one of their own. */
const ANY_USER = 'gitlab-agent';

/**
 * Reads the credential of a repository from a mounted Secret, anew at each call: the kubelet changes the files when
 * the Secret changes. The longest name that fits counts: for `group/project` of the agent's own GitLab these are
 * `group__project.token`, `group.token` and `token`, with the same for `username`; for a repository elsewhere they
 * begin with its host, and the plain ones are never sent there.
 */
export function credentialOf(dir: string, gitlabUrl: string, repository: string): CredentialReader {
  const names = namesFor(new URL(gitlabUrl), new URL(repository));
  return async () => {
    for (const prefix of names) {
      const token = await read(join(dir, `${prefix}token`));
      if (token === undefined) continue;
      const username = await read(join(dir, `${prefix}username`));
      return { username: username ?? ANY_USER, token } satisfies Credential;
    }
    return undefined;
  };
}

function namesFor(gitlab: URL, repository: URL): string[] {
  const root = gitlab.pathname.replace(/\/+$/, '');
  const isOurs = repository.origin === gitlab.origin && repository.pathname.startsWith(`${root}/`);
  const path = (isOurs ? repository.pathname.slice(root.length) : repository.pathname).replace(
    /\.git\/?$/,
    '',
  );
  const parts = [...(isOurs ? [] : [repository.host.replace(':', '_')]), ...path.split('/').filter(Boolean)];
  const prefixes = parts.map((_, index) => `${parts.slice(0, parts.length - index).join('__')}.`);
  return isOurs ? [...prefixes, ''] : prefixes;
}

/** A token that is read while the Secret is exchanged may be gone for a moment; a line feed at its end is an editor's. */
async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** A single token in a file, such as that of the API; undefined where there is none. */
export function readToken(file: string): Promise<string | undefined> {
  return read(file);
}
