import test from 'ava';
import { accessOf, apiCall, waitFor } from '../../support/cluster.ts';
import { startControlPlane } from '../../support/control-plane/control-plane.ts';
import { held, stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

const apiService = (ca: string | undefined): string => `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  ${ca === undefined ? '' : `caBundle: ${ca}\n  `}service: {name: metrics-server, namespace: kube-system}
`;
const PLACEHOLDER = 'Cg==';

test('an aggregated API that does not answer makes only its own kinds unknown', async (t) => {
  const endpoint = await startControlPlane({ workloads: false, purpose: 'breaks an aggregated API' });
  t.teardown(() => endpoint.stop());
  const on = await stage(t, endpoint);
  const set = shop(on);
  await on.apply(set);
  const created = await held(on, apiService(PLACEHOLDER), { sent: true });
  t.deepEqual(told(created), { 'APIService/v1beta1.metrics.k8s.io': ['create'] });
  await waitFor(
    async () => {
      const { status } = await apiCall(
        accessOf(endpoint),
        'GET',
        '/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io',
      );
      return status?.conditions?.some((condition: { status: string }) => condition.status === 'False');
    },
    { what: 'the API to be found broken' },
  );
  const metrics = (version: string, name: string): string =>
    `apiVersion: metrics.k8s.io/${version}\nkind: PodMetrics\nmetadata: {name: ${name}}\n`;
  const changes = await on.plan(
    [metrics('v1beta1', 'a'), metrics('v1', 'b'), set.replace('replicas: 2', 'replicas: 3')].join('---\n'),
  );
  t.deepEqual(told(changes.slice(0, 1)), { 'PodMetrics/a': ['unknown: ApiUnavailable'] });
  t.is(
    changes[0]!.message,
    'the aggregated API metrics.k8s.io/v1beta1 does not answer; see kubectl get apiservices',
  );
  t.deepEqual(told(changes.slice(1, 2)), { 'PodMetrics/b': ['unknown: ApiUnavailable'] });
  t.deepEqual(told(changes.slice(2)), { 'Deployment/web': ['update', 'spec.replicas'] });

  const caBundle = Buffer.from(accessOf(endpoint).ca).toString('base64');
  await on.kubectl([
    ...['patch', 'apiservice', 'v1beta1.metrics.k8s.io', '--type=merge', '--field-manager=cainjector'],
    ...['-p', JSON.stringify({ spec: { caBundle } })],
  ]);
  const injected = await held(on, apiService(PLACEHOLDER), { sent: true });
  t.deepEqual(told(injected), {});
  t.deepEqual(injected[0]!.yielded, ['spec.caBundle']);
});
