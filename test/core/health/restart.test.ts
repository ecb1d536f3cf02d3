import test from 'ava';
import { grant, serviceAccount, waitFor } from '../../support/cluster.ts';
import { startControlPlane } from '../../support/control-plane/control-plane.ts';
import { stage } from '../../support/plan.ts';
import { healthText, waitText } from '../../support/waiting.ts';
import { asKubelet, deployment, RUNNING } from '../../support/workloads.ts';

test('the API server restarts while somebody waits, and again when the rights are gone', async (t) => {
  t.timeout(4 * 60_000);
  await using own = await startControlPlane({
    auditLog: true,
    purpose: 'restarts the API server while waiting',
  });
  const on = await stage(t, own);
  const user = await serviceAccount(on.namespace, 'waiter', own);
  const may = (group: string, ...kinds: string[]) =>
    kinds.map((kind) => ({ apiGroups: [group], resources: [kind], verbs: ['list', 'watch'] }));
  await grant(user, [...may('apps', 'deployments', 'replicasets'), ...may('', 'pods', 'events')], {
    namespace: on.namespace,
    endpoint: own,
  });
  const wait = async (yaml: string, ready: () => Promise<unknown>) => {
    await on.kubectl('apply -f -', yaml);
    let seen = 0;
    const waiting = waitText(on, yaml, {
      timeout: 120_000,
      kubeconfig: user.kubeconfig,
      onHealth: (unwell) => {
        if (unwell.some(({ health }) => health.reason === 'TooFewAvailable')) seen += 1;
      },
    });
    await waitFor(() => seen > 1, { what: 'somebody to wait' });
    await ready();
    return waiting;
  };

  const first = await wait(deployment('web'), async () => {
    await own.apiServer.restart();
    await asKubelet(on, 'web', RUNNING);
  });
  t.is(first.end, 'well');
  t.is(healthText(first.objects[0]!), 'healthy Available');

  const second = await wait(deployment('other'), async () => {
    await on.kubectl('delete rolebindings --all');
    await own.apiServer.restart();
  });
  t.is(second.end, 'unknown');
  t.is(healthText(second.objects[0]!), 'unknown Forbidden');
});
