import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { agentRecordName } from '../core/apply/agent-parent.ts';
import type { Log, LogSink } from '../core/daemon/log.ts';
import { type Probe, serveObservability } from '../core/daemon/observability.ts';
import { pause } from '../core/daemon/time.ts';
import { serveWebhook } from '../core/daemon/webhook.ts';
import { Connections } from '../core/git/connections.ts';
import { credentialOf, readToken } from '../core/git/mounted-credentials.ts';
import { openRepository } from '../core/git/revision-source.ts';
import { openGitLab } from '../core/gitlab/gitlab.ts';
import { connect } from '../core/kube/cluster.ts';
import type { Connection } from '../core/kube/connection.ts';
import type { Level } from '../core/model/log-level.ts';
import { ProblemError } from '../core/model/problem.ts';
import type { RevisionSource } from '../core/model/source.ts';
import type { AgentFlags, SettledFlags } from './flags.ts';
import { gitSources } from './git-sources.ts';
import { openKas } from './kas/open-kas.ts';
import { Leader } from './leader.ts';
import { whileLeading } from './lease.ts';
import { createMetrics } from './metrics.ts';
import type { Sources } from './sources.ts';

/** What the process gives the agent. */
export interface AgentSurroundings {
  flags: AgentFlags;
  connection: Connection;
  /** PEM of the authorities for GitLab, where they are not those of the machine. */
  ca?: string;
  /** PEM of an authority for the agent server. */
  kasCa?: string;
  /** The token for the agent server, where no file has it. */
  kasToken?: string;
  podName: string;
  podNamespace: string;
  cacheDir: string;
  env: NodeJS.ProcessEnv;
  version: string;
  log: Log;
  sink: LogSink;
  random: () => number;
  /** Ends the agent: within ten seconds, between two objects. */
  signal: AbortSignal;
}

/** Short, so that a Lease that can't be renewed is noticed in time. In ms. */
const LEASE_TIMEOUT = 2_500;
/** What is being written when the agent stops leading may take as long, in ms, before it is cut off. */
const GRACE = 2_500;

/** Runs one replica: it waits until it leads, and then keeps the cluster in step, until the signal ends. */
export async function runAgent(surroundings: AgentSurroundings): Promise<void> {
  const {
    flags: given,
    connection,
    podName,
    podNamespace,
    version,
    sink,
    signal,
    random,
    env,
    ca,
  } = surroundings;
  const metrics = createMetrics();
  let leader: Leader | undefined;
  let readiness: Probe = { ok: false, lines: ['the Lease has not been read yet'] };
  await using observability = await serveObservability(given.observabilityListenAddress, {
    metrics: () => {
      metrics.queued.set(leader?.queued ?? 0);
      return metrics.registry.metrics();
    },
    metricsType: metrics.registry.contentType,
    liveness: () => leader?.liveness() ?? { ok: true, lines: [] },
    readiness: () => readiness,
  });
  surroundings.log.info('Observability endpoint is up', { port: observability.address.port });
  mkdirSync(surroundings.cacheDir, { recursive: true });
  const identity = `${podName}_${randomBytes(4).toString('hex')}`;
  const ending = new AbortController();
  const leases = connect(
    { ...connection, requestTimeout: LEASE_TIMEOUT },
    { version, signal: ending.signal, retryWindow: 0, random },
  );
  const connections = new Connections({ env, ...(ca !== undefined && { ca }) });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    ending.abort(new Error('the agent ends'));
    leases.close();
    connections.close();
  });
  const kas = stack.use(openKas(surroundings, metrics));
  const settled = await kas?.settle(ending.signal, (failure) => {
    readiness = { ok: false, lines: [failure.message] };
  });
  if (kas && !settled) return;
  const flags = settled?.flags ?? (given as SettledFlags);
  const log = settled ? surroundings.log.with({ agent: flags.agentName }) : surroundings.log;
  const { gitlabApiTokenFile, webhookAddress, webhookSecretFile } = flags;
  if (webhookAddress !== undefined && webhookSecretFile !== undefined) {
    const secret = (): Promise<string | undefined> => readToken(webhookSecretFile);
    stack.use(
      await serveWebhook({ address: webhookAddress, secret, onPush: (project) => leader?.poke(project) }),
    );
  }
  const openGit = (url: string): RevisionSource => {
    const dir = flags.gitCredentialsDir;
    const opened = openRepository({
      url,
      credential: dir === undefined ? async () => undefined : credentialOf(dir, flags.gitlabUrl, url),
      connections,
      env,
      cacheDirectory: join(surroundings.cacheDir, 'git'),
      userAgent: `gitlab-agent/${version}`,
    });
    if (!opened.ok) throw new ProblemError(opened.failure);
    return opened.source;
  };
  let trouble = '';
  await whileLeading(
    {
      cluster: leases,
      namespace: podNamespace,
      name: agentRecordName(flags.agentName),
      identity,
      signal,
      now: () => Date.now(),
      sleep: pause,
      onLeader: (holder) => {
        readiness = {
          ok: true,
          lines: [holder === identity ? 'leading' : `standing by for ${holder ?? 'nobody'}`],
        };
        log.info(holder === identity ? 'Leading' : 'Not leading', { leader: holder ?? '' });
      },
      onTrouble: (message) => {
        if (message !== trouble) log.warn('The Lease can not be renewed', { error: message });
        trouble = message;
      },
    },
    async (leading) => {
      metrics.leading.set(1);
      const hard = new AbortController();
      const cut = pause(Number.POSITIVE_INFINITY, AbortSignal.any([leading, hard.signal]))
        .then(() => pause(GRACE, hard.signal))
        .then(() => hard.abort(new Error('the agent no longer leads')));
      const cluster = connect(connection, {
        version,
        signal: hard.signal,
        cacheDir: join(surroundings.cacheDir, 'discovery'),
        // Each request is tried again within its own time; the agent as a whole never gives up.
        retryWindow: Number.POSITIVE_INFINITY,
        random,
        onAnswer: (method, code) => metrics.requests.inc({ method, code: String(code) }),
      });
      const gitlab =
        gitlabApiTokenFile === undefined
          ? undefined
          : openGitLab({
              url: flags.gitlabUrl,
              token: async () => (await readToken(gitlabApiTokenFile)) ?? '',
              signal: hard.signal,
              sleep: (ms) => pause(ms, hard.signal),
              random,
              userAgent: `gitlab-agent/${version}`,
            });
      try {
        leader = new Leader({
          ...surroundings,
          flags,
          log,
          cluster,
          ...(gitlab && { gitlab }),
          metrics,
          leading,
          hard: hard.signal,
          setLevel: (level: Level) => {
            sink.level = level;
          },
          openSources: (options) => {
            const git = (configurationUrl: string): Sources =>
              gitSources({ ...options, interval: flags.pollInterval, configurationUrl, open: openGit });
            return settled
              ? settled.sources(options, (entry) => git(entry.repository.url).entry(entry))
              : git(`${flags.gitlabUrl}/${flags.configProject}.git`);
          },
        });
        await leader.run();
      } finally {
        hard.abort(new Error('the agent no longer leads'));
        await cut;
        cluster.close();
        metrics.leading.set(0);
        leader = undefined;
      }
    },
  );
}
