import { type Observed, serveObservability } from '../core/daemon/observability.ts';
import { serveWebhook } from '../core/daemon/webhook.ts';
import { readToken } from '../core/git/mounted-credentials.ts';
import { AgentTracker } from '../core/grpc/generated/agent_tracker_pb.ts';
import { ProblemError } from '../core/model/problem.ts';
import { apiAuthentication } from './access/api-authentication.ts';
import { FailedAttempts } from './access/failed-attempts.ts';
import type { Visitors } from './access/visitors.ts';
import type {
  CertificateFiles,
  KubernetesApiConfig,
  PrivateApiConfig,
} from './configuration/server-config.ts';
import { AccessPort } from './kubernetes-api/access-port.ts';
import { KubernetesApi } from './kubernetes-api/kubernetes-api.ts';
import type { Routes } from './kubernetes-api/routes.ts';
import type { PrivateApi } from './replicas/private-api.ts';
import { agentTrackerService } from './services/agent-tracker.ts';
import type { ServiceDesk } from './services/desk.ts';
import { registerServices } from './services/services.ts';
import { AgentPort } from './transport/agent-port.ts';
import { type CertificatePair, readPem } from './transport/certificate.ts';
import { grpcHandler } from './transport/grpc-handler.ts';
import { type Gate, observeCalls, observeGate } from './transport/observe-calls.ts';

// Each opens one port, and says so in the log. All throw ProblemError where it can't be opened.

export interface PortsOptions {
  desk: ServiceDesk;
  /** For the header `Server`. */
  serverName: string;
  random: () => number;
  now: () => number;
}

/** As gRPC's: of one message, in bytes. */
const MESSAGE_BYTES = 4 * 2 ** 20;
/** As GitLab's agent server, in ms: its agents send a PING every 55 s. */
const KEEPALIVE = { pingEvery: 50_000, pingTimeout: 20_000, leastPingInterval: 20_000 };
/** Of the headers of a request that another replica has let in: roles of people are among them. In bytes. */
const PRIVATE_HEADER_BYTES = 1024 * 1024;
/** Whatever the caches' times, in ms. */
const LEAST_CHECK = 1_000;

export async function openObservability(
  { config, log }: ServiceDesk,
  observed: Observed,
): Promise<AsyncDisposable> {
  const served = await listening('observability.listen', () =>
    serveObservability(config.observability.address, observed),
  );
  log.info('Observability endpoint is up', { port: served.address.port });
  return served;
}

/** Undefined where the configuration has none; so do the others. */
export async function openWebhook({
  config,
  projects,
  log,
}: ServiceDesk): Promise<AsyncDisposable | undefined> {
  const { webhook } = config;
  if (!webhook) return undefined;
  const served = await listening('webhook', () =>
    serveWebhook({
      address: webhook.address,
      secret: () => readToken(webhook.secretFile),
      onPush: (project) => projects.poke(project),
    }),
  );
  log.info('Listening for webhooks', { port: served.address.port });
  return served;
}

/** For GitLab, which asks who is connected. */
export async function openApi(options: PortsOptions): Promise<AsyncDisposable | undefined> {
  const { desk, now } = options;
  const { api } = desk.config;
  if (!api) return undefined;
  const { address, secretFile, tls } = api;
  const port = await listening('api.listen', () =>
    AgentPort.open({
      address,
      ...tlsOf(tls),
      handle: grpcHandler({
        routes: (router) => router.service(AgentTracker, agentTrackerService(desk.connected)),
        ...callsOf(desk, apiAuthentication({ secret: () => readToken(secretFile), now })),
      }),
      ...commonOf(options),
    }),
  );
  desk.log.info('Listening for API connections', { port: port.address.port, tls: tls !== undefined });
  return port;
}

/** For people and pipelines. */
export async function openKubernetesApi(
  { desk: { config, metrics, log }, now }: PortsOptions,
  routes: Routes,
  visitors: Visitors,
): Promise<AccessPort | undefined> {
  const { kubernetesApi } = config;
  if (!kubernetesApi) return undefined;
  const { address, tls, addressHeader, prefix, ttl }: KubernetesApiConfig = kubernetesApi;
  const api = new KubernetesApi({
    routes,
    visitors,
    failures: new FailedAttempts(log, now),
    prefix,
    ...(addressHeader !== undefined && { addressHeader }),
    checkEvery: Math.max(ttl, LEAST_CHECK),
    metrics,
    log,
  });
  const port = await listening('agent.kubernetes_api.listen', () =>
    AccessPort.open({ address, ...tlsOf(tls), handle: (visit) => api.handle(visit), log }),
  );
  log.info('Listening for Kubernetes API requests', {
    port: port.address.port,
    tls: tls !== undefined,
    prefix,
  });
  return port;
}

/** For other replicas. */
export async function openPrivateApi(
  { log }: ServiceDesk,
  { address, tls }: PrivateApiConfig,
  api: PrivateApi,
): Promise<AccessPort> {
  const port = await listening('private_api.listen', () =>
    AccessPort.open({
      address,
      ...tlsOf(tls),
      headerBytes: PRIVATE_HEADER_BYTES,
      handle: (visit) => api.handle(visit),
      log,
    }),
  );
  log.info('Listening for other replicas', { port: port.address.port, tls: tls !== undefined });
  return port;
}

/** For agents. */
export async function openAgents(options: PortsOptions, gate: Gate): Promise<AgentPort> {
  const { desk } = options;
  const { tls, addressHeader, address } = desk.config.agents;
  const port = await listening('agent.listen', () =>
    AgentPort.open({
      address,
      ...tlsOf(tls),
      ...(addressHeader !== undefined && { addressHeader }),
      handle: grpcHandler({
        routes: (router) => registerServices(router, desk),
        ...callsOf(desk, gate),
      }),
      ...commonOf(options),
    }),
  );
  desk.log.info('Listening for agentk connections', { port: port.address.port, tls: tls !== undefined });
  return port;
}

function commonOf({ desk: { config, log }, serverName, random }: PortsOptions) {
  const { maxAge } = config.agents;
  return { limits: { maxAge: maxAge * 0.8, grace: maxAge, ...KEEPALIVE }, serverName, random, log };
}

function callsOf({ metrics, log }: ServiceDesk, gate: Gate) {
  return {
    gate: observeGate(metrics, log, gate),
    interceptors: [observeCalls(metrics, log)],
    messageBytes: MESSAGE_BYTES,
  };
}

function tlsOf(files: CertificateFiles | undefined): { tls?: () => CertificatePair } {
  if (!files) return {};
  return { tls: () => ({ cert: readPem(files.certificateFile), key: readPem(files.keyFile) }) };
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
