import { mkdir } from 'node:fs/promises';
import type { Log } from '../core/daemon/log.ts';
import { pause } from '../core/daemon/time.ts';
import { Connections } from '../core/git/connections.ts';
import { authentication } from './access/authentication.ts';
import type { ServerConfig } from './configuration/server-config.ts';
import { ownRoutes } from './kubernetes-api/routes.ts';
import { createMetrics } from './metrics.ts';
import { openAccess } from './open-access.ts';
import {
  openAgents,
  openApi,
  openKubernetesApi,
  openObservability,
  openPrivateApi,
  openWebhook,
} from './ports.ts';
import { Projects } from './projects/projects.ts';
import { openReplicas } from './replicas/open-replicas.ts';
import { ConfigurationReports } from './services/configuration-reports.ts';
import { ConnectedAgents } from './services/connected-agents.ts';
import type { ServiceDesk } from './services/desk.ts';
import type { AgentPort } from './transport/agent-port.ts';
import { Tunnels } from './tunnels/tunnels.ts';
import { reportUsage } from './usage.ts';

/** What the process gives the server. */
export interface ServerSurroundings {
  config: ServerConfig;
  /** PEM of the authorities for GitLab, where they are not those of the machine. */
  ca?: string;
  cacheDirectory: string;
  env: NodeJS.ProcessEnv;
  version: string;
  log: Log;
  random: () => number;
  /** Ends the server: what is under way gets the grace period. */
  signal: AbortSignal;
}

/** A registry costs nothing to look at, in ms. */
const CHECK_REGISTRY_EVERY = 10_000;
/** Whatever the caches' times, in ms. */
const LEAST_CHECK = 1_000;

/** Runs the server until the signal ends. Throws ProblemError for what can't be had at the start. */
export async function runServer(surroundings: ServerSurroundings): Promise<void> {
  const { config, env, version, log, random, signal, ca } = surroundings;
  const userAgent = `gitlab-agent-server/${version}`;
  const now = (): number => Date.now();
  await mkdir(surroundings.cacheDirectory, { recursive: true });
  await using stack = new AsyncDisposableStack();
  const ending = new AbortController();
  stack.defer(() => ending.abort(new Error('the server ends')));
  const connections = stack.adopt(new Connections({ env, ...(ca !== undefined && { ca }) }), (all) =>
    all.close(),
  );
  const replicas =
    config.replicas && stack.use(openReplicas({ config: config.replicas, env, log, random, now }));
  const connected = new ConnectedAgents(now, replicas?.announcements, firstConnection(random));
  const tunnels = new Tunnels(replicas?.tell);
  let port: AgentPort | undefined;
  const metrics = createMetrics({
    connections: () => port?.connections ?? 0,
    agents: () => connected.count,
    projects: () => projects.count,
    idleTunnels: () => tunnels.idle,
  });
  const projects = new Projects({
    gitlabUrl: config.gitlabUrl,
    ...(config.repositories.credentialsDir !== undefined && {
      credentialsDir: config.repositories.credentialsDir,
    }),
    connections,
    env,
    cacheDirectory: surroundings.cacheDirectory,
    userAgent,
    // A project may be both kinds; the more frequent look serves all.
    interval: Math.min(config.gitops.pollPeriod, config.configuration.pollPeriod),
    limits: config.gitops,
    random,
    log,
    onPoll: (result) => metrics.polls.inc({ result }),
  });
  stack.defer(() => projects.end());
  const { directory, visitors, usage } = openAccess({ config, log, signal: ending.signal, userAgent, now });
  if (usage)
    reportUsage({
      api: usage,
      metrics,
      every: config.observability.usagePeriod,
      log,
      signal: ending.signal,
    });
  const desk: ServiceDesk = {
    config,
    projects,
    connected,
    tunnels,
    ...(usage && { reports: new ConfigurationReports({ api: usage, random, log, signal: ending.signal }) }),
    checkEvery:
      'secretFile' in config.access
        ? Math.max(Math.min(config.infoTtl, config.gitops.projectTtl), LEAST_CHECK)
        : CHECK_REGISTRY_EVERY,
    metrics,
    log,
  };
  const ports = { desk, serverName: userAgent, random, now };
  const optional = (opened: AsyncDisposable | undefined): void => {
    if (opened) stack.use(opened);
  };
  stack.use(
    await openObservability(desk, {
      metrics: () => metrics.registry.metrics(),
      metricsType: metrics.registry.contentType,
      liveness: () => ({ ok: true, lines: [] }),
      readiness: () =>
        signal.aborted || !port
          ? { ok: false, lines: [port ? 'ending' : 'starting'] }
          : { ok: true, lines: [`${port.connections} connections`] },
      pages: { '/agents': () => connected.json() },
    }),
  );
  optional(await openWebhook(desk));
  optional(await openApi(ports));
  const own = ownRoutes(tunnels);
  const privatePort =
    replicas &&
    config.replicas &&
    (await openPrivateApi(desk, config.replicas.privateApi, replicas.privateApi(own)));
  optional(privatePort);
  const accessPort = await openKubernetesApi(ports, replicas?.routes(own) ?? own, visitors(projects));
  optional(accessPort);
  const { callsPerTokenPerMinute, grace } = config.agents;
  port = stack.use(
    await openAgents(
      ports,
      authentication({
        directory,
        callsPerTokenPerMinute,
        onRefused: (connection) => connected.leave(connection),
        log,
        now,
      }),
    ),
  );
  await pause(Number.POSITIVE_INFINITY, signal);
  log.info('Draining', { connections: port.connections });
  // Requests that are under way keep their tunnels; those that wait for a call are taken elsewhere at once.
  await Promise.all([accessPort?.drain(grace), privatePort?.drain(grace), port.drain(grace)]);
}

/** Connections are counted from a number of 62 bits, which no other replica has. */
function firstConnection(random: () => number): bigint {
  return BigInt(Math.floor(random() * 2 ** 30)) << 32n;
}
