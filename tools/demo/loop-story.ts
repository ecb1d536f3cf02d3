import type { DemoAgent } from './agent.ts';
import type { Stage } from './stage.ts';

/** What the demo shows: a commit lands in Git, the cluster follows, and everyone can see it. */
export async function tellLoop(stage: Stage, agent: DemoAgent, agentNamespace: string): Promise<void> {
  const set = `${agentNamespace}/gitlab-agent.demo.shop`;
  await arrive(stage, agent, set);
  await release(stage, agent, set);
  await byHand(stage, agent);
  await typo(stage, agent, set);
  await mend(stage, agent, set);
}

async function arrive(stage: Stage, agent: DemoAgent, set: string): Promise<void> {
  stage.heading('Two projects, an agent, an empty cluster');
  stage.say(
    'In GitLab there are a project with manifests, demo/shop, and one with the configuration of the agent, ' +
      'demo/configuration. Both are cloned here.',
  );
  await stage.run('ls shop');
  await stage.run('cat configuration/.gitlab/agents/demo/config.yaml');
  stage.say(
    'The agent starts in the cluster. It needs a token to read, and one to report; nothing comes in.',
  );
  agent.start();
  await agent.healthy(stage);
  await stage.run(`kubectl -n ${stage.namespace} get deployments,services -o name`);
  stage.say('What it did is in the cluster, for everyone who may read a ConfigMap, and in GitLab.');
  await stage.run(`kubectl gitlab-agent status -n ${namespaceOf(set)}`);
  await agent.statuses(stage);
}

async function release(stage: Stage, agent: DemoAgent, set: string): Promise<void> {
  stage.heading('A commit');
  stage.edit('shop/web.yaml', 'shop/web:1.4.0', 'shop/web:1.5.0');
  stage.edit('shop/settings.yaml', 'api-key: ZXhhbXBsZS0x', 'api-key: ZXhhbXBsZS0y');
  stage.say('What will it do? Of the Secret, the answer says that the key changes, and nothing else.');
  await stage.run(
    `kubectl gitlab-agent diff -R -f shop/ -o summary \\
    --applyset ${set}`,
    1,
  );
  await stage.run("git -C shop commit -q -a -m 'Release 1.5.0' && git -C shop push -q");
  await agent.healthy(stage);
  await agent.statuses(stage);
}

async function byHand(stage: Stage, agent: DemoAgent): Promise<void> {
  stage.heading('Somebody changes things by hand');
  await stage.run(`kubectl -n ${stage.namespace} scale deployment/cart --replicas=5`);
  await agent.said(stage, 'Drift repaired');
  await stage.run(`kubectl -n ${stage.namespace} get deployment/cart`);
}

async function typo(stage: Stage, agent: DemoAgent, set: string): Promise<void> {
  stage.heading('A typo');
  stage.edit('shop/cart.yaml', 'replicas: 2', 'replica: 2');
  await stage.run("git -C shop commit -q -a -m 'More carts' && git -C shop push -q");
  await agent.said(stage, 'Synchronization failed');
  stage.say(
    'The API server refuses what it does not know. What ran goes on running, and the commit says what is wrong.',
  );
  await agent.statuses(stage);
  await stage.run(`kubectl gitlab-agent status -o tree -n ${namespaceOf(set)}`);
}

async function mend(stage: Stage, agent: DemoAgent, set: string): Promise<void> {
  stage.heading('The way back');
  await stage.run('git -C shop revert --no-edit HEAD > /dev/null && git -C shop push -q');
  await agent.healthy(stage);
  await stage.run(`kubectl gitlab-agent history --applyset ${set}`);
}

function namespaceOf(set: string): string {
  return set.split('/')[0]!;
}
