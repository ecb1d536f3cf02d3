import test from 'ava';
import { AgentProcess, entryStatus } from '../support/agent.ts';
import { accessOf, apiCall, apiRequest, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';

const configMap = (within: string, name: string, data: Record<string, string>) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: within }, data });

test('a commit lands, the cluster follows, and GitLab is told', async (t) => {
  const endpoint = sharedCluster();
  const within = await namespace(t);
  await using gitlab = await startGitLab();
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop');
  const first = await shop.commit({ 'manifest.yaml': configMap(within, 'a', { x: '1' }) });
  await config.commit({
    '.gitlab/agents/test/config.yaml': 'gitops:\n  manifest_projects:\n  - id: group/shop\n    name: shop\n',
  });
  const { value: token } = gitlab.root.createToken({ scopes: ['api', 'read_repository'] });
  await using agent = new AgentProcess({
    endpoint,
    gitlab,
    configProject: config,
    namespace: within,
    apiToken: token,
    gitToken: { token },
  });
  await agent.said('Objects are healthy', { commit: first });
  const status = await waitFor(
    async () => {
      const found = await entryStatus(endpoint, within, 'shop');
      return (found as { healthy?: { revision?: string } } | undefined)?.healthy?.revision === first && found;
    },
    { what: 'the parent to say so' },
  ).catch((error) => {
    throw new Error(`${error.message}\n${agent.tail()}`);
  });
  t.like(status, { state: 'Synced', reason: 'Succeeded' } as never);
  const path = `/api/v1/namespaces/${within}/configmaps`;
  t.is((await apiCall(accessOf(endpoint), 'GET', `${path}/a`)).data.x, '1');

  const second = await shop.commit({ 'manifest.yaml': configMap(within, 'b', { x: '2' }) });
  await agent.said('Objects are healthy', { commit: second });
  t.is((await apiRequest(accessOf(endpoint), 'GET', `${path}/a`)).status, 404);
  t.is(await agent.end(), 0);
  t.deepEqual(agent.noise.filter(Boolean), []);
});
