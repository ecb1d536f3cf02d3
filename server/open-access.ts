import type { Log } from '../core/daemon/log.ts';
import { readToken } from '../core/git/mounted-credentials.ts';
import { readConfiguredAccess } from './access/configured-access.ts';
import type { Directory } from './access/directory.ts';
import { GitLabApi } from './access/gitlab-api.ts';
import { GitLabDirectory } from './access/gitlab-directory.ts';
import { GitLabVisitors } from './access/gitlab-visitors.ts';
import { RegistryDirectory } from './access/registry-directory.ts';
import { RegistryVisitors } from './access/registry-visitors.ts';
import { lifetimes } from './access/timed-cache.ts';
import type { Visitors } from './access/visitors.ts';
import type { ServerConfig } from './configuration/server-config.ts';
import { configurationFileName, newestConfiguration } from './projects/configuration-file.ts';
import type { Projects } from './projects/projects.ts';

export interface OpenAccessOptions {
  config: ServerConfig;
  log: Log;
  /** Ends what is asked. */
  signal: AbortSignal;
  userAgent: string;
  now: () => number;
}

/** Who says who may connect, and who may make requests to clusters. */
export interface OpenAccess {
  directory: Directory;
  visitors: (projects: Projects) => Visitors;
  /** GitLab mode only. */
  usage?: GitLabApi;
}

/** By the configuration: GitLab, or a registry. */
export function openAccess({ config, log, signal, userAgent, now }: OpenAccessOptions): OpenAccess {
  const { access, gitlabUrl, externalUrl, apiRate: rate, kubernetesApi } = config;
  const secret = async (): Promise<string | undefined> =>
    'secretFile' in access ? await readToken(access.secretFile) : undefined;
  const api = new GitLabApi({ url: gitlabUrl, secret, userAgent, rate, now });
  const lifetime = lifetimes({ ttl: kubernetesApi?.ttl ?? 0, errorTtl: kubernetesApi?.errorTtl ?? 0 });
  if ('registryFile' in access) {
    const directory = new RegistryDirectory(access.registryFile, log, now);
    const { maxBytes } = config.configuration;
    return {
      directory,
      visitors: (projects) =>
        new RegistryVisitors({
          api,
          agent: (id) => directory.agent(id),
          configured: async (agent) =>
            readConfiguredAccess(
              await newestConfiguration(projects, agent, maxBytes),
              configurationFileName(agent),
            ),
          gitlabUrl: externalUrl,
          lifetime,
          signal,
          now,
        }),
    };
  }
  const directory = new GitLabDirectory({
    api,
    info: { ttl: config.infoTtl, errorTtl: config.infoErrorTtl },
    project: { ttl: config.gitops.projectTtl, errorTtl: config.gitops.projectErrorTtl },
    signal,
    now,
  });
  return { directory, visitors: () => new GitLabVisitors({ api, lifetime, signal, now }), usage: api };
}
