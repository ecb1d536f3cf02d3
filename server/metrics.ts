import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
  calls: Counter<'method' | 'code'>;
  polls: Counter<'result'>;
  batches: Counter;
  requests: Counter<'code'>;
}

/** What is counted as it is now, when somebody asks. */
export interface Gauges {
  connections: () => number;
  agents: () => number;
  projects: () => number;
  idleTunnels: () => number;
}

/** What Prometheus reads. Labels are words and codes: never names of agents, which may be many, and never paths. */
export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = (name: string, help: string, ask: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(ask());
      },
    });
  gauge('gitlab_agent_server_connections', 'Connections of agents.', gauges.connections);
  gauge('gitlab_agent_server_connected_agent_pods', 'Pods of agents that are connected.', gauges.agents);
  gauge('gitlab_agent_server_projects', 'Projects that agents follow.', gauges.projects);
  gauge('gitlab_agent_server_idle_tunnels', 'Tunnels of agents that wait for a request.', gauges.idleTunnels);
  return {
    registry,
    calls: new Counter({
      name: 'gitlab_agent_server_calls_total',
      help: 'Calls of agents and of GitLab that have ended, by their method and gRPC status.',
      labelNames: ['method', 'code'],
      registers,
    }),
    polls: new Counter({
      name: 'gitlab_agent_server_git_polls_total',
      help: 'Polls of repositories by their result.',
      labelNames: ['result'],
      registers,
    }),
    requests: new Counter({
      name: 'gitlab_agent_server_kubernetes_api_requests_total',
      help: "Requests of people and pipelines to clusters' API that have ended, by their code.",
      labelNames: ['code'],
      registers,
    }),
    batches: new Counter({
      name: 'gitlab_agent_server_batches_total',
      help: 'Revisions of manifest projects that were sent to agents.',
      registers,
    }),
  };
}
