import test from 'ava';
import { step } from '../support/action.ts';
import { AgentProcess } from '../support/agent.ts';
import { accessOf, apiCall, apiRequest, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { RUNNING } from '../support/workloads.ts';
import { CONFIG, company } from './world.ts';

const IMAGE = 'registry.invalid/shop/web';

/** A Deployment and nothing else. Nobody schedules its Pods: the test is their kubelet. */
const web = (within: string, tag: string) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ${within}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      schedulerName: nobody
      containers:
        - name: app
          image: ${IMAGE}:${tag} # set by the pipeline
`;

interface Pod {
  metadata: { name: string };
  spec: { containers: { image: string }[] };
}

test('the application sets an image, the agent applies it, the job ends green; a bad one fails it within seconds', async (t) => {
  const endpoint = sharedCluster();
  const access = accessOf(endpoint);
  const within = await namespace(t);
  const { gitlab, shop, agents, token } = await company(t);
  const first = await shop.commit({ 'k8s/web.yaml': web(within, '1') });
  await agents.commit({
    [CONFIG]: `gitops:\n  manifest_projects:\n  - id: group/shop # the shop\n    name: shop\n    environment: production\n    ref:\n      commit: ${first}\n    paths: [{glob: 'k8s/**/*.yaml'}]\n`,
  });
  const app = await gitlab.createProject('group/app');
  const source = await app.commit({ 'main.c': 'int main;' });
  await using agent = new AgentProcess({
    endpoint,
    gitlab,
    configProject: agents,
    name: 'production',
    namespace: within,
    apiToken: token,
    gitToken: { token },
  });
  const pods = `/api/v1/namespaces/${within}/pods`;
  /** Gives the Pod of an image a status, as its kubelet would. */
  const kubelet = async (tag: string, status: object): Promise<void> => {
    const pod = await waitFor(
      async () =>
        ((await apiCall(access, 'GET', pods)).items as Pod[]).find(
          ({ spec }) => spec.containers[0]!.image === `${IMAGE}:${tag}`,
        ),
      { what: `a Pod of ${tag}`, timeout: 120_000 },
    );
    await apiRequest(access, 'PATCH', `${pods}/${pod.metadata.name}/status`, { status });
  };
  const pull = { reason: 'ImagePullBackOff', message: `Back-off pulling image "${IMAGE}:bad"` };
  const bad = {
    phase: 'Pending',
    containerStatuses: [
      { name: 'app', image: IMAGE, imageID: '', ready: false, restartCount: 0, state: { waiting: pull } },
    ],
  };
  const deploy = (tag: string) =>
    step(
      t,
      { gitlab, project: app, commit: source, hurry: 1 },
      {
        mode: 'deploy',
        strategy: 'config',
        manifest_project: 'group/shop',
        config_project: 'group/agents',
        agent: 'production',
        entry: 'shop',
        images: `${IMAGE}:${tag}`,
        token,
        timeout: '90s',
      },
    );
  await kubelet('1', RUNNING);
  await agent.said('Objects are healthy', { commit: first });

  const good = deploy('2');
  await kubelet('2', RUNNING);
  const done = await good;
  t.is(done.code, 0, `${done.log}\n${agent.tail()}`);
  t.is(done.outputs.status, 'success');
  t.is(done.outputs.commit, await shop.head());

  const failing = deploy('bad');
  await kubelet('bad', bad);
  const failedAt = Date.now();
  const failed = await failing;
  t.is(failed.code, 1, `${failed.log}\n${agent.tail()}`);
  t.is(failed.outputs.status, 'failed');
  t.regex(failed.log, /the agent production could not apply [0-9a-f]{12}: .*ImagePullBackOff/);
  t.true(Date.now() - failedAt < 20_000, `it took ${Date.now() - failedAt} ms`);
  t.log(`failed ${Date.now() - failedAt} ms after the kubelet said so`);

  const fix = deploy('3');
  await kubelet('3', RUNNING);
  const fixed = await fix;
  t.is(fixed.code, 0, `${fixed.log}\n${agent.tail()}`);

  // Nothing but a job token, by deployments.
  const { value } = shop.createJobToken();
  const waiting = await step(
    t,
    { gitlab, project: shop, commit: fixed.outputs.commit!, env: { CI_JOB_TOKEN: value }, hurry: 1 },
    { mode: 'wait', environment: 'production', timeout: '30s' },
  );
  t.is(waiting.code, 0, waiting.log);
});
