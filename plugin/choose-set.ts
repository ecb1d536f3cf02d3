import { findSets, type LiveSet } from '../core/apply/find-sets.ts';
import { findSet } from '../core/apply/parent.ts';
import type { Cluster, Discovery } from '../core/model/cluster.ts';
import { ProblemError } from '../core/model/problem.ts';
import { readSetName } from './set-flags.ts';

/** The set that is named, else the only one in the namespace. Throws ProblemError where there is no such set. */
export async function chooseSet(
  cluster: Cluster,
  discovery: Discovery,
  applyset: string | undefined,
  namespace: string,
): Promise<LiveSet> {
  if (applyset !== undefined) {
    const { set, live } = await findSet(cluster, discovery, readSetName(applyset, namespace), new Set());
    if (live) return { set, live };
    throw new ProblemError({
      code: 'NoApplySet',
      message: `there is no apply set ${set.name} in the namespace ${set.namespace}`,
      hint: `kubectl get configmaps -A -l applyset.kubernetes.io/id lists the sets`,
    });
  }
  const found = await findSets(cluster, discovery, { namespace });
  if ('failure' in found) {
    const message = `the apply sets of the namespace ${namespace} can't be listed: ${found.failure.message}`;
    throw new ProblemError({ code: 'Forbidden', message, hint: 'name one: --applyset [NAMESPACE/]NAME' });
  }
  const [only, ...more] = found.sets;
  if (!only) {
    const message = `there is no apply set in the namespace ${namespace}`;
    throw new ProblemError({
      code: 'NoApplySet',
      message,
      hint: 'name one: --applyset NAMESPACE/NAME, or -n NAMESPACE',
    });
  }
  if (more.length === 0) return only;
  const names = found.sets.map(({ set }) => `--applyset ${set.name}`);
  throw new ProblemError({
    code: 'ManyApplySets',
    message: `there are ${names.length} apply sets in the namespace ${namespace}`,
    hint: `name one: ${names.join(', ')}`,
  });
}
