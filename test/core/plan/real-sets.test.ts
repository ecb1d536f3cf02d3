import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { kubectl } from '../../support/cluster.ts';
import { countRequests, recordRequests } from '../../support/control-plane/audit.ts';
import { startControlPlane } from '../../support/control-plane/control-plane.ts';
import { held, Stage, stage, told, WHOLE_CLUSTER } from '../../support/plan.ts';
import { POD } from '../../support/shop.ts';

// Manifests of other projects; they lie beside the repository where it is developed, and nowhere else.
const SETS = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'real-manifests');
const testIfThere = existsSync(SETS) ? test : test.skip;

function textOf(...patterns: string[]): string {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: SETS }).sort());
  return files.map((file) => readFileSync(join(SETS, file), 'utf8')).join('\n---\n');
}

const actions = (changes: { action: string }[]): string[] => [
  ...new Set(changes.map(({ action }) => action)),
];

testIfThere(
  'kube-prometheus: creates, nothing to do once applied, exactly the changes made by hand',
  async (t) => {
    t.timeout(5 * 60_000);
    const endpoint = await startControlPlane({
      workloads: false,
      auditLog: true,
      purpose: 'holds kube-prometheus',
    });
    t.teardown(() => endpoint.stop());
    const on = new Stage(t, endpoint, WHOLE_CLUSTER);
    const setup = textOf('kube-prometheus/setup/*.yaml');
    const rest = textOf('kube-prometheus/*.yaml');
    const set = `${setup}\n---\n${rest}`;

    const creates = await on.plan(set);
    t.deepEqual(actions(creates), ['create']);
    t.true(creates.some(({ id, verified }) => id.kind === 'Prometheus' && verified === false));

    await on.apply(setup);
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'], {
      kubeconfig: endpoint.kubeconfig,
    });
    await on.apply(rest);
    // kubectl applied these as stringData; we send and own their keys as data.
    const secrets = ['alertmanager-main', 'grafana-config', 'grafana-datasources'];
    const moved = Object.fromEntries(secrets.map((name) => [`Secret/${name}`, ['unchanged: Ownership']]));
    const entries = await recordRequests(endpoint, async () => t.deepEqual(told(await on.plan(set)), moved));
    const ours = entries.filter(({ userAgent }) => /kubectl-gitlab-agent/.test(userAgent));
    const dryRuns = ours.filter(({ dryRun }) => dryRun).map(({ resource, name }) => `${resource}/${name}`);
    t.log(`${creates.length} objects: ${ours.length} requests, ${dryRuns.length} dry runs: ${dryRuns}`);
    t.is(countRequests(ours, { verb: /create|update|patch|delete/, dryRun: false }), 0, 'nothing is written');
    t.deepEqual(
      dryRuns.filter((name) => !secrets.some((secret) => name.endsWith(secret))),
      [],
    );

    const edits = [
      'set image deploy/grafana grafana=grafana:1',
      'scale deploy/prometheus-operator --replicas=3',
      'annotate svc/grafana note=x',
      'label cm/grafana-dashboards app.kubernetes.io/part-of-',
      'set env deploy/blackbox-exporter -c blackbox-exporter DEBUG=1',
      'label prometheus/k8s --overwrite app.kubernetes.io/name=other',
      'patch prometheus/k8s --type=merge -p {"spec":{"replicas":5,"scrapeInterval":"5s"}}',
      'delete networkpolicy/grafana',
    ];
    for (const edit of edits) await on.kubectl(['-n', 'monitoring', ...edit.split(' ')]);
    t.deepEqual(told(await held(on, rest, { sent: true })), {
      ...moved,
      'ConfigMap/grafana-dashboards': ['update', 'metadata.labels["app.kubernetes.io/part-of"]'],
      'Deployment/grafana': ['update', `${POD}.containers[name="grafana"].image`],
      'Deployment/prometheus-operator': ['update', 'spec.replicas'],
      'NetworkPolicy/grafana': ['create'],
      'Prometheus/k8s': ['update', 'metadata.labels["app.kubernetes.io/name"]', 'spec.replicas'],
    });
  },
);

testIfThere('online-boutique: creates, and its Istio objects unknown without their CRDs', async (t) => {
  const on = await stage(t);
  const set = textOf('online-boutique/kubernetes-manifests.yaml');
  t.deepEqual(actions(await held(on, set)), ['create']);
  await on.kubectl('set env deploy/frontend PORT=1 EXTRA=1');
  await on.kubectl('patch svc/cartservice -p {"spec":{"ports":[{"port":7070,"targetPort":1}]}}');
  const istio = await on.plan(`${set}\n---\n${textOf('online-boutique/istio-manifests.yaml')}`);
  const unserved = istio.filter(({ reason }) => reason === 'KindNotServed');
  t.deepEqual(unserved.map(({ id }) => id.kind).sort(), [
    'Gateway',
    'HTTPRoute',
    'ServiceEntry',
    'ServiceEntry',
    'VirtualService',
  ]);
  t.deepEqual(told(istio.filter((change) => !unserved.includes(change))), {
    'Deployment/frontend': ['update', `${POD}.containers[name="server"].env[name="PORT"].value`],
    'Service/cartservice': ['update', 'spec.ports[port=7070,protocol="TCP"].targetPort'],
  });
  await held(on, set);
});
