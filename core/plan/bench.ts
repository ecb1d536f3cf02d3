import type { ApiFailure, Cluster, ObjectRef } from '../model/cluster.ts';
import type { IgnoreRule } from '../model/ignore.ts';
import type { Json } from '../model/json.ts';
import type { KubeObject, ObjectId } from '../model/object.ts';
import type { ConflictPolicy, Verdict } from '../model/plan.ts';
import { describeFailure } from './failure.ts';
import type { Mutators } from './mutators.ts';
import type { Autoscalers, Namespaces } from './namespaces.ts';
import type { Inheritance } from './ownership.ts';
import type { Scoped } from './scope.ts';
import type { SecretGate } from './secret-gate.ts';

/** What judging one object needs to know of the rest. */
export interface Bench extends Inheritance {
  cluster: Cluster;
  gate: SecretGate;
  ignore: readonly IgnoreRule[];
  /** Ask the server about every object, proven or not. */
  full: boolean;
  /** For a plan that is carried out at once: what can be told from the live object is not tried by a dry run. */
  economy: boolean;
  conflicts: ConflictPolicy;
  /** The ID of the apply set that the objects join; undefined where each keeps what it has. */
  partOf: string | undefined;
  namespaces: Namespaces;
  autoscalers: Autoscalers;
  mutators: Mutators;
  /** `openAPIV3Schema` of a custom resource's kind as it is live; undefined for built-in kinds. */
  liveSchema(id: ObjectId): Promise<Json | undefined>;
  /** Whether the set holds such an object. */
  inSet(kind: string, name: string, namespace?: string): boolean;
}

/** The verdict where a request about the object failed: with the cause, and without secret values. */
export function unknown(bench: Bench, item: Scoped, failure: ApiFailure, live?: KubeObject): Verdict {
  const objects: Json[] = live ? [item.manifest.object, live] : [item.manifest.object];
  return { action: 'unknown', ...describeFailure(item.id, failure, bench.gate, ...objects) };
}

export function refOf(item: Scoped): ObjectRef {
  return { resource: item.resource!, namespace: item.id.namespace, name: item.id.name };
}
