import type { DemoAgent } from './agent.ts';
import type { RemoteCluster } from './remote-cluster.ts';
import type { Stage } from './stage.ts';

const POD = 'hello';

/** What the demo shows with `--server`: a cluster that nobody can connect to, kept in step and within reach. */
export async function tellServer(stage: Stage, agent: DemoAgent, remote: RemoteCluster): Promise<void> {
  await connect(stage, agent, remote);
  await push(stage, agent);
  await reach(stage, remote);
}

/** Its end, after which kubectl reaches nothing any more. */
export async function tellRevocation(stage: Stage, agent: DemoAgent): Promise<void> {
  stage.heading('The token is revoked');
  await stage.run('gitlab-agent-server token revoke --registry=registry.yaml 1');
  stage.say('Within ten seconds the server ends what is under way with it, tunnels too.');
  await agent.said(stage, 'Config: repository poll failed');
  stage.say('The cluster goes on running what it runs. With another token the agent is back.');
}

async function connect(stage: Stage, agent: DemoAgent, remote: RemoteCluster): Promise<void> {
  stage.heading('An agent server, and a cluster behind a firewall');
  stage.say(
    'In GitLab there are a project with manifests, demo/shop, and one with the configuration of the agent. The ' +
      'server reads them with its own Git credential. An agent gets a token; the registry has a hash of it.',
  );
  await stage.run(
    'gitlab-agent-server token create --registry=registry.yaml --agent=demo \\\n' +
      '    --project=demo/configuration --allow=demo/shop > agent-token',
  );
  await remote.startServer();
  await stage.run('gitlab-agent-server token list --registry=registry.yaml');
  await stage.run('cat configuration/.gitlab/agents/demo/config.yaml');
  await remote.enclose();
  stage.say(`${surroundings(remote)} With its token the agent connects to the server.`);
  remote.startAgent();
  await agent.healthy(stage);
  if (remote.network) await knock(stage, agent, remote.network);
}

function surroundings({ network, refused }: RemoteCluster): string {
  if (!network) return `The cluster has no network of its own, as this machine has none for it (${refused}).`;
  if (network.firewall)
    return (
      'The cluster is in a network of its own, 10.0.0.0/24. Its router translates addresses (NAT) and drops all ' +
      `that comes from outside, by ${network.firewall}.`
    );
  return (
    'The cluster is in a network of its own, 10.0.0.0/24. There is neither nft nor iptables on this machine, so ' +
    'that its router passes on no packet in any direction: it only relays connections to the port of the server.'
  );
}

/** Does what it claims: nobody outside reaches what somebody inside does. */
async function knock(
  stage: Stage,
  agent: DemoAgent,
  network: NonNullable<RemoteCluster['network']>,
): Promise<void> {
  const port = await agent.observedPort();
  stage.say("Does anybody reach the agent's Pod? It listens for Prometheus; we try to connect.");
  const [inside, outside] = [await network.connect('inside', port), await network.connect('outside', port)];
  stage.quote([
    `from the cluster  10.0.0.2:${port}  ${inside}`,
    `from outside      10.0.0.2:${port}  ${outside}`,
  ]);
  if (inside !== 'connected' || outside === 'connected')
    throw new Error('the network of the demo does not keep out what it should');
}

async function push(stage: Stage, agent: DemoAgent): Promise<void> {
  stage.heading('A push');
  stage.say(
    "GitLab's webhook tells the server of it, and the server sends the agent what is new by the connection that it " +
      'keeps open. Nobody polls within this hour.',
  );
  stage.edit('shop/web.yaml', 'shop/web:1.4.0', 'shop/web:1.5.0');
  await stage.run("git -C shop commit -q -a -m 'Release 1.5.0'");
  const started = Date.now();
  await stage.run('git -C shop push -q');
  const seconds = ((await agent.applied()) - started) / 1000;
  stage.quote([`applied ${seconds.toFixed(2)} s after git push began`]);
  await agent.healthy(stage);
}

async function reach(stage: Stage, remote: RemoteCluster): Promise<void> {
  stage.heading("The cluster's API, from outside");
  stage.say('kubectl here knows no cluster yet. This writes a context that goes through the agent server.');
  await stage.run(
    'kubectl gitlab-agent kubeconfig --agent-id 1 --context demo --set-current \\\n' +
      `    --gitlab-url ${remote.gitlabUrl} --gitlab-token-file ada-token \\\n` +
      `    --server ${remote.kubernetesUrl} \\\n    --certificate-authority server.crt`,
  );
  stage.say(
    'That address is the only one in it, and no token: kubectl takes that of Ada from her file each time. Whether ' +
      'she may, the configuration of the agent says, and GitLab, where she is a maintainer.',
  );
  await stage.run("grep -E 'server:|token' kubeconfig");
  const kubectl = `kubectl -n ${stage.namespace}`;
  await remote.startPod(POD);
  stage.say(`Of the Pods, ${POD} has a web server behind it; the others are simulated.`);
  await stage.run(`${kubectl} get pods`);
  await stage.run(`${kubectl} exec ${POD} -- cat index.html`);
  await portForward(stage, kubectl);
  await stage.run(`${kubectl} logs ${POD}`);
}

async function portForward(stage: Stage, kubectl: string): Promise<void> {
  await using forward = await stage.follow(`${kubectl} port-forward ${POD} :8080`, /127\.0\.0\.1:\d+/);
  const url = `http://${forward.found}/`;
  stage.quote([`GET ${url}`, (await (await fetch(url)).text()).trim()]);
}
