import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What Prometheus reads. Labels are names of entries and projects, words and codes: never objects, never URLs. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    syncs: new Counter({
      name: 'gitlab_agent_syncs_total',
      help: 'Passes over an entry by their result.',
      labelNames: ['entry', 'result'],
      registers,
    }),
    syncSeconds: new Histogram({
      name: 'gitlab_agent_sync_duration_seconds',
      help: 'How long a pass took, from reading the revision to the last write.',
      labelNames: ['entry'],
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers,
    }),
    objects: new Gauge({
      name: 'gitlab_agent_objects',
      help: 'Objects of an entry by their health.',
      labelNames: ['entry', 'health'],
      registers,
    }),
    synced: new Gauge({
      name: 'gitlab_agent_synced',
      help: '1 where the applied revision is the wanted one and every object was applied.',
      labelNames: ['entry'],
      registers,
    }),
    drift: new Counter({
      name: 'gitlab_agent_drift_repairs_total',
      help: 'Objects that had to be written though their revision had been applied before.',
      labelNames: ['entry'],
      registers,
    }),
    queued: new Gauge({
      name: 'gitlab_agent_queued_syncs',
      help: 'Entries that wait for their turn, for another entry, or for the next try.',
      registers,
    }),
    fetches: new Counter({
      name: 'gitlab_agent_git_requests_total',
      help: 'Polls and fetches of repositories by their result.',
      labelNames: ['kind', 'result'],
      registers,
    }),
    fetchSeconds: new Histogram({
      name: 'gitlab_agent_git_fetch_duration_seconds',
      help: 'How long a fetch of a commit took.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    requests: new Counter({
      name: 'gitlab_agent_kubernetes_requests_total',
      help: 'Requests to the API server by method and HTTP status; 0 where there was no answer.',
      labelNames: ['method', 'code'],
      registers,
    }),
    statuses: new Counter({
      name: 'gitlab_agent_commit_statuses_total',
      help: 'Commit statuses reported to GitLab by their state and result.',
      labelNames: ['state', 'result'],
      registers,
    }),
    tunnels: new Gauge({
      name: 'gitlab_agent_tunnels',
      help: 'Tunnels of the agent server by their state: idle ones wait for a request.',
      labelNames: ['state'],
      registers,
    }),
    tunnelRequests: new Counter({
      name: 'gitlab_agent_tunnel_requests_total',
      help: 'Requests through tunnels by the class of their answer; none where there was no answer.',
      labelNames: ['class'],
      registers,
    }),
    leading: new Gauge({
      name: 'gitlab_agent_leader',
      help: '1 where this replica leads.',
      registers,
    }),
  };
}

export interface Metrics {
  registry: Registry;
  syncs: Counter<'entry' | 'result'>;
  syncSeconds: Histogram<'entry'>;
  objects: Gauge<'entry' | 'health'>;
  synced: Gauge<'entry'>;
  drift: Counter<'entry'>;
  queued: Gauge;
  fetches: Counter<'kind' | 'result'>;
  fetchSeconds: Histogram;
  requests: Counter<'method' | 'code'>;
  statuses: Counter<'state' | 'result'>;
  tunnels: Gauge<'state'>;
  tunnelRequests: Counter<'class'>;
  leading: Gauge;
}
