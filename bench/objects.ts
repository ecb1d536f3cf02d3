import { Random } from '../test/support/random.ts';
import { type Body, KINDS, objectName, type Resource, selector } from './kinds.ts';

export interface Item {
  resource: Resource;
  namespace: string;
  name: string;
  /** As it is applied. */
  applied: Body;
  /** As the manifest says it: the same value where nothing changed. */
  wanted: Body;
}

/** Many teams, many namespaces: a set of 10,000 objects is ten sets of 1,000, not one huge namespace. */
export const NAMESPACE_SIZE = 250;

/**
 * Objects of mixed kinds with realistic sizes, `changed` of them with one field changed in the manifest, spread
 * evenly. The same seed gives the same objects; the first N of a longer run are those of a shorter one. `prefix`
 * begins the names of the namespaces.
 */
export function generate(
  { objects: count, changed, seed }: { objects: number; changed: number; seed: number },
  prefix = 'bench',
): Item[] {
  const random = new Random(seed);
  const cards = KINDS.flatMap((kind) => Array.from({ length: kind.share }, () => kind));
  return Array.from({ length: count }, (_, index) => {
    const kind = random.pick(cards);
    const { apiVersion, plural } = kind;
    const namespace = `${prefix}-${String(Math.floor(index / NAMESPACE_SIZE)).padStart(3, '0')}`;
    const name = objectName(index, random);
    const labels = { ...selector(name), 'app.kubernetes.io/part-of': 'shop' };
    const applied: Body = {
      apiVersion,
      kind: kind.kind,
      metadata: { name, namespace, labels },
      ...kind.body(name, random),
    };
    // Every object takes as many random numbers whether it changes or not, so that the seed alone says what it is.
    const edited = structuredClone(applied);
    kind.change(edited, new Random(random.int(2 ** 31)));
    const isChanged = Math.floor(((index + 1) * changed) / count) > Math.floor((index * changed) / count);
    return {
      resource: { apiVersion, kind: kind.kind, plural },
      namespace,
      name,
      applied,
      wanted: isChanged ? edited : applied,
    };
  });
}

export function isChanged(item: Item): boolean {
  return item.wanted !== item.applied;
}

/** `apps.v1.Deployment.bench-000.web-00001`: as kubectl names the files that it compares. */
export function nameOf(apiVersion: string, kind: string, namespace: string, name: string): string {
  return `${apiVersion.replace('/', '.')}.${kind}.${namespace}.${name}`;
}

export function itemName({ resource, namespace, name }: Item): string {
  return nameOf(resource.apiVersion, resource.kind, namespace, name);
}

/** The names of the objects whose manifest differs from what was applied. */
export function changedNames(items: readonly Item[]): Set<string> {
  return new Set(items.filter(isChanged).map(itemName));
}
