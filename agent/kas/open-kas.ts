import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { readToken } from '../../core/git/mounted-credentials.ts';
import { AgentMetaSchema } from '../../core/grpc/generated/modshared_pb.ts';
import { ApiRelay } from '../../core/kube/api-relay.ts';
import { realClock } from '../../core/kube/clock.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { SourceFailure } from '../../core/model/source.ts';
import type { AgentSurroundings } from '../agent.ts';
import type { SettledFlags } from '../flags.ts';
import type { SourcesOptions } from '../leader.ts';
import type { Metrics } from '../metrics.ts';
import type { Sources } from '../sources.ts';
import { connectKas } from './connect-kas.ts';
import { learnIdentity } from './identity.ts';
import { kasSources } from './kas-sources.ts';
import { keepRegistered } from './register.ts';
import { keepTunnels } from './tunnel/keep-tunnels.ts';
import { MAKE_REQUEST, makeRequest } from './tunnel/make-request.ts';

/** To the API server, kept for the next request through a tunnel. */
const MOST_IDLE_CONNECTIONS = 500;
/** The token's file is read again after it, in ms: a Secret may be exchanged, and busy tunnels make hundreds of calls a second. */
const TOKEN_KEPT = 1_000;

/** An agent that its server has told who it is. */
interface SettledKas {
  flags: SettledFlags;
  sources: (options: SourcesOptions, elsewhere: Sources['entry']) => Sources;
}

interface OpenKas extends AsyncDisposable {
  /**
   * Waits until the server says who this agent is, and keeps this Pod registered and within reach from then on.
   * Undefined where the agent ends before.
   */
  settle(end: AbortSignal, onFailure: (failure: SourceFailure) => void): Promise<SettledKas | undefined>;
}

/** The agent server that the flags name; undefined without one. */
export function openKas(surroundings: AgentSurroundings, metrics: Metrics): OpenKas | undefined {
  const { flags, version, podName, podNamespace, connection, kasCa, env, random, log, cacheDir, signal } =
    surroundings;
  if (!flags.kas) return undefined;
  const address = flags.kas.address.text;
  const kas = connectKas({
    flags: flags.kas,
    ...(kasCa !== undefined && { ca: kasCa }),
    token: keptFor(TOKEN_KEPT, () => tokenOf(surroundings)),
    userAgent: `gitlab-agent/${version}`,
    env,
  });
  const meta = create(AgentMetaSchema, { version, podName, podNamespace });
  // Connections of its own: hundreds of watches must not be in the way of those who apply.
  const access = { signal, clock: realClock, maxIdle: MOST_IDLE_CONNECTIONS };
  const api = new ApiRelay(connection, access);
  const closing = new AbortController();
  let tunnels = Promise.resolve();
  return {
    async settle(end, onFailure) {
      const until = AbortSignal.any([signal, end, closing.signal]);
      const common = { kas, meta, address, random, log };
      try {
        const identity = await learnIdentity({ ...common, said: flags, signal: until, onFailure });
        const { agentName, configProject, gitlabUrl } = identity;
        log.info('The agent server says who this agent is', { agent: agentName, project: configProject });
        const podId = randomBytes(8).readBigUInt64BE() & (2n ** 63n - 1n);
        void keepRegistered({ kas, meta, podId, random, log, signal: until });
        tunnels = keepTunnels({
          kas,
          address,
          methods: new Map([[MAKE_REQUEST, makeRequest({ api, log, onAnswer: countAnswer(metrics) })]]),
          random,
          log,
          signal: until,
          onChange: ({ idle, busy }) => {
            metrics.tunnels.set({ state: 'idle' }, idle);
            metrics.tunnels.set({ state: 'busy' }, busy);
          },
        });
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
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the agent ends'));
      await tunnels;
      api.close();
      kas[Symbol.dispose]();
    },
  };
}

function countAnswer({ tunnelRequests }: Metrics): (status: number) => void {
  return (status) => tunnelRequests.inc({ class: status === 0 ? 'none' : `${Math.floor(status / 100)}xx` });
}

/** What was read is good for some ms; a failure is not. */
function keptFor<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let kept: { value: Promise<T>; until: number } | undefined;
  return () => {
    const now = performance.now();
    if (kept && now < kept.until) return kept.value;
    const value = read();
    kept = { value, until: now + ms };
    value.catch(() => {
      kept = undefined;
    });
    return value;
  };
}

/** A line feed at its end is an editor's. */
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
