import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PersonRepository } from '../../core/git/person-repository.ts';
import type { Io } from '../io.ts';

/** A repository with the credentials of whoever runs the command; clones are kept where caches of programs are. */
export function openPersonRepository(url: string, io: Io): PersonRepository {
  const cacheDirectory = join(
    io.env.XDG_CACHE_HOME || join(io.homedir, '.cache'),
    'kubectl-gitlab-agent',
    'git',
  );
  mkdirSync(cacheDirectory, { recursive: true, mode: 0o700 });
  // git asks on the terminal itself; where standard error is none, there is nobody to ask.
  return new PersonRepository({
    url,
    cacheDirectory,
    env: io.env,
    mayAsk: io.stderrIsTty,
    signal: io.signal,
  });
}
