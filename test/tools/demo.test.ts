import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { kubectl, sharedCluster, waitFor } from '../support/cluster.ts';

const DEMO = join(import.meta.dirname, '..', '..', 'tools', 'demo.ts');

test('the demo tells its story to the end and cleans up', async (t) => {
  const { kubeconfig } = sharedCluster();
  const child = spawn(process.execPath, [DEMO, '--built', '--context', 'control-plane'], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  t.is(code, 0, `${stdout}\n${stderr}`);
  for (const line of [
    /^nothing to change, 11 unchanged$/m,
    /^ {4}taken from kubectl: spec\.replicas$/m,
    /^1 to create, 3 to change, 7 unchanged$/m,
    /^1 to create, 4 to change, 7 unchanged$/m,
    /^\? unknown {2}deployment\.apps\/cart /m,
  ])
    t.regex(stdout, line);
  t.notRegex(stdout + stderr, /ZXhhbXBsZS0|example-[12]/, 'no value of a Secret');
  const [, group] = /crd\/discounts\.(\S+)/.exec(stdout) ?? [];
  // The API server takes its time to remove the objects of a kind first.
  const isGone = async () => !(await kubectl(['get', 'crd', '-o', 'name'])).stdout.includes(group!);
  await waitFor(isGone, { what: 'the kind of the demo to be gone' });
});
