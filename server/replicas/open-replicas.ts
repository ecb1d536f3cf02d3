import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { readToken } from '../../core/git/mounted-credentials.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { keyOf } from '../access/json-web-token.ts';
import type { PrivateApiConfig, ServerConfig } from '../configuration/server-config.ts';
import type { Routes } from '../kubernetes-api/routes.ts';
import { readPem } from '../transport/certificate.ts';
import { Announcements } from './announcements.ts';
import { PrivateApi } from './private-api.ts';
import { connectRedis } from './redis.ts';
import { ReplicaRoutes, tunnelsKey } from './replica-routes.ts';

export interface ReplicasOptions {
  config: NonNullable<ServerConfig['replicas']>;
  env: NodeJS.ProcessEnv;
  log: Log;
  random: () => number;
  now: () => number;
}

/** In ms. */
const LAST_MOMENT = 1_000;

/** What one of several replicas has of the others. */
export interface Replicas extends AsyncDisposable {
  announcements: Announcements;
  /** An agent has tunnels to this replica, or none any more. */
  tell: (agentId: bigint, hasTunnels: boolean) => void;
  /** To agents of all replicas. */
  routes: (own: Routes) => Routes;
  /** For what others ask of this one. */
  privateApi: (own: Routes) => PrivateApi;
}

/** Throws ProblemError where the environment does not say where this replica is. */
export function openReplicas({ config, env, log, random, now }: ReplicasOptions): Replicas {
  const { redis: redisConfig, privateApi } = config;
  const ownUrl = ownUrlOf(env, privateApi);
  const { passwordFile } = redisConfig;
  const redis = connectRedis({
    config: redisConfig,
    password: async () => (passwordFile === undefined ? undefined : await readToken(passwordFile)),
    ...(redisConfig.caFile !== undefined && { ca: readPem(redisConfig.caFile) }),
    log,
    random,
  });
  const key = async (): Promise<Uint8Array> => {
    const secret = await readToken(privateApi.secretFile);
    if (!secret) throw new ConnectError("the secret of the replicas can't be read", Code.Unavailable);
    return keyOf(secret);
  };
  const announcements = new Announcements({ redis, prefix: redisConfig.keyPrefix, key, log, now });
  const { OWN_PRIVATE_API_HOST: serverName } = env;
  const opened: ReplicaRoutes[] = [];
  return {
    announcements,
    tell: (agentId, hasTunnels) => {
      if (hasTunnels) announcements.announce(tunnelsKey(agentId), ownUrl);
      else announcements.withdraw(tunnelsKey(agentId), ownUrl);
    },
    routes: (own) => {
      const routes = new ReplicaRoutes({
        own,
        announcements,
        ownUrl,
        key,
        ...(privateApi.caFile !== undefined && { ca: readPem(privateApi.caFile) }),
        ...(serverName && { serverName }),
        random,
        now,
      });
      opened.push(routes);
      return routes;
    },
    privateApi: (own) => new PrivateApi({ routes: own, ownUrl, key, log, now }),
    async [Symbol.asyncDispose]() {
      for (const routes of opened) routes[Symbol.dispose]();
      await announcements.end();
      // What was taken back has to arrive, as long as somebody listens.
      const late = setTimeout(() => redis.destroy(), LAST_MOMENT);
      await redis.close().catch(() => {});
      clearTimeout(late);
    },
  };
}

/** As GitLab's agent server has it in its environment, where gRPC's schemes are allowed, too. */
function ownUrlOf({ OWN_PRIVATE_API_URL: said = '' }: NodeJS.ProcessEnv, { tls }: PrivateApiConfig): string {
  const hint = `set it to ${tls ? 'https' : 'http'}://ADDRESS:8155 of this replica`;
  const url = URL.parse(said.replace(/^grpc(s?):/, 'http$1:'));
  if (!url || url.protocol !== (tls ? 'https:' : 'http:') || url.pathname !== '/' || url.port === '')
    throw new ProblemError({
      code: 'Environment',
      message: said === '' ? 'OWN_PRIVATE_API_URL is missing' : `OWN_PRIVATE_API_URL can't be ${said}`,
      hint,
    });
  return url.origin;
}
