import { load } from 'js-yaml';
import { AGENT_LABEL, agentRecordName, ENTRY_LABEL } from '../../core/apply/agent-parent.ts';
import {
  entryStatus,
  leadershipOf,
  pendingEntry,
  readAgentRecord,
  recordNotes,
} from '../../core/apply/agent-status.ts';
import { connectionProblem } from '../../core/kube/connection-failure.ts';
import type { AgentNote, AgentRecord, AgentStatus, EntryStatus } from '../../core/model/agent-status.ts';
import type { ApiFailure, Cluster, Resource } from '../../core/model/cluster.ts';
import { dig } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { USUAL_NAMESPACE } from '../install/settings.ts';
import type { LeaseSight } from './lease-sight.ts';

// Served by every cluster, and what an agent needs of it: no discovery is asked for what is known.
export const CONFIG_MAPS: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: ['get', 'list', 'watch'],
};

const PAGE = 200;

/** Where to look for agents. */
export interface Where {
  /** Of the context, or of `-n`. */
  namespace: string;
  /** Whether the person named it: then nowhere else is looked. */
  isGiven: boolean;
}

/** The ConfigMaps of agents and of their entries, and where they were looked for. */
export interface FoundAgents {
  objects: KubeObject[];
  /** The namespaces that were asked; undefined for all of them. */
  namespaces: string[] | undefined;
}

/**
 * Finds agents by their label: in the namespace that is given, else in all of them, else, without the right to that,
 * in the context's and in `gitlab-agent`. Throws ProblemError where nobody lets us look anywhere.
 */
export async function findAgentObjects(cluster: Cluster, where: Where): Promise<FoundAgents> {
  if (where.isGiven) return await within(cluster, [where.namespace]);
  const everywhere = await listAll(cluster, undefined);
  if (!('failure' in everywhere)) return { objects: everywhere.objects, namespaces: undefined };
  if (everywhere.failure.status !== 403) throw unreadable(everywhere.failure, 'in all namespaces');
  return await within(cluster, [...new Set([where.namespace, USUAL_NAMESPACE])]);
}

async function within(cluster: Cluster, namespaces: string[]): Promise<FoundAgents> {
  const lists = await Promise.all(namespaces.map((namespace) => listAll(cluster, namespace)));
  const readable = lists.flatMap((list) => ('failure' in list ? [] : [list]));
  if (readable.length === 0)
    throw unreadable((lists[0] as { failure: ApiFailure }).failure, `in ${namespaces.join(' and ')}`);
  return {
    objects: readable.flatMap(({ objects }) => objects),
    namespaces: namespaces.filter((_, index) => !('failure' in lists[index]!)),
  };
}

function unreadable(failure: ApiFailure, where: string): ProblemError {
  const hint =
    failure.status === 403
      ? '-n NAMESPACE looks where the agent is; reading its state needs get, list and watch of configmaps there'
      : undefined;
  const everywhere = connectionProblem(failure);
  if (everywhere) return everywhere;
  return new ProblemError({
    code: failure.reason || 'Unreachable',
    message: `agents can't be looked for ${where}: ${failure.message}`,
    ...(hint && { hint }),
  });
}

async function listAll(
  cluster: Cluster,
  namespace: string | undefined,
): Promise<{ objects: KubeObject[] } | { failure: ApiFailure }> {
  const objects: KubeObject[] = [];
  let token: string | undefined;
  do {
    const answer = await cluster.list(CONFIG_MAPS, {
      ...(namespace !== undefined && { namespace }),
      labelSelector: AGENT_LABEL,
      limit: PAGE,
      ...(token !== undefined && { continue: token }),
    });
    if (!answer.ok) return { failure: answer.failure };
    for (const object of answer.value.items) objects.push(object);
    token = answer.value.continue;
  } while (token !== undefined);
  return { objects };
}

/** No agent was found: where it was looked for, and what may be the reason. */
export function noAgent({ namespaces }: FoundAgents, where: Where): ProblemError {
  if (namespaces === undefined)
    return new ProblemError({
      code: 'NoAgent',
      message: `there is no agent in this cluster: no ConfigMap has the label ${AGENT_LABEL}`,
      hint: 'is it the right context? an agent shows up as soon as it has started once',
    });
  const places = namespaces.join(', ');
  const few = where.isGiven ? '' : ' (there is no right to look in all namespaces)';
  return new ProblemError({
    code: 'NoAgent',
    message: `there is no agent in the namespace${namespaces.length > 1 ? 's' : ''} ${places}${few}`,
    hint: where.isGiven ? 'leave out -n to look in all namespaces' : 'name its namespace: -n NAMESPACE',
  });
}

/** An agent as its objects were found, before its Lease was looked at. */
export interface AgentObjects {
  name: string;
  namespace: string;
  record: AgentRecord | undefined;
  entries: EntryStatus[];
}

/** Sorts what was found by agents; an agent is its name in a namespace. */
export function groupAgents(objects: readonly KubeObject[]): AgentObjects[] {
  const groups = Map.groupBy(objects, (object) => `${object.metadata.namespace}/${nameOf(object)}`);
  const agents = [...groups.values()].map((group): AgentObjects => {
    const name = nameOf(group[0]!);
    const namespace = String(group[0]!.metadata.namespace);
    const own = group.find(({ metadata }) => metadata.name === agentRecordName(name));
    const record = readAgentRecord(yamlOf(dig(own ?? {}, 'data', 'status')));
    const parents = group.filter((object) => dig(object, 'metadata', 'labels', ENTRY_LABEL) !== undefined);
    const entries = parents
      .flatMap((parent) => entryStatus(parent) ?? [])
      .filter(({ name: entry }) => isInForce(record, entry));
    const known = new Set(entries.map(({ name: entry }) => entry));
    const pending = (record?.entries ?? []).filter((entry) => !known.has(entry));
    entries.push(...pending.map((entry) => pendingEntry(entry, name, namespace)));
    return { name, namespace, record, entries: entries.sort(byProject) };
  });
  return agents.sort((a, b) => compare(a.name, b.name) || compare(a.namespace, b.namespace));
}

/** Before an agent has read its configuration nobody knows which entries are in force. */
function isInForce(record: AgentRecord | undefined, entry: string): boolean {
  if (record?.configuration?.applied === undefined) return true;
  return record.entries.includes(entry);
}

function byProject(a: EntryStatus, b: EntryStatus): number {
  return compare(a.project, b.project) || compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function nameOf(object: KubeObject): string {
  return String(dig(object, 'metadata', 'labels', AGENT_LABEL));
}

function yamlOf(text: unknown): unknown {
  try {
    return typeof text === 'string' ? load(text) : undefined;
  } catch {
    return undefined;
  }
}

/** The whole status of an agent, from its objects and its Lease as it was seen last. */
export function agentStatus(
  { name, namespace, record, entries }: AgentObjects,
  lease: LeaseSight,
  notes: readonly AgentNote[],
  version: string,
): AgentStatus {
  const leadership = 'lease' in lease ? leadershipOf(lease.lease) : undefined;
  return {
    name,
    namespace,
    ...(record && { record }),
    ...(leadership && { leadership }),
    notes: [...notes, ...(record ? [] : [STARTING]), ...recordNotes(record, version)],
    entries,
  };
}

const STARTING: AgentNote = {
  reason: 'Starting',
  message: 'it has not said anything of itself yet (no ConfigMap of its own)',
};
