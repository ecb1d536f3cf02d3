import { cpSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { kubectl } from '../support/cluster.ts';
import { recordRequests } from '../support/control-plane/audit.ts';
import { startControlPlane } from '../support/control-plane/control-plane.ts';
import { plugin } from '../support/plugin.ts';

// Manifests of another project; they lie beside the repository where it is developed, and nowhere else.
const SET = join(import.meta.dirname, '..', '..', '..', 'shared', 'real-manifests', 'kube-prometheus');
const testIfThere = existsSync(SET) ? test : test.skip;

testIfThere('kube-prometheus as a set: one go, then nothing, then exactly what left it', async (t) => {
  t.timeout(5 * 60_000);
  await using own = await startControlPlane({ auditLog: true, purpose: 'applies kube-prometheus as a set' });
  const cwd = mkdtempSync(join(tmpdir(), 'kube-prometheus-'));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  cpSync(SET, join(cwd, 'set'), { recursive: true });
  const run = (command: string, ...args: string[]) =>
    plugin([command, '--kubeconfig', own.kubeconfig, ...args], { cwd });
  const set = ['-R', '-f', 'set', '--applyset', 'monitoring', '--prune'];
  const names = async (selector: string): Promise<string[]> => {
    const kinds =
      'cm,secret,sa,svc,deploy,ds,netpol,pdb,role,rolebinding,clusterrole,prometheusrule,servicemonitor';
    const args = ['get', kinds, '-A', '-l', selector, '-o', 'name'];
    const { stdout } = await kubectl(args, { kubeconfig: own.kubeconfig });
    return stdout.split('\n').filter((line) => line !== '');
  };

  const first = await run('apply', ...set, '--wait', '--timeout', '60s');
  t.is(first.code, 1, first.stdout + first.stderr);
  const unwell = first.stdout.split('\n').filter((line) => line.startsWith('! '));
  const broken =
    '! progressing  apiservice.apiregistration.k8s.io/v1beta1.metrics.k8s.io   FailedDiscoveryCheck';
  t.deepEqual(unwell, [broken], 'all is healthy but the aggregated API, whose backend is a fake');
  const created = Number(/^(\d+) created$/m.exec(first.stdout)![1]);
  t.true(created > 100, first.stdout.split('\n').at(-2));

  const entries = await recordRequests(own, async () => {
    const again = await run('apply', ...set);
    t.like(again, { code: 0, stdout: `${created} unchanged\n`, stderr: '' });
    t.is((await run('diff', ...set)).code, 0);
  });
  const writes = entries.filter(
    ({ verb, dryRun, userAgent }) =>
      !dryRun && userAgent.startsWith('kubectl-gitlab-agent') && !['get', 'list', 'watch'].includes(verb),
  );
  t.deepEqual(writes, [], 'a second time writes nothing');

  // The aggregated API has no backend: what has nothing to do with it does not notice.
  const { stdout: condition } = await kubectl(
    ['get', 'apiservice/v1beta1.metrics.k8s.io', '-o', 'jsonpath={.status.conditions[0].status}'],
    { kubeconfig: own.kubeconfig },
  );
  t.is(condition, 'False', 'it is broken');
  const beside = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: beside}\n';
  const other = await plugin(
    ['apply', '--kubeconfig', own.kubeconfig, '-f', '-', '--applyset', 'other', '--prune'],
    { input: beside },
  );
  t.like(other, { code: 0, stdout: '+ created  configmap/beside -n default\n1 created\n', stderr: '' });

  const selector = 'applyset.kubernetes.io/part-of,app.kubernetes.io/part-of=kube-prometheus';
  const before = await names(selector);
  rmSync(join(cwd, 'set', 'grafana-deployment.yaml'));
  rmSync(join(cwd, 'set', 'blackboxExporter-serviceMonitor.yaml'));
  const pruned = await run('apply', ...set);
  t.is(pruned.code, 0, pruned.stdout + pruned.stderr);
  t.is(pruned.stdout.split('\n').at(-2), `2 pruned, ${created - 2} unchanged`);
  const after = await names(selector);
  const gone = ['deployment.apps/grafana', 'servicemonitor.monitoring.coreos.com/blackbox-exporter'];
  t.deepEqual(before.filter((name) => !after.includes(name)).sort(), gone);

  rmSync(join(cwd, 'set', 'prometheusAdapter-apiService.yaml'));
  const healthy = await run('apply', ...set, '--wait', '--timeout', '60s');
  t.is(healthy.code, 0, healthy.stdout + healthy.stderr);
  t.regex(healthy.stdout, /\nall are healthy, after \d+(\.\d)? s\n$/);

  for (const file of globSync('set/**/*.yaml', { cwd })) rmSync(join(cwd, file));
  const empty = await run('apply', ...set);
  t.is(empty.code, 2);
  t.regex(empty.stderr, /^error: /);
  t.deepEqual(await names(selector), after, 'an empty source deletes nothing');
});
