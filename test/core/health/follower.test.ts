import test from 'ava';
import { Follower, type Place } from '../../../core/health/follower.ts';
import { connect } from '../../../core/kube/cluster.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type {
  Answer,
  ApiFailure,
  Cluster,
  ListPage,
  Resource,
  WatchEvent,
} from '../../../core/model/cluster.ts';
import { wallClock } from '../../support/apply.ts';
import { grant, namespace, serviceAccount, sharedCluster, waitFor } from '../../support/cluster.ts';
import { recordRequests } from '../../support/control-plane/audit.ts';
import { stage } from '../../support/plan.ts';

const MAPS: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: ['list', 'watch'],
};
const SECRETS: Resource = { ...MAPS, kind: 'Secret', plural: 'secrets' };

/** A follower that notes what it tells. */
function notes(cluster: Pick<Cluster, 'list' | 'watch'>, clock = wallClock) {
  const told: string[] = [];
  const abort = new AbortController();
  const follower = new Follower(
    cluster,
    {
      onObject: ({ kind, metadata }) => told.push(`${kind} ${metadata.name}`),
      onGone: ({ name }, { resource }) => told.push(`${resource.kind} ${name} gone`),
      onState: (state) =>
        told.push(state.status === 'listed' ? 'listed' : `${state.status} ${state.failure.reason}`),
      onError: (error) => told.push(`error ${String(error)}`),
    },
    { clock, random: () => 0.5, signal: abort.signal },
  );
  return { told, follower, abort };
}

function real(kubeconfig = sharedCluster().kubeconfig) {
  return connect(loadConnection({ kubeconfig }, { env: {}, homedir: '/' }), {
    version: 'follower',
    signal: new AbortController().signal,
  });
}

test('tells what is there and what becomes of it, with one LIST and one WATCH of each place', async (t) => {
  const on = await stage(t);
  await on.kubectl('create cm a');
  const place: Place = {
    resource: MAPS,
    namespace: on.namespace,
    fieldSelector: 'metadata.name!=kube-root-ca.crt',
  };
  const secrets: Place = { resource: SECRETS, namespace: on.namespace };
  const cluster = real();
  const { told, follower } = notes(cluster);
  const requests = await recordRequests(on.endpoint, async () => {
    follower.add([place]);
    await waitFor(() => follower.state(place)?.status === 'listed', { what: 'the list' });
    follower.follow([place, secrets]);
    await waitFor(() => follower.state(secrets)?.status === 'listed', { what: 'the list of secrets' });
    await on.kubectl('create cm b');
    await on.kubectl('annotate cm b x=y');
    await on.kubectl('delete cm a');
    await on.kubectl('create secret generic s');
    await waitFor(() => told.includes('Secret s') && told.includes('ConfigMap a gone'), { what: 'the news' });
    follower.follow([place]);
    await on.kubectl('delete secret s');
    await on.kubectl('create cm c');
    await waitFor(() => told.includes('ConfigMap c'), { what: 'more news' });
  });
  await follower.close();
  cluster.close();
  t.deepEqual(told, [
    'ConfigMap a',
    'listed',
    'listed',
    'ConfigMap b',
    'ConfigMap b',
    'ConfigMap a gone',
    'Secret s',
    'ConfigMap c',
  ]);
  const own = requests.filter(
    ({ userAgent, namespace: within }) => userAgent.includes('follower') && within === on.namespace,
  );
  t.deepEqual(own.map(({ verb, resource }) => `${verb} ${resource}`).sort(), [
    'list configmaps',
    'list secrets',
    'watch configmaps',
    'watch secrets',
  ]);
});

test('a place that nobody may see is refused, and asked for once', async (t) => {
  const ns = await namespace(t);
  const user = await serviceAccount(ns, 'reader');
  await grant(user, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }], { namespace: ns });
  const cluster = real(user.kubeconfig);
  const { told, follower } = notes(cluster);
  const [maps, secrets] = [MAPS, SECRETS].map((resource): Place => ({ resource, namespace: ns }));
  const requests = await recordRequests(sharedCluster(), async () => {
    follower.add([secrets!]);
    await waitFor(() => follower.state(secrets!)?.status === 'refused', { what: 'the refusal of a list' });
    follower.add([maps!]);
    await waitFor(() => follower.state(maps!)?.status === 'refused', { what: 'the refusal of a watch' });
  });
  await follower.close();
  cluster.close();
  const mine = requests.filter(({ user: who }) => who === user.name);
  t.is(mine.filter(({ resource }) => resource === 'secrets').length, 1);
  t.is(mine.filter(({ resource, verb }) => resource === 'configmaps' && verb === 'list').length, 1);
  t.true(mine.filter(({ resource, verb }) => resource === 'configmaps' && verb === 'watch').length === 1);
  t.deepEqual(
    told.filter((line) => !line.startsWith('ConfigMap')),
    ['refused Forbidden', 'listed', 'refused Forbidden'],
  );
});

