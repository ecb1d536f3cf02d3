import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { kubectl, sharedCluster, waitFor } from '../support/cluster.ts';

const DEMO = join(import.meta.dirname, '..', '..', 'tools', 'demo.ts');

test('the demo of the loop: a commit lands, the cluster follows', async (t) => {
  const { kubeconfig } = sharedCluster();
  const { code, output } = await demo(['--built', '--context', 'control-plane'], kubeconfig);
  t.is(code, 0, output);
  for (const line of [
    /^agent \| Objects are healthy {2}commit=[0-9a-f]{8} objects=9$/m,
    /^GitLab, commit [0-9a-f]{8}: gitlab-agent\/demo: success$/m,
    /^agent \| Drift repaired {2}objects=1$/m,
    /^GitLab, commit [0-9a-f]{8}: gitlab-agent\/demo: failed$/m,
    /cart\.yaml:11/,
  ])
    t.regex(output, line);
  t.notRegex(output, /ZXhhbXBsZS0|example-[12]/, 'no value of a Secret');
});

test('the demo of the diff tells its story to the end and cleans up', async (t) => {
  const { kubeconfig } = sharedCluster();
  const { code, output } = await demo(['--built', '--diff', '--context', 'control-plane'], kubeconfig);
  t.is(code, 0, output);
  for (const line of [
    /^nothing to change, 11 unchanged$/m,
    /^ {4}taken from kubectl: spec\.replicas$/m,
    /^1 to create, 3 to change, 7 unchanged$/m,
    /^1 to create, 4 to change, 7 unchanged$/m,
    /^\? unknown {2}deployment\.apps\/cart /m,
  ])
    t.regex(output, line);
  t.notRegex(output, /ZXhhbXBsZS0|example-[12]/, 'no value of a Secret');
  const [, group] = /crd\/discounts\.(\S+)/.exec(output) ?? [];
  // The API server takes its time to remove the objects of a kind first.
  const isGone = async () => !(await kubectl(['get', 'crd', '-o', 'name'])).stdout.includes(group!);
  await waitFor(isGone, { what: 'the kind of the demo to be gone' });
});

test('the demo of the agent server: a push arrives, kubectl gets through, nobody else does', async (t) => {
  const { kubeconfig } = sharedCluster();
  const { code, output } = await demo(['--built', '--server', '--context', 'control-plane'], kubeconfig);
  t.is(code, 0, output);
  for (const line of [
    // Where there are no network namespaces it says so.
    /^from outside +10\.0\.0\.2:\d+ {2}no answer$|^The cluster has no network of its own/m,
    /^applied \d+\.\d\d s after git push began$/m,
    /^hello +1\/1 +Running/m,
    /^GET http:\/\/127\.0\.0\.1:\d+\/\nHello from the shop\.$/m,
    /^GET \/ 200$/m,
    /refuses the token/,
  ])
    t.regex(output, line);
  t.notRegex(output, /glagent-|glpat-/, 'no token');
});

async function demo(args: string[], kubeconfig: string): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code as number, output: `${stdout}\n${stderr}` };
}
