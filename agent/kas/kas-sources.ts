import type { AgentMeta } from '../../core/grpc/generated/modshared_pb.ts';
import type { SourcesOptions } from '../leader.ts';
import type { Sources } from '../sources.ts';
import { configurationRevision } from './configuration-revision.ts';
import type { Kas } from './connect-kas.ts';
import type { KasIdentity } from './identity.ts';
import { objectsRevision } from './objects-revision.ts';
import type { PushedRevision } from './pushed-revision.ts';

export interface KasSourcesOptions extends SourcesOptions {
  kas: Kas;
  identity: KasIdentity;
  meta: AgentMeta;
  /** Of the server, for sentences. */
  address: string;
  /** For check-outs. */
  scratch: string;
  /** Reads repositories that are not of the server's GitLab. */
  elsewhere: Sources['entry'];
}

/** Revisions that an agent server pushes. */
export function kasSources(options: KasSourcesOptions): Sources {
  const { kas, identity, elsewhere, onPoll: onEnd } = options;
  const shared = { ...options, transport: kas.transport, onEnd };
  const followed = new Map<PushedRevision, string>();
  return {
    configuration: configurationRevision({ ...shared, agent: identity.agentName }),
    entry: (entry) => {
      const { project } = entry.repository;
      if (project === undefined) return elsewhere(entry);
      const { isOurs } = identity;
      const revision = objectsRevision({
        ...shared,
        project,
        entry,
        isOurs,
        log: options.log.with({ project }),
      });
      return {
        reader: revision.reader,
        look: () => revision.look(),
        follow: (tell) => {
          followed.set(revision, project.toLowerCase());
          const stop = revision.follow(tell);
          return () => {
            followed.delete(revision);
            stop();
          };
        },
      };
    },
    poke: (project) => {
      for (const [revision, path] of followed)
        if (project === undefined || path === project.toLowerCase()) void revision.look();
    },
  };
}
