import { tmpdir } from 'node:os';
import test from 'ava';
import { whileLeading } from '../../agent/lease.ts';
import { connect } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import { accessOf, apiCall, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { Hands } from './hands.ts';

/** One replica: says when it leads, in ms, and ends as a process does on SIGTERM, or dies. */
function replica(inNamespace: string, identity: string, seen: string[], hands: Hands) {
  const { kubeconfig } = sharedCluster();
  const end = new AbortController();
  const dead = new AbortController();
  const connection = loadConnection({ kubeconfig }, { env: {}, homedir: tmpdir() });
  const { get, create, update, close } = connect(connection, { version: '1.2.3', signal: dead.signal });
  const done = whileLeading(
    {
      cluster: {
        get: (...args) => hands.still(get(...args)),
        create: (...args) => hands.still(create(...args)),
        update: (...args) => hands.still(update(...args)),
      },
      namespace: inNamespace,
      name: 'agent-lock',
      identity,
      signal: end.signal,
      now: hands.now,
      sleep: hands.sleep,
    },
    async (leading) => {
      seen.push(`+${identity} ${hands.now()}`);
      await hands.sleep(Number.POSITIVE_INFINITY, leading);
      seen.push(`-${identity} ${hands.now()}`);
    },
  );
  done.catch(() => undefined);
  return {
    end: async () => {
      end.abort();
      await done;
      close();
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
  const hands = new Hands();
  const seen: string[] = [];
  const first = replica(within, 'a', seen, hands);
  await waitFor(() => seen.length === 1, { what: 'the first to lead' });
  await hands.turn(500);
  const second = replica(within, 'b', seen, hands);
  await hands.turn(29_700);
  t.deepEqual(seen, ['+a 0']);
  t.like((await lease(within)).spec, { holderIdentity: 'a', leaseDurationSeconds: 10 });
  await first.end();
  await hands.turn(300);
  t.deepEqual(seen, ['+a 0', '-a 30200', '+b 30500']);
  t.like((await lease(within)).spec, { holderIdentity: 'b', leaseTransitions: 1 });
  await second.end();
  t.is((await lease(within)).spec.holderIdentity, '');
});

test('a leader that can not renew stops before another one may begin', async (t) => {
  const within = await namespace(t);
  const hands = new Hands();
  const seen: string[] = [];
  const first = replica(within, 'a', seen, hands);
  await waitFor(() => seen.length === 1, { what: 'the first to lead' });
  await hands.turn(500);
  const second = replica(within, 'b', seen, hands);
  // It renews every 3 s, which the other sees half a second later.
  await hands.turn(6_200);
  first.die();
  await hands.turn(10_000);
  t.deepEqual(seen, ['+a 0', '-a 13000', '+b 16500']);
  await second.end();
  await first.end();
});

test('whoever finds the Lease in other hands leads no longer', async (t) => {
  const within = await namespace(t);
  const hands = new Hands();
  const seen: string[] = [];
  const first = replica(within, 'a', seen, hands);
  await waitFor(() => seen.length === 1, { what: 'the first to lead' });
  const path = `/apis/coordination.k8s.io/v1/namespaces/${within}/leases/agent-lock`;
  const { spec, ...rest } = await lease(within);
  await apiCall(accessOf(sharedCluster()), 'PUT', path, {
    ...rest,
    spec: { ...spec, holderIdentity: 'thief' },
  });
  // Refused at 3 s, and read at 4 s.
  await hands.turn(4_000);
  t.deepEqual(seen, ['+a 0', '-a 4000']);
  await first.end();
  t.is((await lease(within)).spec.holderIdentity, 'thief');
});
