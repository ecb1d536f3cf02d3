import test from 'ava';
import { AgentProcess } from '../support/agent.ts';
import { accessOf, apiCall } from '../support/cluster.ts';
import { readAudit } from '../support/control-plane/audit.ts';
import { startControlPlane } from '../support/control-plane/control-plane.ts';
import { Random } from '../support/random.ts';
import { configMap, SHOP, scene } from './scene.ts';

const ROUNDS = process.env.TEST_CHAOS ? 100 : 10;
const NAMES = Array.from({ length: 12 }, (_, index) => `m-${index}`);
const USERS = ['replica-0', 'replica-1'];
const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/** What is killed in a round; everything is there again at its end. */
const BLOWS = [
  ['leader'],
  ['standby'],
  ['leader', 'standby'],
  ['api'],
  ['gitlab'],
  ['leader', 'gitlab'],
  ['leader', 'api'],
];

test('whatever is killed while commits are pushed: the newest one comes, nothing else is touched, one writes at a time', async (t) => {
  t.timeout(ROUNDS * 90_000);
  await using plane = await startControlPlane({
    workloads: false,
    auditLog: true,
    users: USERS.map((name) => ({ name, groups: ['system:masters'] })),
    purpose: 'kills everything an agent needs',
  });
  const seed = Number(process.env.TEST_SEED ?? 1);
  const random = new Random(seed);
  // No garbage collector ends a deletion in the foreground here.
  const s = await scene(t, `${SHOP}    prune_propagation_policy: background\n`, plane);
  const admin = accessOf(plane);
  const bystander = await s.write('POST', 'configmaps', {
    metadata: { name: 'bystander' },
    data: { own: 'yes' },
  });
  const replicas: AgentProcess[] = [];
  const begin = (index: number): AgentProcess => {
    const replica = new AgentProcess({
      endpoint: plane,
      gitlab: s.gitlab,
      configProject: s.config,
      namespace: s.namespace,
      apiToken: s.token,
      gitToken: { token: s.token },
      pod: USERS[index]!,
      kubeconfig: plane.users[USERS[index]!]!.kubeconfig,
    });
    replicas.push(replica);
    return replica;
  };
  const running = [begin(0), begin(1)];
  t.teardown(async () => {
    for (const one of replicas) await one[Symbol.asyncDispose]();
  });
  let wanted: Record<string, string> = {};
  const commits: string[] = [];
  const push = async (): Promise<void> => {
    wanted = Object.fromEntries(random.some(NAMES, 0.6).map((name) => [name, String(random.int(5))]));
    wanted['m-always'] = String(random.int(1_000_000));
    const files = Object.fromEntries(
      [...NAMES, 'm-always'].map((name) => [
        `${name}.yaml`,
        wanted[name] === undefined ? null : configMap(name, { value: wanted[name] }),
      ]),
    );
    commits.push(await s.shop.commit(files));
  };
  const holder = async (): Promise<number> => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${s.namespace}/leases/gitlab-agent.test`;
    const lease = await apiCall(admin, 'GET', path).catch(() => undefined);
    return lease?.spec.holderIdentity.startsWith(USERS[1]!) ? 1 : 0;
  };
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  for (let round = 1; round <= ROUNDS; round += 1) {
    const blows = random.pick(BLOWS);
    const story = `seed ${seed}, round ${round}: ${blows.join(' and ')}`;
    s.agent = running[0]!;
    const leading = await holder();
    await push();
    for (const blow of blows) {
      await wait(random.int(1_500));
      if (random.chance(0.5)) await push();
      if (blow === 'gitlab') await s.gitlab.interrupt();
      else if (blow === 'api') await plane.apiServer.kill();
      else await running[blow === 'leader' ? leading : 1 - leading]!.end('SIGKILL');
    }
    await push();
    await wait(random.int(1_000));
    if (blows.includes('api')) await plane.apiServer.restart();
    if (blows.includes('gitlab')) await s.gitlab.resume();
    if (blows.includes('leader')) running[leading] = begin(leading);
    if (blows.includes('standby')) running[1 - leading] = begin(1 - leading);
    const newest = commits.at(-1)!;
    s.agent = running[leading]!;
    await s
      .status(({ state, healthy }) => state === 'Synced' && healthy?.revision === newest, 'shop', {
        timeout: 60_000,
      })
      .catch((error: Error) => t.fail(`${story}: ${error.message}\n${running[1 - leading]!.tail()}`));
    const { items } = await s.get('configmaps');
    const found = items.flatMap(
      ({ metadata: { name }, data }: { metadata: { name: string }; data: { value: string } }) =>
        name.startsWith('m-') ? [[name, data.value]] : [],
    );
    t.deepEqual(Object.fromEntries(found), wanted, story);
    t.is(
      (await s.get('configmaps/bystander')).metadata.resourceVersion,
      bystander.metadata.resourceVersion,
      story,
    );
    await s.until(() => s.statuses(newest).at(-1) === 'success', `${story}: GitLab to be told`, {
      timeout: 60_000,
    });
    // One that could not be fetched while GitLab was away has failed, and a newer one took its place.
    const isOver = (commit: string): boolean =>
      !['pending', 'running'].includes(s.statuses(commit).at(-1) ?? '');
    await s.until(() => commits.every(isOver), `${story}: the statuses of older commits to end`, {
      timeout: 60_000,
    });
  }
  t.deepEqual(
    replicas.flatMap(({ noise }) => noise.filter(Boolean)),
    [],
  );
  // The API server's log is in the order of its answers: whoever wrote the Lease last is the only one who writes.
  const { entries } = await readAudit(plane, 0);
  const ours = entries.filter(
    ({ user, verb, code }) => USERS.includes(user) && WRITES.has(verb) && code < 300,
  );
  let owner = '';
  for (const { user, resource, uri, namespace } of ours) {
    t.is(namespace, s.namespace, uri);
    if (resource === 'leases') owner = user;
    else t.is(user, owner, `${uri} by ${user} while ${owner} leads`);
  }
  t.true(ours.length > ROUNDS * 5);
});
