import test from 'ava';
import { entryStatus } from '../support/agent.ts';
import { accessOf, apiCall, apiRequest, waitFor } from '../support/cluster.ts';
import { ground, inNamespace, repositories, settingsFor, startInstalled } from '../support/installation.ts';

test('what was synced is kept, a later install goes on from there, and then it goes', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { value: token } = there.gitlab.root.createToken({ scopes: ['read_repository'] });
  const admin = accessOf(here.endpoint);
  const status = async (path: string): Promise<number> => (await apiRequest(admin, 'GET', path)).status;
  const deployment = `/apis/apps/v1/namespaces/${here.namespace}/deployments/gitlab-agent`;
  const maps = `/api/v1/namespaces/${here.namespace}/configmaps`;
  const web = `/apis/apps/v1/namespaces/${here.shop}/deployments/web`;
  const install = async (): Promise<void> => {
    const done = await inNamespace(
      here,
      ['install', ...settingsFor(there), '--rbac=generated', '-f', '-', '--wait=false'],
      { input: Object.values(here.files).join('\n---\n'), env: { GITLAB_AGENT_GIT_TOKEN: token } },
    );
    t.is(done.code, 0, done.stdout + done.stderr);
  };
  const sync = async (): Promise<void> => {
    await using agent = await startInstalled(here, there);
    await waitFor(
      async () =>
        ((await entryStatus(here.endpoint, here.namespace, 'shop')) as { state?: string } | undefined)
          ?.state === 'Synced',
      { what: 'the shop to be synced' },
    ).catch((error) => {
      throw new Error(`${error.message}\n${agent.tail().slice(-3000)}`);
    });
    await agent.end();
  };
  await install();
  await sync();

  const unasked = await inNamespace(here, ['uninstall']);
  t.is(unasked.code, 2);
  t.regex(
    unasked.stderr,
    /^the agent of the namespace \S+ synced\n {2}gitlab-agent\.test\.shop: 11 objects\nerror: nobody is there to be asked: .*\nhint: say --keep or --prune\n$/,
  );
  t.is((await inNamespace(here, ['uninstall', '--keep'])).code, 2);
  t.is(await status(deployment), 200);

  const kept = await inNamespace(here, ['uninstall', '--keep', '--yes']);
  t.is(kept.code, 0, kept.stdout + kept.stderr);
  t.regex(kept.stdout, /^- pruned {2}deployment\.apps\/gitlab-agent/m);
  t.regex(kept.stderr, /the namespace stays: kubectl delete namespace/);
  t.is(await status(deployment), 404);
  t.is(await status(web), 200);
  t.is(await status(`${maps}/gitlab-agent.test.shop`), 200);
  for (const name of ['gitlab-agent-install', 'gitlab-agent.test'])
    t.is(await status(`${maps}/${name}`), 404);
  const secrets = await apiCall(admin, 'GET', `/api/v1/namespaces/${here.namespace}/secrets`);
  t.deepEqual(secrets.items, []);

  await install();
  await sync();
  const held = await inNamespace(here, ['uninstall', '--prune', '--yes']);
  t.is(held.code, 1, held.stdout + held.stderr);
  t.regex(held.stdout, /held back {2}namespace\/.*\n.*PruneKind[\s\S]*--prune-kinds/);
  t.is(await status(web), 404);
  const gone = await inNamespace(here, [
    'uninstall',
    '--prune',
    '--yes',
    '--prune-kinds=Namespace,CustomResourceDefinition',
  ]);
  t.is(gone.code, 0, gone.stdout + gone.stderr);
  t.is(await status(`${maps}/gitlab-agent.test.shop`), 404);
  const nothing = await inNamespace(here, ['uninstall', '--prune', '--yes']);
  t.is(nothing.code, 2);
  t.regex(nothing.stderr, /nothing in the namespace \S+ was installed by this program/);
});
