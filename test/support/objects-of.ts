import { Collector } from '../../core/manifest/load.ts';
import { DEFAULT_LIMITS } from '../../core/manifest/read.ts';
import { formatObject, type KubeObject } from '../../core/model/object.ts';

/** The objects of YAML documents by how they are called, such as `deployment.apps/web -n shop`. Throws what is wrong. */
export function objectsOf(text: string): Map<string, KubeObject> {
  const collector = new Collector(DEFAULT_LIMITS);
  collector.addBytes('-', Buffer.from(text), true);
  if (collector.problems.length > 0) throw new Error(collector.problems[0]!.message);
  return new Map(collector.manifests.map(({ id, object }) => [formatObject(id), object]));
}
