import type { Discovery, Resource } from '../model/cluster.ts';
import type { KubeObject } from '../model/object.ts';
import { textAt } from './fields.ts';
import type { Place } from './follower.ts';
import { Relations } from './relations.ts';

const REPLICA_SET = 'apps/ReplicaSet';
const JOB = 'batch/Job';
const POD = '/Pod';
const EVENT = '/Event';

/** What the story of a kind is told of, beside the object itself. */
const KIN = new Map<string, readonly string[]>([
  ['/Pod', [EVENT]],
  ['/PersistentVolumeClaim', [EVENT]],
  ['/ReplicationController', [POD, EVENT]],
  ['apps/DaemonSet', [POD, EVENT]],
  ['apps/Deployment', [REPLICA_SET, POD, EVENT]],
  ['apps/ReplicaSet', [POD, EVENT]],
  ['apps/StatefulSet', [POD, EVENT]],
  ['argoproj.io/Rollout', [REPLICA_SET, POD, EVENT]],
  ['batch/CronJob', [JOB, POD, EVENT]],
  ['batch/Job', [POD, EVENT]],
]);

/**
 * The places in which what belongs to a workload is found; of other kinds there are only Events, of which one would
 * ask when there is trouble.
 */
export function kinPlaces(
  resource: Resource,
  namespace: string | undefined,
  { resources }: Discovery,
  isTrouble: boolean,
): Place[] {
  const kinds = KIN.get(`${resource.group}/${resource.kind}`) ?? (isTrouble ? [EVENT] : []);
  return kinds.flatMap((kind) => {
    const found = resources.find((one) => `${one.group}/${one.kind}` === kind);
    return found && namespace ? [{ resource: found, namespace }] : [];
  });
}

const KIN_KINDS = new Set([REPLICA_SET, JOB, POD, EVENT]);

interface Family {
  objects: Map<string, KubeObject>;
  /** How they belong together; made when it is asked for, until something changes. */
  relations?: Relations | undefined;
}

const NOBODY = new Relations([]);

/** Live ReplicaSets, Jobs, Pods and Events, by their namespace. */
export class Kin {
  readonly #families = new Map<string, Family>();

  /** Whether objects of a kind are kept here. */
  static keeps({ group, kind }: Resource): boolean {
    return KIN_KINDS.has(`${group}/${kind}`);
  }

  put(object: KubeObject): void {
    const namespace = textAt(object.metadata, 'namespace');
    const family: Family = this.#families.get(namespace) ?? { objects: new Map() };
    this.#families.set(namespace, family);
    family.objects.set(`${object.kind}/${object.metadata.name}`, object);
    family.relations = undefined;
  }

  drop(kind: string, { namespace = '', name }: { namespace?: string; name: string }): void {
    const family = this.#families.get(namespace);
    if (family?.objects.delete(`${kind}/${name}`)) family.relations = undefined;
  }

  /** Forgets what is in other namespaces. */
  keepOnly(namespaces: ReadonlySet<string | undefined>): void {
    for (const namespace of this.#families.keys())
      if (!namespaces.has(namespace)) this.#families.delete(namespace);
  }

  of(namespace: string | undefined): Relations {
    const family = this.#families.get(namespace ?? '');
    if (!family) return NOBODY;
    family.relations ??= new Relations([...family.objects.values()]);
    return family.relations;
  }
}
