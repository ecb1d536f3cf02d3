import type { Approval } from '../../core/apply/approval.ts';
import { identify, isSameCluster } from '../../core/apply/cluster-identity.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { refuseOtherRules } from '../plan-terms.ts';
import type { Prepared } from '../with-cluster.ts';

/** Refuses to carry a plan out where it was not made: another cluster, or other rules. */
export async function refuseElsewhere({ document, digest }: Approval, prepared: Prepared): Promise<void> {
  const { cluster, server, options } = prepared;
  refuseOtherRules(document, options.ignore ?? [], digest);
  const here = await identify(cluster, server);
  if (isSameCluster(document.cluster, here)) return;
  throw new ProblemError({
    code: 'OtherCluster',
    message: `the plan was made for another cluster: ${document.cluster.server}, and this is ${server}`,
    hint: '--context or --kubeconfig chooses the cluster',
  });
}
