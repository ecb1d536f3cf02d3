import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { followKubectl, kubectl, namespace, waitFor } from './cluster.ts';
import { Kubelet } from './kubelet.ts';

test('exec, cp, port-forward, logs -f and attach reach the kubelet', async (t) => {
  const web = http.createServer((request, response) => response.end(`you asked for ${request.url}`));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.teardown(() => web.close());
  await using kubelet = await Kubelet.start({ ports: { 80: (web.address() as AddressInfo).port } });
  const space = await namespace(t);
  await kubelet.pod(space, 'web');
  const on = ['-n', space];

  const script = 'head -c 5; echo oops >&2; exit 3';
  const said = await kubectl(['exec', '-i', ...on, 'web', '--', 'sh', '-c', script], {
    input: 'hello',
    allowFailure: true,
  });
  t.is(said.stdout, 'hello');
  t.regex(said.stderr, /^oops\n/);
  t.is(said.code, 1);

  const file = join(kubelet.directory, 'here');
  writeFileSync(file, 'a file\n');
  await kubectl(['cp', ...on, file, `web:${join(kubelet.directory, 'there')}`]);
  t.is(readFileSync(join(kubelet.directory, 'there'), 'utf8'), 'a file\n');

  await using forward = await followKubectl(['port-forward', ...on, 'web', ':80']);
  const [, port] = await waitFor(async () => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout()), {
    what: 'kubectl to listen',
  });
  t.is(await (await fetch(`http://127.0.0.1:${port}/x`)).text(), 'you asked for /x');

  await using log = await followKubectl(['logs', '-f', ...on, 'web']);
  await using attached = await followKubectl(['attach', ...on, 'web']);
  const counted = { lines: 0 };
  await waitFor(
    async () => {
      // What is written before somebody attaches is not theirs.
      counted.lines += 1;
      kubelet.write(`line ${counted.lines}`);
      return log.stdout().includes('line 1\n') && /line \d/.test(attached.stdout());
    },
    { what: 'the lines to arrive' },
  );
  t.pass();
});
