import { createClient } from '@redis/client';
import type { Log } from '../../core/daemon/log.ts';
import type { RedisConfig } from '../configuration/server-config.ts';

export interface RedisOptions {
  config: RedisConfig;
  /** Read again for each connection. */
  password: () => Promise<string | undefined>;
  ca?: string;
  log: Log;
  random: () => number;
}

/** What replicas share. Every call rejects while Redis is away: nothing waits for it. */
export type Redis = Awaited<ReturnType<typeof connectRedis>>;

/** In ms. */
const CONNECT_TIMEOUT = 5_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/**
 * A connection to Redis or Valkey, made again whenever it is lost. Resolves at once: a server that can't reach it still
 * serves the agents that are connected to it.
 */
export function connectRedis({ config, password, ca, log, random }: RedisOptions) {
  const { host, port, username, database, tls } = config;
  const client = createClient({
    socket: {
      host,
      port,
      connectTimeout: CONNECT_TIMEOUT,
      reconnectStrategy: (failures) =>
        Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures) * (0.5 + random() / 2),
      ...(tls && { tls: true as const, ...(ca !== undefined && { ca }) }),
    },
    database,
    // Answers to questions that are old by then are of no use.
    disableOfflineQueue: true,
    credentialsProvider: {
      type: 'async-credentials-provider',
      credentials: async () => {
        const secret = await password();
        return {
          ...(username !== undefined && { username }),
          ...(secret !== undefined && { password: secret }),
        };
      },
    },
  });
  let isAway = false;
  client.on('error', (error: NodeJS.ErrnoException) => {
    if (!isAway) log.warn('Redis is away', { error: error.code ?? error.message });
    isAway = true;
  });
  client.on('ready', () => {
    log.info('Redis is there', { address: `${host}:${port}` });
    isAway = false;
  });
  client.connect().catch(() => {});
  return client;
}
