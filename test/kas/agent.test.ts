import test from 'ava';
import { configMap, scene } from '../agent/scene.ts';
import { AgentServer } from '../support/agent-server.ts';

test('an agent with nothing but a token and an address does what one with Git does', async (t) => {
  const here = await scene(t);
  const server = await AgentServer.start({
    gitlab: here.gitlab,
    gitToken: here.token,
    webhookSecret: 'hush',
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  const kas = {
    address: `grpc://127.0.0.1:${server.port}`,
    token: server.createToken('test', 'group/agents', 'group/shop'),
  };
  const first = await here.shop.commit({ 'a.yaml': configMap('a', { v: '1' }) });
  here.start({ kas });
  await here.healthy(first);
  // It reports as ever: who it is and where GitLab is, the server has said.
  await here.told(first, 'success');
  t.is((await here.get('configmaps/a')).data.v, '1');
  const { agents } = JSON.parse(await server.get('/agents'));
  t.like(agents[0], { agent_id: '1', agent_meta: { pod_name: 'agent-0', pod_namespace: here.namespace } });
  // A push arrives by itself, removes what it leaves out, and a broken configuration is told with its place.
  const second = await here.shop.commit({ 'a.yaml': null, 'b.yaml': configMap('b', { v: '2' }) });
  await here.healthy(second);
  t.false(await here.exists('configmaps/a'));
  const broken = await here.configure('  - id: group/shop\n    nam: shop\n');
  await here.agent.said('Config: broken, the last good one stays in force', { commit: broken });
  await here.told(broken, 'failed', 'gitlab-agent/test/config.yaml', here.config);
  // Several entries of one project, one of them by its own branch.
  await here.configure(
    '  - { id: group/shop, name: shop, default_namespace: NS, paths: [{ glob: b.yaml }] }\n' +
      '  - { id: group/shop, name: next, default_namespace: NS, ref: { branch: next } }\n',
  );
  const next = await here.shop.commit(
    { 'b.yaml': null, 'c.yaml': configMap('c', { v: '3' }) },
    { branch: 'next', from: 'main' },
  );
  await here.healthy(next, 'next');
  t.true(await here.exists('configmaps/b'));
  t.is(await here.agent.end(), 0);
  t.false(JSON.stringify(here.agent.lines).includes(kas.token));
});
