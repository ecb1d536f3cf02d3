import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import {
  accessOf,
  apiCall,
  apiRequest,
  grant,
  kubectl,
  namespace,
  serviceAccount,
  sharedCluster,
  waitFor,
} from './cluster.ts';
import { countRequests, recordRequests } from './control-plane/audit.ts';
import { startControlPlane } from './control-plane/control-plane.ts';
import { isAlive } from './control-plane/lock.ts';

test('a namespace of its own, in which a Deployment becomes available', async (t) => {
  const ns = await namespace(t);
  await kubectl(['create', 'deployment', 'web', '--image=web:1', '-n', ns]);
  const { stdout } = await kubectl(['rollout', 'status', 'deployment/web', '-n', ns, '--timeout=60s']);
  t.regex(stdout, /successfully rolled out/);
});

test('the audit log counts requests by verb, resource and dry run', async (t) => {
  const shared = sharedCluster();
  const ns = await namespace(t);
  const admin = accessOf(shared);
  const path = `/api/v1/namespaces/${ns}/configmaps`;
  const entries = await recordRequests(shared, async () => {
    await apiCall(admin, 'POST', `${path}?dryRun=All`, { metadata: { name: 'a' } });
    await apiCall(admin, 'POST', path, { metadata: { name: 'a' } });
    await apiCall(admin, 'PATCH', `${path}/a`, { data: { key: 'value' } });
    await apiRequest(admin, 'GET', `${path}/b`);
  });
  const ours = { namespace: ns, user: 'admin', resource: 'configmaps' };
  t.is(countRequests(entries, ours), 4);
  t.is(countRequests(entries, { ...ours, verb: 'create', dryRun: true }), 1);
  t.is(countRequests(entries, { ...ours, verb: 'create', dryRun: false, code: 201 }), 1);
  t.is(countRequests(entries, { ...ours, verb: 'patch', name: 'a', userAgent: /control-plane-support/ }), 1);
  t.is(countRequests(entries, { ...ours, code: 404 }), 1);
});

test('users have no rights until they are granted', async (t) => {
  const shared = sharedCluster();
  const ns = await namespace(t);
  const user = await serviceAccount(ns, 'reader');
  const read = ['get', 'configmaps', '-n', ns];
  const refused = await kubectl(read, { kubeconfig: user.kubeconfig, allowFailure: true });
  t.is(refused.code, 1);
  t.regex(refused.stderr, /Forbidden/);
  await grant(user, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }], { namespace: ns });
  t.is((await kubectl(read, { kubeconfig: user.kubeconfig })).code, 0);
  t.is((await apiRequest(accessOf(shared, 'user-1'), 'GET', `/api/v1/namespaces/${ns}`)).status, 403);
});

test('a control plane of its own survives a killed API server and leaves nothing behind', async (t) => {
  const own = await startControlPlane({ workloads: false, apiServerFlags: ['--v=1'] });
  t.teardown(() => own.stop());
  const pids = own.pids();
  const ns = await namespace(t, own);
  await own.apiServer.kill();
  await t.throwsAsync(apiRequest(accessOf(own), 'GET', '/version'));
  await own.apiServer.restart();
  t.is((await apiRequest(accessOf(own), 'GET', `/api/v1/namespaces/${ns}`)).status, 200);
  pids.push(...own.pids());
  await own.stop();
  t.deepEqual(pids.filter(isAlive), []);
  t.false(existsSync(own.dir));
});

test('a component that dies early is named, with the end of its log', async (t) => {
  const error = await t.throwsAsync(
    startControlPlane({ workloads: false, apiServerFlags: ['--no-such-flag'] }),
  );
  t.regex(
    error.message,
    /^kube-apiserver of the control plane ended by itself \(exit code 1\); its log ends:\n/,
  );
  t.regex(error.message, /unknown flag: --no-such-flag/);
});

test('a parent killed with SIGKILL leaves no process and no directory', async (t) => {
  const program = `
    const { startControlPlane } = await import(process.argv[1]);
    const { pids, dir } = await startControlPlane({ workloads: false });
    console.log(JSON.stringify({ pids: pids(), dir }));`;
  const module = join(import.meta.dirname, 'control-plane', 'control-plane.ts');
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', program, module], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void parent.kill('SIGKILL'));
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  const { pids, dir } = JSON.parse(line) as { pids: number[]; dir: string };
  t.is(pids.filter(isAlive).length, 3);
  parent.kill('SIGKILL');
  await waitFor(() => pids.every((pid) => !isAlive(pid)) && !existsSync(dir), {
    what: 'the components to be gone',
  });
  t.pass();
});
