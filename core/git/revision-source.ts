import type { CredentialReader, RevisionSource, SourceFailure } from '../model/source.ts';
import { BareCache } from './bare-cache.ts';
import type { Connections, Environment } from './connections.ts';
import { DEFAULT_LIMITS, type RepositoryLimits } from './limits.ts';
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
