import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type ConnectedAgentInfo,
  ConnectedAgentInfoSchema,
  GetConnectedAgentsResponseSchema,
} from '../../core/grpc/generated/agent_tracker_pb.ts';
import type { AgentMeta } from '../../core/grpc/generated/modshared_pb.ts';
import type { AgentIdentity } from '../access/directory.ts';
import type { Announcements } from '../replicas/announcements.ts';
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
/** Of one agent: more are none. */
const MOST_PODS = 1_000;

/** What replicas tell each other of who is connected to them. */
const KEY = 'connected_agents';

/** Who is connected: one for each Pod of an agent, and each replica. */
export class ConnectedAgents {
  /** By agent and number: numbers are the agents' own, and none takes the place of another agent's Pod. */
  readonly #registrations = new Map<string, Registration>();
  readonly #ofAgents = new Map<bigint, number>();
  readonly #now: () => number;
  readonly #announcements: Announcements | undefined;
  #next: bigint;

  /** `first`: a number that no other replica begins with. */
  constructor(now: () => number, announcements: Announcements | undefined, first: bigint) {
    this.#now = now;
    this.#announcements = announcements;
    this.#next = first;
  }

  /** Those of this replica. */
  get count(): number {
    return this.#registrations.size;
  }

  /** From now on until what is returned is called. */
  add(agent: AgentIdentity, meta: AgentMeta | undefined, connection: AgentConnection): () => void {
    const id = this.#next;
    this.#next += 1n;
    this.#set(id, agent, meta, connection, Number.POSITIVE_INFINITY);
    return () => this.#forget(keyOf(agent.id, id));
  }

  /** A Pod says that it is there. It is forgotten when its connection ends, or when it says so no more. */
  register(
    agent: AgentIdentity,
    podId: bigint,
    meta: AgentMeta | undefined,
    connection: AgentConnection,
  ): void {
    const known = this.#registrations.get(keyOf(agent.id, podId));
    this.#set(podId, agent, meta, connection, this.#now() + LIFETIME, known?.info.connectedAt);
  }

  /** What came by this connection is no agent any more. */
  leave(connection: AgentConnection): void {
    for (const [id, registration] of this.#registrations)
      if (registration.connection === connection) this.#forget(id);
  }

  /** Those of one agent, or all; of all replicas, as long as Redis is there. */
  async list(agentId?: bigint): Promise<ConnectedAgentInfo[]> {
    const now = this.#now();
    for (const [key, { until }] of this.#registrations) if (until <= now) this.#forget(key);
    const found = new Map([...this.#registrations].map(([key, { info }]) => [key, info]));
    const others = await this.#announcements?.read(KEY).catch(() => undefined);
    for (const [key, text] of others ?? [])
      if (!found.has(key)) found.set(key, fromJsonString(ConnectedAgentInfoSchema, text));
    return [...found.values()].filter((info) => agentId === undefined || info.agentId === agentId);
  }

  /** As JSON: GetConnectedAgentsResponse. */
  async json(): Promise<string> {
    const response = create(GetConnectedAgentsResponseSchema, { agents: await this.list() });
    return toJsonString(GetConnectedAgentsResponseSchema, response, {
      useProtoFieldName: true,
      prettySpaces: 2,
    });
  }

  #forget(key: string): void {
    const found = this.#registrations.get(key);
    if (!found) return;
    this.#registrations.delete(key);
    const { agentId } = found.info;
    const left = (this.#ofAgents.get(agentId) ?? 0) - 1;
    if (left > 0) this.#ofAgents.set(agentId, left);
    else this.#ofAgents.delete(agentId);
    this.#announcements?.withdraw(KEY, key);
  }

  #set(
    id: bigint,
    agent: AgentIdentity,
    meta: AgentMeta | undefined,
    connection: AgentConnection,
    until: number,
    connectedAt = timestampFromMs(this.#now()),
  ): void {
    const key = keyOf(agent.id, id);
    const known = this.#registrations.get(key);
    if (!known) {
      const count = this.#ofAgents.get(agent.id) ?? 0;
      if (count >= MOST_PODS) return;
      this.#ofAgents.set(agent.id, count + 1);
    }
    if (known?.connection !== connection)
      connection.closed.addEventListener('abort', () => this.#lost(key, connection));
    const info = create(ConnectedAgentInfoSchema, {
      agentMeta: bounded(meta),
      connectedAt,
      connectionId: id,
      agentId: agent.id,
      projectId: agent.project.id,
    });
    this.#registrations.set(key, { info, connection, until });
    this.#announcements?.announce(KEY, key, toJsonString(ConnectedAgentInfoSchema, info));
  }

  /** A Pod that is back by another connection stays. */
  #lost(key: string, connection: AgentConnection): void {
    if (this.#registrations.get(key)?.connection === connection) this.#forget(key);
  }
}

function keyOf(agentId: bigint, id: bigint): string {
  return `${agentId} ${id}`;
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
