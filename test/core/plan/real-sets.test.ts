import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startControlPlane } from '../../support/control-plane/control-plane.ts';
import { countRequests, recordRequests } from '../../support/control-plane/audit.ts';
import { kubectl } from '../../support/cluster.ts';
import { held, Stage, stage, told, WHOLE_CLUSTER } from '../../support/plan.ts';

// Manifests of other projects; they lie beside the repository where it is developed, and nowhere else.
const SETS = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'real-manifests');
const testIfThere = existsSync(SETS) ? test : test.skip;

function textOf(...patterns: string[]): string {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: SETS }).sort());
  return files.map((file) => readFileSync(join(SETS, file), 'utf8')).join('\n---\n');
}

const summary = (changes: { action: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { action } of changes) counts[action] = (counts[action] ?? 0) + 1;
  return counts;
};

testIfThere('kube-prometheus: creates, nothing to do once applied, exactly the changes made by hand', async (t) => {
  t.timeout(5 * 60_000);
  const endpoint = await startControlPlane({ workloads: false, auditLog: true, purpose: 'holds kube-prometheus' });
  t.teardown(() => endpoint.stop());
  const on = new Stage(t, endpoint, WHOLE_CLUSTER);
  const setup = textOf('kube-prometheus/setup/*.yaml');
  const set = `${setup}\n---\n${textOf('kube-prometheus/*.yaml')}`;

  const creates = await on.plan(set);
  t.deepEqual(Object.keys(summary(creates)), ['create']);
  t.true(creates.some(({ id, verified }) => id.kind === 'Prometheus' && verified === false));

  await on.apply(setup);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'], { kubeconfig: endpoint.kubeconfig });
  await on.apply(set);
  const entries = await recordRequests(endpoint, async () => t.deepEqual(told(await on.plan(set)), {}));
  const ours = entries.filter(({ userAgent }) => /kubectl-gitlab-agent/.test(userAgent));
  const dryRuns = ours.filter(({ dryRun }) => dryRun);
  t.log(`${creates.length} objects: ${ours.length} requests, dry runs of ${dryRuns.map(({ resource, name }) => `${resource}/${name}`).join(', ') || 'none'}`);
  t.is(countRequests(ours, { verb: 'patch', dryRun: true }), 0);
  t.deepEqual(await on.kubectlDiff(set), []);
});
