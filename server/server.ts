import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { ConnectRouter } from '@connectrpc/connect';
import type { Log } from '../core/daemon/log.ts';
import { serveObservability } from '../core/daemon/observability.ts';
import { pause } from '../core/daemon/time.ts';
import { serveWebhook } from '../core/daemon/webhook.ts';
import { Connections } from '../core/git/connections.ts';
import { readToken } from '../core/git/mounted-credentials.ts';
import { AgentConfiguration } from '../core/grpc/generated/agent_configuration_pb.ts';
import { AgentRegistrar } from '../core/grpc/generated/agent_registrar_pb.ts';
import { AgentTracker } from '../core/grpc/generated/agent_tracker_pb.ts';
import { Gitops } from '../core/grpc/generated/gitops_pb.ts';
import { ReverseTunnel } from '../core/grpc/generated/reverse_tunnel_pb.ts';
import { ProblemError } from '../core/model/problem.ts';
import { apiAuthentication } from './access/api-authentication.ts';
import { authentication } from './access/authentication.ts';
import { FailedAttempts } from './access/failed-attempts.ts';
import type { Visitors } from './access/visitors.ts';
import type { CertificateFiles, KubernetesApiConfig, ServerConfig } from './configuration/server-config.ts';
import { AccessPort } from './kubernetes-api/access-port.ts';
import { KubernetesApi } from './kubernetes-api/kubernetes-api.ts';
import { createMetrics } from './metrics.ts';
import { openAccess } from './open-access.ts';
import { Projects } from './projects/projects.ts';
import { agentConfigurationService } from './services/agent-configuration.ts';
import { agentRegistrarService } from './services/agent-registrar.ts';
import { agentTrackerService } from './services/agent-tracker.ts';
import { ConnectedAgents } from './services/connected-agents.ts';
import type { ServiceDesk } from './services/desk.ts';
import { gitopsService } from './services/gitops.ts';
import { reverseTunnelService } from './services/reverse-tunnel.ts';
import { AgentPort } from './transport/agent-port.ts';
import { grpcHandler } from './transport/grpc-handler.ts';
import { observeCalls } from './transport/observe-calls.ts';
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

