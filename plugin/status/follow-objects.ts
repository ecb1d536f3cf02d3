import { type Listed, listed } from '../../core/apply/inventory.ts';
import { readRecord } from '../../core/apply/read-record.ts';
import { HealthWatch } from '../../core/health/health-watch.ts';
import type { AgentStatus } from '../../core/model/agent-status.ts';
import type { Discovery } from '../../core/model/cluster.ts';
import type { Health, ObjectHealth } from '../../core/model/health.ts';
import { isObject } from '../../core/model/json.ts';
import { type KubeObject, objectKey } from '../../core/model/object.ts';
import type { RecordData } from '../../core/model/record.ts';
import type { StatusStyle } from '../../core/report/status-table.ts';
import { type SeenObjects, statusTree, type TreeObject } from '../../core/report/status-tree.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';

const WELL: Health = { status: 'healthy', reason: 'Healthy' };

/** Follows the objects of entries, and what belongs to those that are not well, by watches. */
export class ObjectFollower implements AsyncDisposable {
  readonly #discovery: Discovery;
  readonly #watch: HealthWatch;
  #unwell = new Map<string, ObjectHealth>();
  /** What the manifests hold, by the IDs of sets, and the text that says so. */
  readonly #wanted = new Map<string, { text: string; objects: Listed[]; leftOut: number }>();

  private constructor(
    sight: AgentsInSight,
    discovery: Discovery,
    { signal, random }: { signal: AbortSignal; random: () => number },
    onChange: () => void,
  ) {
    this.#discovery = discovery;
    let said = '';
    this.#watch = new HealthWatch(sight.cluster, {
      discovery,
      clock: sight.clock,
      random,
      signal,
      onHealth: (unwell) => {
        this.#unwell = new Map(unwell.map((one) => [objectKey(one.id), one]));
        const now = JSON.stringify(unwell);
        if (now !== said) onChange();
        said = now;
      },
    });
  }

  static async open(
    sight: AgentsInSight,
    surroundings: { signal: AbortSignal; random: () => number },
    onChange: () => void,
  ): Promise<ObjectFollower> {
    return new ObjectFollower(sight, await sight.cluster.discover(), surroundings, onChange);
  }

  /** Follows what the parents of these agents say is in the manifests, and no longer what was before. */
  expect(
    agents: readonly AgentStatus[],
    parentOf: (set: AgentStatus['entries'][number]['set']) => KubeObject | undefined,
  ): void {
    const sets = new Set<string>();
    for (const { set } of agents.flatMap(({ entries }) => entries)) {
      const parent = parentOf(set);
      const data = (isObject(parent?.data) ? parent.data : {}) as RecordData;
      const text = data.inventory ?? '';
      sets.add(set.id);
      const before = this.#wanted.get(set.id);
      if (before?.text === text) continue;
      const { inventory } = readRecord(data);
      const objects = listed(inventory, this.#discovery);
      this.#wanted.set(set.id, { text, objects, leftOut: inventory?.leftOut ?? 0 });
      this.#replace(before?.objects ?? [], objects);
    }
    for (const [id, { objects }] of this.#wanted)
      if (!sets.has(id)) {
        this.#wanted.delete(id);
        this.#replace(objects, []);
      }
  }

  text(agents: readonly AgentStatus[], style: StatusStyle): string {
    const seen = [...this.#wanted].map(([id, { objects, leftOut }]): [string, SeenObjects] => [
      id,
      {
        objects: objects.map((one) => this.#see(one)),
        unknown:
          leftOut > 0 ? [`${leftOut} more objects are not listed: the record has no room for them`] : [],
      },
    ]);
    return statusTree(agents, new Map(seen), style);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.close();
  }

  #replace(before: readonly Listed[], after: readonly Listed[]): void {
    const kept = new Set(after.map(({ id }) => objectKey(id)));
    const gone = before.filter(({ id }) => !kept.has(objectKey(id)));
    if (gone.length > 0) this.#watch.forget(gone.map(({ id }) => id));
    this.#watch.expect(after.flatMap(({ id, resource }) => (resource ? [{ id, resource }] : [])));
  }

  #see({ id, resource }: Listed): TreeObject {
    if (!resource) return { id, state: 'missing', note: 'the API server does not serve its kind' };
    const unwell = this.#unwell.get(objectKey(id));
    if (!unwell) return { id, health: WELL };
    return { id, health: unwell.health, ...(unwell.story && { story: unwell.story }) };
  }
}
