import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { readToken } from '../../core/git/mounted-credentials.ts';
import { AgentMetaSchema } from '../../core/grpc/generated/modshared_pb.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { SourceFailure } from '../../core/model/source.ts';
import type { AgentSurroundings } from '../agent.ts';
import type { SettledFlags } from '../flags.ts';
import type { SourcesOptions } from '../leader.ts';
import type { Sources } from '../sources.ts';
import { connectKas } from './connect-kas.ts';
import { learnIdentity } from './identity.ts';
import { kasSources } from './kas-sources.ts';
import { keepRegistered } from './register.ts';

/** An agent that its server has told who it is. */
interface SettledKas {
  flags: SettledFlags;
  sources: (options: SourcesOptions, elsewhere: Sources['entry']) => Sources;
}

interface OpenKas extends Disposable {
  /**
   * Waits until the server says who this agent is, and keeps this Pod registered from then on. Undefined where the agent
   * ends before.
   */
  settle(end: AbortSignal, onFailure: (failure: SourceFailure) => void): Promise<SettledKas | undefined>;
}

/** The agent server that the flags name; undefined without one. */
export function openKas(surroundings: AgentSurroundings): OpenKas | undefined {
  const { flags, version, podName, podNamespace, kasCa, env, random, log, cacheDir, signal } = surroundings;
  if (!flags.kas) return undefined;
  const address = flags.kas.address.text;
  const kas = connectKas({
    flags: flags.kas,
    ...(kasCa !== undefined && { ca: kasCa }),
    token: () => tokenOf(surroundings),
    userAgent: `gitlab-agent/${version}`,
    env,
  });
  const meta = create(AgentMetaSchema, { version, podName, podNamespace });
  return {
    async settle(end, onFailure) {
      const until = AbortSignal.any([signal, end]);
      const common = { kas, meta, address, random, log };
      try {
        const identity = await learnIdentity({ ...common, said: flags, signal: until, onFailure });
        const { agentName, configProject, gitlabUrl } = identity;
        log.info('The agent server says who this agent is', { agent: agentName, project: configProject });
        const podId = randomBytes(8).readBigUInt64BE() & (2n ** 63n - 1n);
        void keepRegistered({ kas, meta, podId, random, log, signal: until });
        return {
          flags: { ...flags, agentName, configProject, gitlabUrl },
          sources: (options, elsewhere) =>
            kasSources({
              ...options,
              kas,
              identity,
              meta,
              address,
              scratch: join(cacheDir, 'kas'),
              elsewhere,
            }),
        };
      } catch (error) {
        if (until.aborted) return undefined;
        throw error;
      }
    },
    [Symbol.dispose]: () => kas[Symbol.dispose](),
  };
}

/** The file is read again for each call: a Secret may be exchanged. A line feed at its end is an editor's. */
async function tokenOf({ flags, kasToken }: AgentSurroundings): Promise<string> {
  const file = flags.kas?.tokenFile;
  const token = file === undefined ? kasToken?.trim() : await readToken(file);
  const problem = { code: 'Token', ...(file !== undefined && { file }) };
  if (!token) throw new ProblemError({ ...problem, message: 'there is no token for the agent server' });
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ProblemError({
      ...problem,
      message: 'the token for the agent server has characters that no token has',
    });
  return token;
}
