import type { ApplySetId } from '../../core/model/apply.ts';
import type { Cluster, PatchOperation } from '../../core/model/cluster.ts';
import { dig, isObject } from '../../core/model/json.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { CONFIG_MAPS } from '../agents/find-agents.ts';

const ATTEMPTS = 5;

/**
 * Writes annotations on the parent of an entry, and takes away those without a value. It is a patch: an apply of the
 * agent, which does not say them, leaves them alone. Throws ProblemError where it can't be done.
 */
export async function writeWishes(
  cluster: Cluster,
  { namespace, name }: Pick<ApplySetId, 'namespace' | 'name'>,
  wishes: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const ref = { resource: CONFIG_MAPS, namespace, name };
  for (let attempt = 1; ; attempt += 1) {
    const found = await cluster.get(ref);
    if (!found.ok) throw new ProblemError(problem(found.failure.status, found.failure.message, ref));
    const before = dig(found.value, 'metadata', 'annotations');
    const operations = changesTo(isObject(before) ? before : undefined, wishes);
    if (operations.length === 0) return;
    const resourceVersion = String(found.value.metadata.resourceVersion);
    const answer = await cluster.patch(ref, operations, { resourceVersion, dryRun: false });
    if (answer.ok) return;
    // The agent writes it, too.
    if (answer.failure.status !== 409 || attempt === ATTEMPTS)
      throw new ProblemError(problem(answer.failure.status, answer.failure.message, ref));
  }
}

function changesTo(
  before: Record<string, unknown> | undefined,
  wishes: Readonly<Record<string, string | undefined>>,
): PatchOperation[] {
  const changes = Object.entries(wishes).flatMap(([key, value]): PatchOperation[] => {
    const path = `/metadata/annotations/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (value === undefined) return before?.[key] === undefined ? [] : [{ op: 'remove', path }];
    return before?.[key] === value ? [] : [{ op: 'add', path, value }];
  });
  if (before || changes.length === 0) return changes;
  return [{ op: 'add', path: '/metadata/annotations', value: {} }, ...changes];
}

function problem(status: number, message: string, ref: { namespace: string; name: string }): Problem {
  const what = `configmap/${ref.name} -n ${ref.namespace}`;
  if (status === 404)
    return {
      code: 'NotFound',
      message: `${what} is not there: the agent has not done anything for this project yet`,
      hint: 'kubectl gitlab-agent status says whether the agent runs',
    };
  const hint =
    status === 403 ? `it needs the right to get and patch configmaps in ${ref.namespace}` : undefined;
  return { code: 'WishRefused', message: `${what} can't be changed: ${message}`, ...(hint && { hint }) };
}
