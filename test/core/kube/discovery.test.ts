import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { realClock } from '../../../core/kube/clock.ts';
import { discoveryFile } from '../../../core/kube/discovery-cache.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type { Discovery } from '../../../core/model/cluster.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { accessOf, apiCall, type Endpoint, sharedCluster, waitFor } from '../../support/cluster.ts';
import { type ControlPlane, startControlPlane } from '../../support/control-plane/control-plane.ts';
import { clusterAt, connectionTo } from './connections.ts';
import { json, type Listening, serve, status } from './servers.ts';

const dir = mkdtempSync(join(tmpdir(), 'kube-discovery-'));
test.after.always(() => rmSync(dir, { recursive: true, force: true }));
const connectionOf = ({ kubeconfig }: Endpoint) => loadConnection({ kubeconfig }, { env: {}, homedir: dir });
const keys = ({ resources }: Discovery) =>
  resources.map((one) => `${one.group}/${one.version} ${one.kind} ${one.plural}`);

/** Discovers once; `statuses` are those of the answers. */
async function discoverOnce(
  endpoint: Endpoint,
  cacheDir: string,
): Promise<{ found: Discovery; statuses: string[] }> {
  const statuses: string[] = [];
  const log = (level: number, line: string) =>
    void (level === 6 && statuses.push(/ (\d{3}) /.exec(line)![1]!));
  const cluster = clusterAt(connectionOf(endpoint), { cacheDir, log });
  const found = await cluster.discover();
  cluster.close();
  return { found, statuses };
}

test('a real server: kinds with scope and verbs, no subresources, preferred versions first', async (t) => {
  const { found, statuses } = await discoverOnce(sharedCluster(), join(dir, 'plain'));
  t.deepEqual(statuses, ['200', '200']);
  const kind = (name: string) => found.resources.filter((one) => one.kind === name);
  t.like(kind('Deployment')[0], { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true });
  t.true(kind('Deployment')[0]!.verbs.includes('patch'));
  t.like(kind('Namespace')[0], { group: '', version: 'v1', namespaced: false });
  t.false(found.resources.some((one) => one.plural.includes('/') || one.kind === 'Scale'));
  t.deepEqual(
    kind('HorizontalPodAutoscaler').map((one) => one.version),
    ['v2', 'v1'],
  );
});

test('the cache on disk: private, revalidated by 304, ignored where it is corrupt or can not be written', async (t) => {
  const endpoint = sharedCluster();
  const cacheDir = join(dir, 'cache');
  const file = discoveryFile(cacheDir, endpoint.url);
  const first = await discoverOnce(endpoint, cacheDir);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(statSync(dirname(file)).mode & 0o777 & ~0o750, 0);
  const second = await discoverOnce(endpoint, cacheDir);
  t.deepEqual(keys(second.found), keys(first.found));

  for (const text of ['', '{', '{"format":1,"roots":{"/api":{"etag":"x"}}}', '{"format":0}', 'null']) {
    writeFileSync(file, text);
    const { found } = await discoverOnce(endpoint, cacheDir);
    t.deepEqual(keys(found), keys(first.found), text);
  }
  const blocked = join(dir, 'blocked');
  writeFileSync(blocked, '');
  t.deepEqual(keys((await discoverOnce(endpoint, blocked)).found), keys(first.found));
});

test('the old discovery tells the same of a real server', async (t) => {
  const endpoint = sharedCluster();
  const { found } = await discoverOnce(endpoint, join(dir, 'new'));
  await using old = await oldServer(endpoint);
  const cluster = clusterAt(connectionTo(old.url), { cacheDir: join(dir, 'old') });
  const plainly = await cluster.discover();
  cluster.close();
  t.deepEqual(keys(plainly).sort(), keys(found).sort());
  t.deepEqual(plainly.resources[0]!.verbs.length > 0, true);
  t.false(existsSync(discoveryFile(join(dir, 'old'), old.url)));
});

