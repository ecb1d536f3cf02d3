import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import { dig, type JsonObject } from '../model/json.ts';
import { parseApiVersion } from '../model/object.ts';
import type { Scoped } from './scope.ts';

/** What the plan knows of a namespace: its objects can only be created, or validated, if it is there. */
export type NamespaceState = 'live' | 'in-set' | 'absent' | 'untold';

/** Looks namespaces up once each, and only where an object of the set does not exist yet. */
export class Namespaces {
  readonly #cluster: Cluster;
  readonly #inSet: ReadonlySet<string>;
  readonly #resource: Resource | undefined;
  readonly #states = new Map<string, Promise<NamespaceState>>();

  constructor(cluster: Cluster, discovery: Discovery, set: readonly Scoped[]) {
    this.#cluster = cluster;
    this.#resource = discovery.resources.find(({ group, kind }) => group === '' && kind === 'Namespace');
    this.#inSet = new Set(
      set.filter(({ id }) => id.group === '' && id.kind === 'Namespace').map(({ id }) => id.name),
    );
  }

  state(name: string): Promise<NamespaceState> {
    let state = this.#states.get(name);
    if (!state) {
      state = this.#look(name);
      this.#states.set(name, state);
    }
    return state;
  }

  async #look(name: string): Promise<NamespaceState> {
    if (!this.#resource) return 'untold';
    const answer = await this.#cluster.get({ resource: this.#resource, name });
    if (answer.ok) return 'live';
    if (answer.failure.status !== 404) return 'untold';
    return this.#inSet.has(name) ? 'in-set' : 'absent';
  }
}

/** Names the workloads that autoscalers target, by namespace; each namespace is asked for once, on demand. */
export class Autoscalers {
  readonly #cluster: Cluster;
  readonly #resource: Resource | undefined;
  readonly #inSet: JsonObject[];
  readonly #targets = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(cluster: Cluster, discovery: Discovery, set: readonly Scoped[]) {
    this.#cluster = cluster;
    this.#resource = discovery.resources.find(
      ({ group, kind }) => group === 'autoscaling' && kind === 'HorizontalPodAutoscaler',
    );
    this.#inSet = set
      .filter(({ id }) => id.group === 'autoscaling' && id.kind === 'HorizontalPodAutoscaler')
      .map(({ id, manifest }) => ({
        ...manifest.object,
        metadata: { name: id.name, namespace: id.namespace ?? '' },
      }));
  }

  async target({
    group,
    kind,
    namespace = '',
    name,
  }: {
    group: string;
    kind: string;
    namespace?: string;
    name: string;
  }): Promise<boolean> {
    let targets = this.#targets.get(namespace);
    if (!targets) {
      targets = this.#look(namespace);
      this.#targets.set(namespace, targets);
    }
    return (await targets).has(`${group}/${kind}/${name}`);
  }

  async #look(namespace: string): Promise<ReadonlySet<string>> {
    const wanted = this.#inSet.filter(({ metadata }) => (metadata as JsonObject).namespace === namespace);
    const answer = this.#resource && (await this.#cluster.list(this.#resource, { namespace, limit: 500 }));
    const live = answer?.ok ? answer.value.items : [];
    return new Set([...wanted, ...live].map(targetOf));
  }
}

function targetOf(autoscaler: JsonObject): string {
  const target = (name: string): string => String(dig(autoscaler, 'spec', 'scaleTargetRef', name) ?? '');
  return `${parseApiVersion(target('apiVersion')).group}/${target('kind')}/${target('name')}`;
}
