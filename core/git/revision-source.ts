import type { CredentialReader, RevisionSource, SourceFailure } from '../model/source.ts';
import { BareCache, type RepositoryLimits } from './bare-cache.ts';
import type { Connections, Environment } from './connections.ts';
import { Remote } from './remote.ts';
import { parseRepositoryUrl } from './repository-url.ts';

export interface RepositoryOptions {
  /** `https://host/group/project.git`. Plain HTTP carries a token to this machine itself only. */
  url: string;
  credential: CredentialReader;
  /** Shared by all repositories of a program. */
  connections: Connections;
  /** For PATH. */
  env: Environment;
  /** Where all caches are; it is made where it does not exist. */
  cacheDirectory: string;
  userAgent: string;
  limits?: Partial<RepositoryLimits>;
}

export const DEFAULT_LIMITS: RepositoryLimits = {
  packBytes: 256 * 2 ** 20,
  // What agents of GitLab took (agent.gitops.max_manifest_file_size).
  fileBytes: 5 * 2 ** 20,
  files: 100_000,
  checkOutBytes: 256 * 2 ** 20,
  refsTime: 20_000,
  fetchTime: 300_000,
};

/** A repository behind HTTP(S), with a bare cache on this machine. One for all who read the same repository. */
export function openRepository(
  options: RepositoryOptions,
): { ok: true; source: RevisionSource } | { ok: false; failure: SourceFailure } {
  const url = parseRepositoryUrl(options.url);
  if (!(url instanceof URL)) return { ok: false, failure: url };
  const { credential, connections, env, cacheDirectory, userAgent } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const remote = new Remote({ url, credential, connections, userAgent, timeout: limits.refsTime });
  const cache = new BareCache({ directory: cacheDirectory, remote, connections, env, limits });
  return {
    ok: true,
    source: {
      refs: (names, signal) => remote.refs(names, signal),
      fetch: (commit, signal) => cache.fetch(commit, signal),
      open: (commit, signal) => cache.open(commit, signal),
    },
  };
}
