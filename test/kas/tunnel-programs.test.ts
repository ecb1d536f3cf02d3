import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { scene } from '../agent/scene.ts';
import { Authority } from '../core/kube/certificates.ts';
import { AgentServer } from '../support/agent-server.ts';
import { followKubectl, kubectl, waitFor } from '../support/cluster.ts';
import { writeKubeconfig } from '../support/control-plane/users.ts';
import { Kubelet } from '../support/kubelet.ts';

test('kubectl reaches a cluster through both built programs, with the token of a job', async (t) => {
  const web = http.createServer((_request, response) => response.end('hello'));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.teardown(() => web.close());
  const authority = new Authority('server');
  t.teardown(() => authority.remove());
  const here = await scene(t);
  await using kubelet = await Kubelet.start({ ports: { 80: (web.address() as AddressInfo).port } });
  await kubelet.pod(here.namespace, 'web');
  const app = await here.gitlab.createProject('group/app');
  await here.config.commit({
    '.gitlab/agents/test/config.yaml': 'ci_access: { projects: [{ id: group/app }] }\n',
  });
  const server = await AgentServer.start({
    gitlab: here.gitlab,
    gitToken: here.token,
    kubernetesApi: 'allowed_agent_cache_ttl: 1s',
    tls: authority.issue('server', ['IP:127.0.0.1']),
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  const kas = {
    address: `grpcs://127.0.0.1:${server.port}`,
    token: server.createToken('test', 'group/agents', 'group/app'),
  };
  here.start({ kas, args: [`--kas-ca-cert-file=${authority.ca.certFile}`] });
  const kubeconfig = join(kubelet.directory, 'kubeconfig');
  const url = server.kubernetesUrl.replace(/\/$/, '');
  writeKubeconfig(
    kubeconfig,
    { url, ca: authority.ca.cert, token: `ci:1:${app.createJobToken().value}` },
    'job',
  );
  const on = ['-n', here.namespace];
  // Before the server has read the configuration it lets nobody in, and counts who tries.
  await here.agent.said('Config: new commit');
  const pods = await kubectl(['get', 'pods', ...on, '-o', 'name'], { kubeconfig });
  t.is(pods.stdout, 'pod/web\n');
  const said = await kubectl(['exec', '-i', ...on, 'web', '--', 'sh', '-c', 'head -c 5; sleep 1'], {
    kubeconfig,
    input: 'hello',
  });
  t.is(said.stdout, 'hello');
  await using forward = await followKubectl(['port-forward', ...on, 'web', ':80'], { kubeconfig });
  const [, port] = await waitFor(() => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout()), {
    what: 'kubectl to listen',
  });
  t.is(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello');
  const { port: observed } = await here.agent.said('Observability endpoint is up');
  const metrics = async () => (await fetch(`http://127.0.0.1:${observed}/metrics`)).text();
  t.regex(await metrics(), /^gitlab_agent_tunnels\{state="busy"\} 1$/m);
  t.regex(await metrics(), /^gitlab_agent_tunnel_requests_total\{class="2xx"\} [1-9]/m);
  // Who leaves while a command does not read what it is sent: the cluster is told, too.
  const noise = openSync('/dev/urandom', 'r');
  t.teardown(() => closeSync(noise));
  {
    // It says something now and then: on a connection that is full nobody learns of its end but by writing to it.
    const command = 'while echo here; do sleep 0.5; done';
    const args = ['exec', '-i', ...on, 'web', '--', 'sh', '-c', command];
    await using deaf = await followKubectl(args, { kubeconfig, stdin: noise });
    let before = 0;
    await waitFor(
      () => {
        const [, read] = /^rchar: (\d+)$/m.exec(readFileSync(`/proc/${deaf.pid}/io`, 'utf8'))!;
        const stands = Number(read) === before && before > 2_000_000;
        before = Number(read);
        return stands;
      },
      { what: 'nothing more to be taken' },
    );
    t.regex(await metrics(), /^gitlab_agent_tunnels\{state="busy"\} 2$/m);
  }
  await waitFor(async () => /^gitlab_agent_tunnels\{state="busy"\} 1$/m.test(await metrics()), {
    what: 'its end',
  });
  // The port-forward is cut after a moment.
  t.is(await here.agent.end(), 0);
});
