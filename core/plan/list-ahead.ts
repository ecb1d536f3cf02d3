import type { Answer, Cluster, Discovery, ListPage, Resource } from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import { formatApiVersion } from '../model/object.ts';

/** Items of a page; and how many objects of a kind in a namespace are worth a LIST rather than a GET each. */
export const PAGE = 500;
export const WORTH_A_LIST = 3;

/**
 * Begins LISTs while manifests are still being read, so that the API server works meanwhile: one for each kind and
 * namespace, with the object that makes it worth one. What turns out not to be needed is thrown away.
 */
export class ListAhead {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #counts = new Map<string, number>();
  readonly #pages = new Map<string, Promise<Answer<ListPage>>>();

  /** `namespace` is where objects go that name none. */
  constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  note({ id }: Manifest): void {
    const namespace = id.namespace ?? this.#namespace;
    const key = `${formatApiVersion(id)}\n${id.kind}\n${namespace}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count !== WORTH_A_LIST) return;
    // Whoever needs the answer meets its errors; that nobody may is no reason to end the process.
    this.#cluster.discover().then(
      (discovery) => this.#begin(discovery, id, namespace),
      () => undefined,
    );
  }

  /** The first page, where it was begun; each is given out once. */
  take(resource: Resource, namespace: string | undefined): Promise<Answer<ListPage>> | undefined {
    const key = keyOf(resource, namespace);
    const page = this.#pages.get(key);
    this.#pages.delete(key);
    return page;
  }

  #begin(discovery: Discovery, id: Manifest['id'], namespace: string): void {
    const resource = discovery.resources.find(
      ({ group, version, kind }) => group === id.group && version === id.version && kind === id.kind,
    );
    if (!resource?.verbs.includes('list')) return;
    const within = resource.namespaced ? namespace : undefined;
    const key = keyOf(resource, within);
    if (this.#pages.has(key)) return;
    const page = this.#cluster.list(resource, { namespace: within, limit: PAGE });
    page.catch(() => undefined);
    this.#pages.set(key, page);
  }
}

function keyOf(resource: Resource, namespace: string | undefined): string {
  return `${formatApiVersion(resource)}\n${resource.plural}\n${namespace ?? ''}`;
}
