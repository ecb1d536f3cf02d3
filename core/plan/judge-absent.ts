import type { ApiFailure } from '../model/cluster.ts';
import { deepEqual, dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import type { Verdict } from '../model/plan.ts';
import { type Bench, refOf, unknown } from './bench.ts';
import { isInvalid, notPermitted } from './failure.ts';
import { ownFields } from './field-set.ts';
import { fieldsOfManifest } from './local.ts';
import { formatViolations, validateSchema } from './schema.ts';
import type { Scoped } from './scope.ts';
import { view } from './shape.ts';

const IN_SET_NAMESPACE = 'not checked by the server: its namespace comes with this set';

/** Decides what an object needs that does not exist; `object` is what would be sent. */
export async function judgeAbsent(
  bench: Bench,
  item: Scoped,
  object: KubeObject,
  extra: { yielded?: string[] },
): Promise<Verdict> {
  const unverified = (message: string): Verdict => ({
    ...created(bench, item, object),
    verified: false,
    message,
    ...extra,
  });
  const namespace =
    item.id.namespace === undefined ? 'live' : await bench.namespaces.state(item.id.namespace);
  if (namespace === 'absent') return noNamespace(item.id.namespace!);
  const refused = await refusedBySet(bench, item, object);
  if (refused) return refused;
  if (item.defined && (!item.resource || namespace === 'in-set'))
    return unverified('checked against the schema of its CRD in this set, but not its CEL rules');
  if (namespace === 'in-set') return unverified(IN_SET_NAMESPACE);
  if (bench.economy) return { ...created(bench, item, object), ...extra };
  const answer = await bench.cluster.apply(refOf(item), object, { dryRun: true });
  if (answer.ok) {
    const fields = ownFields(answer.value);
    return {
      action: 'create',
      after: bench.gate.views(item.id, undefined, view(answer.value, fields), fields).after,
      ...extra,
    };
  }
  const { failure } = answer;
  if (notPermitted(failure)) return unverified('not checked by the server: no right to write it');
  const { namespace: within } = item.id;
  if (failure.status === 404 && failure.details?.kind === 'namespaces' && within !== undefined) {
    return bench.inSet('Namespace', within) ? unverified(IN_SET_NAMESPACE) : noNamespace(within);
  }
  const role = missingRole(item, failure);
  if (isRoleOfSet(bench, item, role))
    return unverified('not checked by the server: its role comes with this set');
  if (role) {
    const message = `${role.kind} ${role.name} does not exist and is not in the set`;
    return { action: 'unknown', reason: 'RoleNotFound', message };
  }
  if (item.defined && isInvalid(failure) && validateSchema(object, item.defined.schema).length === 0) {
    return unverified('checked against the schema of its CRD in this set, but not its CEL rules');
  }
  return unknown(bench, item, failure);
}

function noNamespace(name: string): Verdict {
  const message = `namespace ${name} does not exist and is not in the set`;
  return { action: 'unknown', reason: 'NamespaceNotFound', message };
}

function created(bench: Bench, item: Scoped, object: KubeObject): Verdict {
  const fields = fieldsOfManifest(object, item.id, item.defined?.schema);
  return {
    action: 'create',
    after: bench.gate.views(item.id, undefined, view(object, fields), fields).after,
  };
}

/** A binding is refused while the role that it names is not there; the 404 has that name, but the binding's kind. */
export function missingRole(
  { manifest }: Scoped,
  { status, details }: ApiFailure,
): { kind: string; name: string } | undefined {
  const [kind, name] = [dig(manifest.object, 'roleRef', 'kind'), dig(manifest.object, 'roleRef', 'name')];
  if (status !== 404 || typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return details?.name === name ? { kind, name } : undefined;
}

/** Whether that role comes with the set. */
export function isRoleOfSet(
  bench: Bench,
  { id }: Scoped,
  role: { kind: string; name: string } | undefined,
): boolean {
  return (
    role !== undefined && bench.inSet(role.kind, role.name, role.kind === 'Role' ? id.namespace : undefined)
  );
}

/** What the CRD of the set will refuse although the live one does not; undefined where both are the same. */
export async function refusedBySet(
  bench: Bench,
  item: Scoped,
  object: KubeObject,
): Promise<Verdict | undefined> {
  const violations = item.defined ? validateSchema(object, item.defined.schema) : [];
  if (violations.length === 0) return undefined;
  if (item.resource && deepEqual(item.defined!.schema, await bench.liveSchema(item.id))) return undefined;
  return { action: 'unknown', reason: 'Invalid', message: formatViolations(violations) };
}
