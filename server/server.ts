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
import { ProblemError } from '../core/model/problem.ts';
import { apiAuthentication } from './access/api-authentication.ts';
import { authentication } from './access/authentication.ts';
import type { Directory } from './access/directory.ts';
import { GitLabApi } from './access/gitlab-api.ts';
import { GitLabDirectory } from './access/gitlab-directory.ts';
import { RegistryDirectory } from './access/registry-directory.ts';
import type { CertificateFiles, ServerConfig } from './configuration/server-config.ts';
import { createMetrics } from './metrics.ts';
import { Projects } from './projects/projects.ts';
import { agentConfigurationService } from './services/agent-configuration.ts';
import { agentRegistrarService } from './services/agent-registrar.ts';
import { agentTrackerService } from './services/agent-tracker.ts';
import { ConfigurationReports } from './services/configuration-reports.ts';
import { ConnectedAgents } from './services/connected-agents.ts';
import type { ServiceDesk } from './services/desk.ts';
import { gitopsService } from './services/gitops.ts';
import { AgentPort } from './transport/agent-port.ts';
import { grpcHandler } from './transport/grpc-handler.ts';
import { observeCalls } from './transport/observe-calls.ts';
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
  let port: AgentPort | undefined;
  const metrics = createMetrics({
    connections: () => port?.connections ?? 0,
    agents: () => connected.list().length,
    projects: () => projects.count,
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
  const { directory, api } = openDirectory(surroundings, ending.signal, userAgent);
  if (api) reportUsage({ api, metrics, every: config.observability.usagePeriod, log, signal: ending.signal });
  const desk: ServiceDesk = {
    config,
    projects,
    connected,
    ...(api && { reports: new ConfigurationReports({ api, random, log, signal: ending.signal }) }),
    checkEvery:
      'secretFile' in config.access
        ? Math.max(Math.min(config.infoTtl, config.gitops.projectTtl), 1_000)
        : CHECK_REGISTRY_EVERY,
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
  await port.drain(config.agents.grace);
}

/** The services that agents call. */
function registerServices(router: ConnectRouter, desk: ServiceDesk): void {
  router.service(AgentConfiguration, agentConfigurationService(desk));
  router.service(Gitops, gitopsService(desk));
  router.service(AgentRegistrar, agentRegistrarService(desk));
}

function openDirectory(
  { config, log }: ServerSurroundings,
  signal: AbortSignal,
  userAgent: string,
): { directory: Directory; api?: GitLabApi } {
  const now = (): number => Date.now();
  const { access } = config;
  if ('registryFile' in access) return { directory: new RegistryDirectory(access.registryFile, log, now) };
  const { secretFile } = access;
  const secret = (): Promise<string | undefined> => readToken(secretFile);
  const api = new GitLabApi({ url: config.gitlabUrl, secret, userAgent, rate: config.apiRate, now });
  const directory = new GitLabDirectory({
    api,
    info: { ttl: config.infoTtl, errorTtl: config.infoErrorTtl },
    project: { ttl: config.gitops.projectTtl, errorTtl: config.gitops.projectErrorTtl },
    signal,
    now,
  });
  return { directory, api };
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