/** As gRPC's: of one message, in bytes. */
const MESSAGE_BYTES = 4 * 2 ** 20;
/** As GitLab's agent server, in ms: its agents send a PING every 55 s. */
const KEEPALIVE = { pingEvery: 50_000, pingTimeout: 20_000, leastPingInterval: 20_000 };
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
  const connected = new ConnectedAgents(now);
  const tunnels = new Tunnels();
  let port: AgentPort | undefined;
  const metrics = createMetrics({
    connections: () => port?.connections ?? 0,
    agents: () => connected.list().length,
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
    checkEvery: 'secretFile' in config.access ? Math.max(config.infoTtl, LEAST_CHECK) : CHECK_REGISTRY_EVERY,
    metrics,
    log,
  };
  const observability = stack.use(
    await listening('observability.listen', () =>
      serveObservability(config.observability.address, {
        metrics: () => metrics.registry.metrics(),
        metricsType: metrics.registry.contentType,
        liveness: () => ({ ok: true, lines: [] }),
        readiness: () =>
          signal.aborted || !port
            ? { ok: false, lines: [port ? 'ending' : 'starting'] }
            : { ok: true, lines: [`${port.connections} connections`] },
        pages: { '/agents': () => connected.json() },
      }),
    ),
  );
  log.info('Observability endpoint is up', { port: observability.address.port });
  const { webhook } = config;
  if (webhook) {
    const served = await listening('webhook', () =>
      serveWebhook({
        address: webhook.address,
        secret: () => readToken(webhook.secretFile),
        onPush: (project) => projects.poke(project),
      }),
    );
    stack.use(served);
    log.info('Listening for webhooks', { port: served.address.port });
  }
  const { maxAge } = config.agents;
  const common = {
    limits: { maxAge: maxAge * 0.8, grace: maxAge, ...KEEPALIVE },
    serverName: userAgent,
    random,
    log,
  };
  const { api: apiListen } = config;
  if (apiListen) {
    const { address: apiAddress, secretFile, tls: apiTls } = apiListen;
    const opened = await listening('api.listen', () =>
      AgentPort.open({
        address: apiAddress,
        ...(apiTls && { tls: () => readPair(apiTls) }),
        handle: grpcHandler({
          routes: (router) => router.service(AgentTracker, agentTrackerService(connected)),
          interceptors: [
            observeCalls(metrics, log),
            apiAuthentication({ secret: () => readToken(secretFile), now }),
          ],
          messageBytes: MESSAGE_BYTES,
        }),
        ...common,
      }),
    );
    stack.use(opened);
    log.info('Listening for API connections', { port: opened.address.port, tls: apiTls !== undefined });
  }
  const accessPort =
    config.kubernetesApi && (await openAccessPort(config.kubernetesApi, desk, visitors(projects)));
  if (accessPort) stack.use(accessPort);
  const { tls, addressHeader, callsPerTokenPerMinute, address } = config.agents;
  port = stack.use(
    await listening('agent.listen', () =>
      AgentPort.open({
        address,
        ...(tls && { tls: () => readPair(tls) }),
        ...(addressHeader !== undefined && { addressHeader }),
        handle: grpcHandler({
          routes: (router) => registerServices(router, desk),
          interceptors: [
            observeCalls(metrics, log),
            authentication({ directory, callsPerTokenPerMinute, log, now }),
          ],
          messageBytes: MESSAGE_BYTES,
        }),
        ...common,
      }),
    ),
  );
  log.info('Listening for agentk connections', { port: port.address.port, tls: tls !== undefined });
  await pause(Number.POSITIVE_INFINITY, signal);
  log.info('Draining', { connections: port.connections });
  const { grace } = config.agents;
  // Requests that are under way still need their tunnels.
  await accessPort?.drain(grace);
  await port.drain(grace);
}

async function openAccessPort(
  { address, tls, addressHeader, prefix, ttl }: KubernetesApiConfig,
  { tunnels, metrics, log }: ServiceDesk,
  visitors: Visitors,
): Promise<AccessPort> {
  const api = new KubernetesApi({
    tunnels,
    visitors,
    failures: new FailedAttempts(log, () => Date.now()),
    prefix,
    ...(addressHeader !== undefined && { addressHeader }),
    checkEvery: Math.max(ttl, LEAST_CHECK),
    metrics,
    log,
  });
  const port = await listening('agent.kubernetes_api.listen', () =>
    AccessPort.open({
      address,
      ...(tls && { tls: () => readPair(tls) }),
      handle: (visit) => api.handle(visit),
    }),
  );
  log.info('Listening for Kubernetes API requests', {
    port: port.address.port,
    tls: tls !== undefined,
    prefix,
  });
  return port;
}

/** The services that agents call. */
function registerServices(router: ConnectRouter, desk: ServiceDesk): void {
  router.service(AgentConfiguration, agentConfigurationService(desk));
  router.service(Gitops, gitopsService(desk));
  router.service(ReverseTunnel, reverseTunnelService(desk));
  router.service(AgentRegistrar, agentRegistrarService(desk));
}

function readPair({ certificateFile, keyFile }: CertificateFiles) {
  return { cert: readPem(certificateFile), key: readPem(keyFile) };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({ code: 'Certificate', message: `the file can't be read: ${code}`, file });
  }
}

/** Words what stops a port from being opened. */
async function listening<T>(what: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof ProblemError || code === undefined) throw error;
    const message = code.startsWith('ERR_')
      ? `${what}: the certificate and its key can't be used (${code})`
      : `${what}: can't listen there (${code})`;
    throw new ProblemError({ code: 'Listen', message });
  }
}