/** Passes requests on, but for the media types by which clients ask for aggregated discovery. */
function oldServer(endpoint: Endpoint): Promise<Listening> {
  const { url, ca, token } = accessOf(endpoint);
  return serve((request, _body, response) => {
    const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
    https.get(url + request.url, { ca, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
  });
}

test('a broken group of the old discovery makes only itself stale', async (t) => {
  await using server = await serve((request, _body, response) => {
    const answers: Record<string, unknown> = {
      '/api': { kind: 'APIVersions', versions: ['v1'] },
      '/api/v1': {
        kind: 'APIResourceList',
        resources: [
          { name: 'pods', kind: 'Pod', namespaced: true, verbs: ['get'] },
          { name: 'pods/log', kind: 'Pod', namespaced: true, verbs: ['get'] },
        ],
      },
      '/apis': {
        kind: 'APIGroupList',
        groups: [
          { name: 'metrics.k8s.io', versions: [{ groupVersion: 'metrics.k8s.io/v1beta1' }] },
          {
            name: 'x',
            versions: [{ groupVersion: 'x/v1' }, { groupVersion: 'x/v2' }],
            preferredVersion: { groupVersion: 'x/v2' },
          },
        ],
      },
      '/apis/x/v1': {
        kind: 'APIResourceList',
        resources: [{ name: 'as', kind: 'A', namespaced: false, verbs: [] }],
      },
      '/apis/x/v2': {
        kind: 'APIResourceList',
        resources: [{ name: 'as', kind: 'A', namespaced: false, verbs: [] }],
      },
    };
    const body = answers[request.url!];
    if (body) json(response, 200, body);
    else json(response, 503, status(503, 'ServiceUnavailable'));
  });
  const cluster = clusterAt(connectionTo(server.url));
  const found = await cluster.discover();
  cluster.close();
  t.deepEqual(keys(found), ['/v1 Pod pods', 'x/v2 A as', 'x/v1 A as']);
  t.deepEqual([...found.stale], ['metrics.k8s.io/v1beta1']);
});

test('a server that can not be asked is told in one sentence, and asked again the next time', async (t) => {
  let up = false;
  await using server = await serve((_request, _body, response) => {
    if (up) json(response, 200, { kind: 'APIGroupDiscoveryList', items: [] });
    else json(response, 401, status(401, 'Unauthorized'));
  });
  const cluster = clusterAt(connectionTo(server.url));
  const error = (await t.throwsAsync(cluster.discover(), { instanceOf: ProblemError }))!;
  t.like(error.problems[0], {
    code: 'Unauthorized',
    message: 'the API server does not accept the credentials (401 Unauthorized)',
  });
  up = true;
  t.is((await cluster.discover()).resources.length, 0);
  cluster.close();

  const nobody = clusterAt(connectionTo('https://127.0.0.1:1'));
  const refused = (await t.throwsAsync(nobody.discover(), { instanceOf: ProblemError }))!;
  t.like(refused.problems[0], {
    code: 'ConnectionRefused',
    message: 'nothing listens at https://127.0.0.1:1 (connection refused)',
  });
  t.truthy(refused.problems[0]!.hint);
});

test('what a connection knows is renewed in time, and stays where that fails', async (t) => {
  let kinds = ['A'];
  let up = true;
  let requests = 0;
  await using server = await serve((request, _body, response) => {
    requests++;
    if (!up) return json(response, 401, status(401, 'Unauthorized'));
    const resources = kinds.map((kind) => ({
      resource: `${kind.toLowerCase()}s`,
      responseKind: { kind },
      scope: 'Cluster',
      verbs: ['get'],
    }));
    const items = [{ metadata: { name: 'x' }, versions: [{ version: 'v1', resources }] }];
    const isGroups = request.url === '/apis';
    json(response, 200, {
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      items: isGroups ? items : [],
    });
  });
  let now = 0;
  const cluster = clusterAt(connectionTo(server.url), { clock: { ...realClock, now: () => now } });
  const served = async () => keys(await cluster.discover());
  const [old, both] = [['x/v1 A as'], ['x/v1 A as', 'x/v1 B bs']];
  t.deepEqual(await served(), old);
  kinds = ['A', 'B'];
  now = 59_000;
  t.deepEqual(await served(), old);
  const asked = requests;
  up = false;
  now = 61_000;
  t.deepEqual(await served(), old);
  await waitFor(() => requests > asked, { what: 'the server to be asked' });
  t.deepEqual(await served(), old);
  up = true;
  now = 122_000;
  t.deepEqual(await served(), old);
  await waitFor(async () => (await served()).length > 1, { what: 'the new kind to be known' });
  t.deepEqual(await served(), both);
  cluster.close();
});

test("the cache's folder is named as kubectl names its own", (t) => {
  t.is(
    discoveryFile('/c', 'https://host.example.com:6443/k8s/c-1'),
    '/c/gitlab-agent/host.example.com_6443/k8s/c_1/discovery.json',
  );
  t.is(discoveryFile('/c', 'https://[fd00::1]:6443'), '/c/gitlab-agent/_fd00__1__6443/discovery.json');
});

// On a control plane of its own: a broken APIService makes Namespaces hang.
test('the ETag follows CRDs and APIServices, and an aggregated API that does not answer is stale', async (t) => {
  t.timeout(180_000);
  await using own: ControlPlane = await startControlPlane({ workloads: false, purpose: 'tests discovery' });
  const admin = accessOf(own);
  const cacheDir = join(dir, 'etag');
  const once = () => discoverOnce(own, cacheDir);
  await once();
  // The server has said all it has after a moment; from then on it answers 304.
  await waitFor(async () => (await once()).statuses.every((one) => one === '304'), {
    what: 'a quiet discovery',
  });

  await apiCall(
    admin,
    'POST',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    crd('widgets', 'Widget'),
  );
  await waitFor(async () => keys((await once()).found).includes('example.com/v1 Widget widgets'), {
    what: 'the CRD',
  });
  t.deepEqual((await once()).statuses, ['304', '304']);

  const path = '/apis/apiregistration.k8s.io/v1/apiservices';
  await apiCall(admin, 'POST', path, {
    metadata: { name: 'v1beta1.metrics.example.com' },
    spec: {
      group: 'metrics.example.com',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: 'gone', namespace: 'default' },
    },
  });
  await waitFor(async () => (await once()).found.stale.has('metrics.example.com/v1beta1'), {
    what: 'the stale API',
  });
  const { found } = await once();
  t.deepEqual([...found.stale], ['metrics.example.com/v1beta1']);
  t.true(keys(found).includes('example.com/v1 Widget widgets'));

  await apiCall(admin, 'DELETE', `${path}/v1beta1.metrics.example.com`);
  await waitFor(async () => (await once()).found.stale.size === 0, { what: 'the end of the APIService' });
});

function crd(plural: string, kind: string): unknown {
  return {
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
  };
}
