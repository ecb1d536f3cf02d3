import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { configMap, type Scene, SHOP, scene } from '../agent/scene.ts';
import { Authority } from '../core/kube/certificates.ts';
import { httpProxy } from '../core/kube/servers.ts';
import { AgentServer } from '../support/agent-server.ts';
import { followKubectl, kubectl, waitFor } from '../support/cluster.ts';
import { writeKubeconfig } from '../support/control-plane/users.ts';
import { Kubelet } from '../support/kubelet.ts';
import { NamespacesRefused } from '../support/network/network-namespace.ts';
import {
  OUT_ADDRESSES,
  PrivateNetwork,
  type PrivateNetworkOptions,
} from '../support/network/private-network.ts';

const authority = new Authority('server');
test.after.always(() => authority.remove());
const KAS_HOST = 'kas.example.com';

test.serial(
  'behind NAT and a firewall that drops all inbound: a push, exec and port-forward by grpcs',
  async (t) => {
    const { here, server } = await ground(t);
    await using network = await privateNetwork(t, { out: server.port, within: [apiPort(here)] });
    if (!network) return;
    t.log(`the router: ${network.firewall ?? 'a relay, as there is neither nft nor iptables'}`);
    await reached(t, { here, server, network, address: `grpcs://${network.out}` });
    // Nobody but the router is seen outside.
    t.deepEqual([...network.callers], [network.firewall ? '192.0.2.2' : '10.0.0.2']);
  },
);

test.serial(
  'where an HTTP proxy with CONNECT is the only way out: a push, exec and port-forward by wss',
  async (t) => {
    const { here, server } = await ground(t);
    const seen: string[] = [];
    await using proxy = await httpProxy(seen, undefined, undefined, { [KAS_HOST]: server.port });
    await using network = await privateNetwork(t, {
      out: proxy.port,
      within: [apiPort(here)],
      onlyRelay: true,
    });
    if (!network) return;
    const env = { HTTPS_PROXY: `http://${network.out}`, NO_PROXY: '127.0.0.1' };
    await reached(t, { here, server, network, address: `wss://${KAS_HOST}`, env });
    t.deepEqual([...new Set(seen)], [`CONNECT ${KAS_HOST}:443`]);
  },
);

/** An agent server that does not poll, so that what arrives was pushed. */
async function ground(t: ExecutionContext): Promise<{ here: Scene; server: AgentServer }> {
  const here = await scene(t, SHOP);
  const server = await AgentServer.start({
    gitlab: here.gitlab,
    gitToken: here.token,
    webhookSecret: 'hush',
    kubernetesApi: 'allowed_agent_cache_ttl: 1s',
    agent: '  gitops: { poll_period: 1h }\n  configuration: { poll_period: 1h }',
    tls: authority.issue('server', [
      'IP:127.0.0.1',
      `DNS:${KAS_HOST}`,
      ...OUT_ADDRESSES.map((ip) => `IP:${ip}`),
    ]),
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  return { here, server };
}

const apiPort = ({ endpoint }: Scene): number => Number(new URL(endpoint.url).port);

async function privateNetwork(
  t: ExecutionContext,
  options: PrivateNetworkOptions,
): Promise<PrivateNetwork | undefined> {
  try {
    return await PrivateNetwork.start(options);
  } catch (error) {
    if (!(error instanceof NamespacesRefused)) throw error;
    t.log(`skipped: no network namespaces here: ${error.message}`);
    t.pass();
    return undefined;
  }
}

interface Reached {
  here: Scene;
  server: AgentServer;
  network: PrivateNetwork;
  address: string;
  env?: Record<string, string>;
}

async function reached(t: ExecutionContext, { here, server, network, address, env }: Reached): Promise<void> {
  const web = http.createServer((_request, response) => response.end('hello'));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.teardown(() => web.close());
  await using kubelet = await Kubelet.start({ ports: { 80: (web.address() as AddressInfo).port } });
  await kubelet.pod(here.namespace, 'web');
  const app = await here.gitlab.createProject('group/app');
  await here.configure(`${SHOP}ci_access: { projects: [{ id: group/app }] }\n`);
  const first = await here.shop.commit({ 'a.yaml': configMap('a', { v: '1' }) });
  here.shop.addWebhook(server.webhookUrl, { secret: 'hush' });
  here.start({
    kas: { address, token: server.createToken('test', 'group/agents', 'group/shop') },
    args: [`--kas-ca-cert-file=${authority.ca.certFile}`, '--observability-listen-address=0.0.0.0:0'],
    enter: network.enter,
    // GitLab can't be reached from there.
    apiToken: undefined,
    ...(env && { env }),
  });
  await here.healthy(first);

  const started = Date.now();
  const second = await here.shop.commit({ 'a.yaml': configMap('a', { v: '2' }) });
  const { time } = await here.agent.said('Objects synchronized', { commit: second });
  t.log(`${address.split(':')[0]}: applied ${Date.parse(time) - started} ms after the push`);
  t.is((await here.get('configmaps/a')).data.v, '2');

  const { port } = await here.agent.said('Observability endpoint is up');
  t.is(await network.connect('inside', port as number), 'connected');
  t.is(await network.connect('outside', port as number), 'no answer');

  const kubeconfig = join(kubelet.directory, 'kubeconfig');
  writeKubeconfig(
    kubeconfig,
    {
      url: server.kubernetesUrl.replace(/\/$/, ''),
      ca: authority.ca.cert,
      token: `ci:1:${app.createJobToken().value}`,
    },
    'job',
  );
  const on = ['-n', here.namespace];
  const said = await kubectl(['exec', '-i', ...on, 'web', '--', 'head', '-c', '5'], {
    kubeconfig,
    input: 'hello',
  });
  t.is(said.stdout, 'hello', said.stderr);
  {
    await using forward = await followKubectl(['port-forward', ...on, 'web', ':80'], { kubeconfig });
    const [, forwarded] = await waitFor(() => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout()), {
      what: 'kubectl to listen',
    });
    t.is(await (await fetch(`http://127.0.0.1:${forwarded}/`)).text(), 'hello');
  }
  t.is(await here.agent.end(), 0);
}
