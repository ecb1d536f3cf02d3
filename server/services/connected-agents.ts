import { create, toJsonString } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type ConnectedAgentInfo,
  ConnectedAgentInfoSchema,
  GetConnectedAgentsResponseSchema,
} from '../../core/grpc/generated/agent_tracker_pb.ts';
import type { AgentMeta } from '../../core/grpc/generated/modshared_pb.ts';
import type { AgentIdentity } from '../access/directory.ts';
import type { AgentConnection } from '../transport/connection.ts';

interface Registration {
  info: ConnectedAgentInfo;
  connection: AgentConnection;
  /** In ms; infinite for those that say when they go. */
  until: number;
}

/** A Pod that registers itself does so again within this time, in ms; GitLab's agent does every few minutes. */
const LIFETIME = 10 * 60_000;
/** Of what a Pod says of itself no text is longer. */
const MOST_CHARACTERS = 253;

/** Who is connected to this server: one for each Pod of an agent. */
export class ConnectedAgents {
  readonly #registrations = new Map<bigint, Registration>();
  readonly #now: () => number;
  #next = 1n;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on until what is returned is called. */
  add(agent: AgentIdentity, meta: AgentMeta | undefined, connection: AgentConnection): () => void {
    // A Pod that counts itself has a random number of 63 bits; these are below any.
    const id = this.#next;
    this.#next += 1n;
    this.#set(id, agent, meta, connection, Number.POSITIVE_INFINITY);
    return () => void this.#registrations.delete(id);
  }

  /** A Pod says that it is there. It is forgotten when its connection ends, or when it says so no more. */
  register(
    agent: AgentIdentity,
    podId: bigint,
    meta: AgentMeta | undefined,
    connection: AgentConnection,
  ): void {
    const known = this.#registrations.get(podId);
    // Numbers are the agents' own: none takes the place of another agent's Pod.
    if (known && known.info.agentId !== agent.id) return;
    this.#set(podId, agent, meta, connection, this.#now() + LIFETIME, known?.info.connectedAt);
  }

  /** Those of one agent, or all. */
  list(agentId?: bigint): ConnectedAgentInfo[] {
    const now = this.#now();
    for (const [id, { until, connection }] of this.#registrations)
      if (until <= now || connection.closed.aborted) this.#registrations.delete(id);
    return [...this.#registrations.values()]
      .map(({ info }) => info)
      .filter((info) => agentId === undefined || info.agentId === agentId);
  }

  /** As JSON: GetConnectedAgentsResponse. */
  json(): string {
    const response = create(GetConnectedAgentsResponseSchema, { agents: this.list() });
    return toJsonString(GetConnectedAgentsResponseSchema, response, {
      useProtoFieldName: true,
      prettySpaces: 2,
    });
  }

  #set(
    id: bigint,
    agent: AgentIdentity,
    meta: AgentMeta | undefined,
    connection: AgentConnection,
    until: number,
    connectedAt = timestampFromMs(this.#now()),
  ): void {
    const info = create(ConnectedAgentInfoSchema, {
      agentMeta: bounded(meta),
      connectedAt,
      connectionId: id,
      agentId: agent.id,
      projectId: agent.project.id,
    });
    this.#registrations.set(id, { info, connection, until });
  }
}

function bounded(meta: AgentMeta | undefined): ConnectedAgentInfo['agentMeta'] {
  if (!meta) return undefined;
  const cut = (text: string): string => text.slice(0, MOST_CHARACTERS);
  const { version, commitId, podNamespace, podName } = meta;
  return {
    ...meta,
    version: cut(version),
    commitId: cut(commitId),
    podNamespace: cut(podNamespace),
    podName: cut(podName),
    kubernetesVersion: undefined,
  };
}
