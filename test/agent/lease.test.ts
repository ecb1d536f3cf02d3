import { tmpdir } from 'node:os';
import test from 'ava';
import { whileLeading } from '../../agent/lease.ts';
import { pause } from '../../agent/time.ts';
import { connect } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import { accessOf, apiCall, namespace, sharedCluster, waitFor } from '../support/cluster.ts';

/** One replica: says while it leads, and ends as a process does on SIGTERM, or dies. */
function replica(inNamespace: string, identity: string, seen: string[], cluster: Partial<Cluster> = {}) {
  const { kubeconfig } = sharedCluster();
  const end = new AbortController();
  const dead = new AbortController();
  const connection = loadConnection({ kubeconfig }, { env: {}, homedir: tmpdir() });
  const real = connect(connection, { version: '1.2.3', signal: dead.signal, retryWindow: 0 });
  const done = whileLeading(
    {
      cluster: { get: real.get, create: real.create, update: real.update, ...cluster },
      namespace: inNamespace,
      name: 'agent-lock',
      identity,
      signal: end.signal,
      now: () => Date.now(),
      sleep: pause,
    },
    async (leading) => {
      seen.push(`+${identity}`);
      await pause(Number.POSITIVE_INFINITY, leading);
      seen.push(`-${identity}`);
    },
  );
  done.catch(() => undefined);
  return {
    end: async () => {
      end.abort();
      await done;
      real.close();
    },
    die: () => dead.abort(new Error('killed')),
  };
}

async function lease(inNamespace: string) {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${inNamespace}/leases/agent-lock`;
  return (await apiCall(accessOf(sharedCluster()), 'GET', path)) as { spec: Record<string, unknown> };
}

test('of two replicas one leads, and the other begins as soon as it has ended', async (t) => {
  const within = await namespace(t);
  const seen: string[] = [];
  const first = replica(within, 'a', seen);
  await waitFor(() => seen.length === 1, { what: 'the first to lead' });
  const second = replica(within, 'b', seen);
  t.like((await lease(within)).spec, { holderIdentity: 'a', leaseDurationSeconds: 10 });
  await first.end();
  await waitFor(() => seen.length === 3, { what: 'the second to lead', timeout: 5_000 });
  t.deepEqual(seen, ['+a', '-a', '+b']);
  t.like((await lease(within)).spec, { holderIdentity: 'b', leaseTransitions: 1 });
  await second.end();
  t.is((await lease(within)).spec.holderIdentity, '');
});

test('a leader that can not renew stops before another one may begin', async (t) => {
  const within = await namespace(t);
  const seen: string[] = [];
  const first = replica(within, 'a', seen);
  await waitFor(() => seen.length === 1, { what: 'the first to lead' });
  const second = replica(within, 'b', seen);
  first.die();
  await waitFor(() => seen.length === 3, { what: 'the second to lead', timeout: 16_000 });
  t.deepEqual(seen, ['+a', '-a', '+b']);
  await second.end();
  await first.end();
});

test('whoever finds the Lease in other hands leads no longer', async (t) => {
  const within = await namespace(t);
  const seen: string[] = [];
  const first = replica(within, 'a', seen);
  await waitFor(() => seen.length === 1, { what: 'the first to lead' });
  const path = `/apis/coordination.k8s.io/v1/namespaces/${within}/leases/agent-lock`;
  const { spec, ...rest } = await lease(within);
  await apiCall(accessOf(sharedCluster()), 'PUT', path, {
    ...rest,
    spec: { ...spec, holderIdentity: 'thief' },
  });
  await waitFor(() => seen.length === 2, { what: 'the first to stop', timeout: 8_000 });
  t.deepEqual(seen, ['+a', '-a']);
  await first.end();
  t.is((await lease(within)).spec.holderIdentity, 'thief');
});
