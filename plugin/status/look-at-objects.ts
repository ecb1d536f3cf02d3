import { healthOf } from '../../core/apply/explain.ts';
import { findMembers } from '../../core/apply/inventory.ts';
import { readParent } from '../../core/apply/parent-object.ts';
import { sideBySide } from '../../core/apply/side-by-side.ts';
import type { AgentStatus, EntryStatus } from '../../core/model/agent-status.ts';
import type { Discovery } from '../../core/model/cluster.ts';
import { isWell } from '../../core/model/health.ts';
import type { Member } from '../../core/model/record.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import type { SeenObjects, TreeObject } from '../../core/report/status-tree.ts';
import { CONFIG_MAPS } from '../agents/find-agents.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';

/** Of so many objects of an entry the story is asked for; it costs a few requests each. */
const MOST_STORIES = 20;

/** Looks at the objects of all entries as they are now; by the IDs of their sets. */
export async function lookAtObjects(
  sight: AgentsInSight,
  agents: readonly AgentStatus[],
  signal: AbortSignal,
): Promise<Map<string, SeenObjects>> {
  const discovery = await sight.cluster.discover();
  const seen = new Map<string, SeenObjects>();
  const entries = agents.flatMap((agent) => agent.entries).filter(({ status }) => status !== undefined);
  for (const entry of entries) {
    signal.throwIfAborted();
    sight.progress.update(`looking at the objects of ${entry.project} …`);
    seen.set(entry.set.id, await lookAtEntry(sight, discovery, entry));
  }
  return seen;
}

async function lookAtEntry(
  { cluster, clock }: AgentsInSight,
  discovery: Discovery,
  { set }: EntryStatus,
): Promise<SeenObjects> {
  const parent = await cluster.get({ resource: CONFIG_MAPS, namespace: set.namespace, name: set.name });
  if (!parent.ok) return { objects: [], unknown: [`its ConfigMap can't be read: ${parent.failure.message}`] };
  const options = { gate: new SecretGate(), now: new Date(clock.now()) };
  const live = readParent(parent.value, discovery);
  const { members, unknown } = await findMembers(cluster, discovery, { set, live }, options);
  const objects = members.map(objectOf);
  const unwell = objects.filter(({ health }) => health && !isWell(health.status)).slice(0, MOST_STORIES);
  await sideBySide(unwell, async (object) => {
    const { id } = object;
    const resource = discovery.resources.find(
      ({ group, kind, version }) => group === id.group && kind === id.kind && version === id.version,
    );
    const found = resource && (await cluster.get({ resource, namespace: id.namespace, name: id.name }));
    if (!found?.ok) return;
    Object.assign(object, await healthOf(cluster, discovery, resource!, found.value, clock));
  });
  return {
    objects,
    unknown: unknown.map(({ id, reason, message }) => `${id.kind.toLowerCase()}: ${reason}: ${message}`),
  };
}

function objectOf({ id, state, health, message }: Member): TreeObject {
  return { id, state, ...(health && { health }), ...(message !== undefined && { note: message }) };
}
