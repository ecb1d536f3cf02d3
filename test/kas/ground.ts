/** A GitLab with two projects, an agent server, and what an agent has of it. */
import { create } from '@bufbuild/protobuf';
import type { ExecutionContext } from 'ava';
import { connectKas, type Kas, type KasOptions } from '../../agent/kas/connect-kas.ts';
import { learnIdentity } from '../../agent/kas/identity.ts';
import { kasSources } from '../../agent/kas/kas-sources.ts';
import type { Sources } from '../../agent/sources.ts';
import { Log } from '../../core/daemon/log.ts';
import type { FollowedRevision, Seen } from '../../core/follow/followed-revision.ts';
import { AgentMetaSchema } from '../../core/grpc/generated/modshared_pb.ts';
import { parseKasAddress } from '../../core/model/kas-address.ts';
import { AgentServer, type AgentServerOptions } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';

export interface Ground {
  gitlab: GitLab;
  config: Project;
  shop: Project;
  server: AgentServer;
  token: string;
  /** Starts one with other options, which ends with the test. */
  restart: (options?: Partial<AgentServerOptions>) => Promise<AgentServer>;
}

export async function ground(
  t: ExecutionContext,
  options: Partial<AgentServerOptions> = {},
): Promise<Ground> {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const [config, shop] = [
    await gitlab.createProject('group/agents'),
    await gitlab.createProject('group/shop'),
  ];
  const gitToken = gitlab.root.createToken({ scopes: ['read_repository'] }).value;
  const start = async (more: Partial<AgentServerOptions> = {}): Promise<AgentServer> => {
    const server = await AgentServer.start({ gitlab, gitToken, ...options, ...more });
    t.teardown(() => server[Symbol.asyncDispose]());
    return server;
  };
  const server = await start();
  const token = options.secret === undefined ? server.createToken('test', 'group/agents', 'group/shop') : '';
  return { gitlab, config, shop, server, token, restart: start };
}

export interface ReachOptions {
  address: string;
  token: string;
  ca?: string;
  headers?: [string, string][];
  env?: Record<string, string>;
}

/** A connection to a server, as the agent's flags would make it; ends with the test. */
export function reach(
  t: ExecutionContext,
  { address, token, ca, headers = [], env = {} }: ReachOptions,
): Kas {
  const parsed = parseKasAddress(address);
  if ('code' in parsed) throw new Error(parsed.message);
  const options: KasOptions = {
    flags: { address: parsed, headers, insecure: false },
    ...(ca !== undefined && { ca }),
    token: async () => token,
    userAgent: 'gitlab-agent/test',
    env,
  };
  const kas = connectKas(options);
  t.teardown(() => kas[Symbol.dispose]());
  return kas;
}

export const quiet = new Log({ write: () => {}, level: 'error', now: () => new Date() });
export const meta = create(AgentMetaSchema, { version: '1.2.3', podName: 'agent-0', podNamespace: 'here' });

export interface SourcesSurroundings {
  log?: Log;
  /** For check-outs. */
  scratch?: string;
  /** Told how each stream ended. */
  onPoll?: (result: string) => void;
  random?: () => number;
}

export async function sourcesOf(
  t: ExecutionContext,
  kas: Kas,
  {
    log = quiet,
    scratch = '/nonexistent',
    onPoll = () => {},
    random = Math.random,
  }: SourcesSurroundings = {},
): Promise<Sources> {
  const ending = new AbortController();
  t.teardown(() => ending.abort());
  const common = { kas, meta, address: 'the server', random, log, signal: ending.signal };
  const identity = await learnIdentity({ ...common, said: {}, onFailure: () => {} });
  return kasSources({
    ...common,
    identity,
    onPoll,
    scratch,
    elsewhere: () => {
      throw new Error('elsewhere');
    },
  });
}

/** What a follower is told, until the test ends. */
export class Told {
  readonly seen: Seen[] = [];

  constructor(t: ExecutionContext, revision: FollowedRevision) {
    const stop = revision.follow((seen) => this.seen.push(seen));
    t.teardown(stop);
  }

  commit(commit: string): Promise<Seen> {
    return waitFor(() => this.seen.find((seen) => seen.ok && seen.commit === commit), {
      what: `commit ${commit}`,
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.seen)}`);
    });
  }

  failure(): Promise<Seen & { ok: false }> {
    return waitFor(() => this.seen.find((seen) => !seen.ok) as (Seen & { ok: false }) | undefined, {
      what: 'a failure',
    });
  }
}

/** An entry of the configuration, as far as sources look at it. */
export function entryOf(more: object = {}): Parameters<Sources['entry']>[0] {
  return {
    name: 'shop',
    repository: { project: 'group/shop', url: 'https://gitlab.example.com/group/shop.git' },
    paths: [],
    kustomize: false,
    ...more,
  } as never;
}