const object = (name: string, resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, resourceVersion },
});
const page = (resourceVersion: string, ...names: [string, string][]): Answer<ListPage> => ({
  ok: true,
  value: { items: names.map(([name, version]) => object(name, version)), resourceVersion },
});
const failure = (status: number, reason: string): ApiFailure => ({
  status,
  reason,
  message: reason,
  causes: [],
});
const failed = (status: number, reason: string): WatchEvent => ({
  type: 'ERROR',
  failure: failure(status, reason),
});
const OPEN: WatchEvent = { type: 'OPEN' };

/** A cluster that answers as told, one after the other, and is silent then; notes what it is asked, and the pauses. */
function scripted(lists: Answer<ListPage>[], watches: (readonly WatchEvent[])[]) {
  const asked: string[] = [];
  const cluster: Pick<Cluster, 'list' | 'watch'> = {
    list: async ({ plural }, { continue: token }) => {
      asked.push(`list ${plural}${token ? ` ${token}` : ''}`);
      return lists.shift()!;
    },
    watch: async function* (_resource, { resourceVersion, signal }) {
      asked.push(`watch ${resourceVersion}`);
      const events = watches.shift();
      yield* events ?? [];
      if (!events)
        await new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
    },
  };
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      asked.push(`pause ${ms}`);
      now += ms;
      // What comes in minutes does not come in a test.
      if (ms < 100_000) return;
      await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    },
  };
  return { cluster, asked, clock };
}

const SCRIPTS: [string, Answer<ListPage>[], (readonly WatchEvent[])[], told: string[], asked: string[]][] = [
  [
    'goes on where it was, from a bookmark',
    [page('5', ['a', '4'])],
    [[OPEN, { type: 'BOOKMARK', resourceVersion: '9' }, failed(0, 'ConnectionReset')]],
    ['ConfigMap a', 'listed'],
    ['list configmaps', 'watch 5', 'pause 375', 'watch 9'],
  ],
  [
    'lists again after 410, and tells only what differs',
    [page('5', ['a', '4'], ['b', '4'], ['d', '4']), page('20', ['a', '4'], ['b', '15'], ['c', '16'])],
    [[failed(410, 'Expired')]],
    ['ConfigMap a', 'ConfigMap b', 'ConfigMap d', 'listed', 'ConfigMap b', 'ConfigMap c', 'ConfigMap d gone'],
    ['list configmaps', 'watch 5', 'list configmaps', 'watch 20'],
  ],
  [
    'pages, and starts anew where a page has expired',
    [
      { ok: true, value: { items: [object('a', '1')], resourceVersion: '5', continue: 'next' } },
      { ok: false, failure: failure(410, 'Expired') },
      page('7', ['a', '1'], ['b', '2']),
    ],
    [],
    ['ConfigMap a', 'ConfigMap b', 'listed'],
    ['list configmaps', 'list configmaps next', 'list configmaps', 'watch 7'],
  ],
  [
    'tries ever later, and says so when it is no mere cut; a moment that never works is given up',
    [page('5'), page('6')],
    [[failed(0, 'ConnectionRefused')], [failed(0, 'ConnectionRefused')], [failed(504, 'Timeout')]],
    ['listed', 'failing ConnectionRefused', 'failing Timeout', 'listed'],
    [
      'list configmaps',
      'watch 5',
      'pause 375',
      'watch 5',
      'pause 750',
      'watch 5',
      'pause 1500',
      'list configmaps',
      'watch 6',
    ],
  ],
  [
    'a server that begins to refuse is not believed at once, as it may be starting',
    [page('5')],
    [[OPEN, failed(403, 'Forbidden')], [failed(403, 'Forbidden')], [OPEN]],
    ['listed', 'failing Forbidden', 'listed'],
    ['list configmaps', 'watch 5', 'pause 375', 'watch 5', 'pause 750', 'watch 5', 'pause 1500'],
  ],
];

for (const [name, lists, watches, expectedTold, expectedAsked] of SCRIPTS) {
  test(name, async (t) => {
    const { cluster, asked, clock } = scripted(lists, watches);
    const { told, follower } = notes(cluster, clock);
    follower.add([{ resource: MAPS, namespace: 'x' }]);
    await waitFor(() => asked.length >= expectedAsked.length, { what: 'all questions' });
    await follower.close();
    t.deepEqual(asked.slice(0, expectedAsked.length), expectedAsked);
    t.deepEqual(told.slice(0, expectedTold.length), expectedTold);
  });
}

test('a kind that can not be watched is refused without a question; an end from outside is told', async (t) => {
  const { cluster, asked, clock } = scripted([], []);
  const { told, follower } = notes(cluster, clock);
  follower.add([{ resource: { ...MAPS, verbs: ['get', 'list'] } }]);
  await waitFor(() => told.length > 0, { what: 'the refusal' });
  await follower.close();
  t.is(told[0], 'refused NotWatchable');
  t.false(asked.some((line) => line.startsWith('list')));
  const closed = real();
  closed.close();
  const other = notes(closed);
  other.follower.add([{ resource: MAPS, namespace: 'default' }]);
  await waitFor(() => other.told.length > 0, { what: 'the end' });
  t.regex(other.told[0]!, /closed/);
});
