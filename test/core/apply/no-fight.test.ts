import test from 'ava';
import { became, writesOf } from '../../support/apply.ts';
import { accessOf, apiCall, apiRequest, waitFor } from '../../support/cluster.ts';
import { type Stage, stage } from '../../support/plan.ts';
import { applyAsSet } from '../../support/sets.ts';
import { Authority } from '../kube/certificates.ts';
import { json, serve } from '../kube/servers.ts';

// Others that fill in, inject and scale: after a first apply, ten more have nothing to say and write nothing.

const authority = new Authority();
test.after.always(() => authority.remove());
const CERTIFICATE = Buffer.from(authority.ca.cert).toString('base64');

type Patch = { op: string; path: string; value: unknown }[];

// What the injector does to objects that carry its label, by the label's value.
const INJECTIONS: Record<string, (object: { metadata: { annotations?: object } }) => Patch> = {
  sidecar: () => [
    { op: 'add', path: '/spec/template/spec/containers/-', value: { name: 'proxy', image: 'proxy:1' } },
    { op: 'add', path: '/spec/template/metadata/annotations', value: { 'sidecar.example.org/status': 'in' } },
    { op: 'add', path: '/spec/template/spec/volumes', value: [{ name: 'certs', emptyDir: {} }] },
  ],
  // In front of our own container, as service meshes do where start-up order counts.
  first: () => [
    { op: 'add', path: '/spec/template/spec/containers/0', value: { name: 'proxy', image: 'proxy:1' } },
  ],
  resources: () => [
    {
      op: 'add',
      path: '/spec/template/spec/containers/0/resources',
      value: { requests: { cpu: '100m' }, limits: { memory: '128Mi' } },
    },
  ],
  annotated: ({ metadata: { annotations = {} } }) => [
    {
      op: 'add',
      path: '/metadata/annotations',
      value: { ...annotations, 'cert-manager.io/revision': '7', 'injected.example.org/hash': 'abc' },
    },
  ],
  // Over our own value, as a registry mirror does.
  mirror: () => [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'proxy:1' }],
  pod: () => [{ op: 'add', path: '/spec/containers/-', value: { name: 'proxy', image: 'proxy:1' } }],
};

/** A mutating webhook for the namespace, asked again after others as injectors want to be. */
async function injector(on: Stage): Promise<AsyncDisposable> {
  const pair = authority.issue('injector', ['IP:127.0.0.1']);
  let asked = 0;
  const server = await serve((_request, body, response) => {
    const { request } = JSON.parse(body);
    asked += 1;
    const isIn = JSON.stringify(request.object).match(/"proxy:1"|injected\.example\.org\/hash/);
    const inject = INJECTIONS[request.object.metadata.labels.inject as string];
    const patch = inject && !isIn ? inject(request.object) : [];
    const answer = {
      uid: request.uid,
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    };
    json(response, 200, { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer });
  }, pair);
  const access = accessOf(on.endpoint);
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  const webhook = {
    name: 'inject.example.org',
    clientConfig: { url: server.url, caBundle: CERTIFICATE },
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['*'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': on.namespace } },
    objectSelector: { matchExpressions: [{ key: 'inject', operator: 'Exists' }] },
    sideEffects: 'None',
    failurePolicy: 'Fail',
    reinvocationPolicy: 'IfNeeded',
    admissionReviewVersions: ['v1'],
  };
  await apiCall(access, 'POST', path, { metadata: { name: on.namespace }, webhooks: [webhook] });
  const probe = { metadata: { name: 'probe', labels: { inject: 'none' } } };
  await waitFor(
    async () => {
      await apiRequest(access, 'POST', `/api/v1/namespaces/${on.namespace}/configmaps?dryRun=All`, probe);
      return asked > 0;
    },
    { what: 'the injector to be asked' },
  );
  return {
    [Symbol.asyncDispose]: async () => {
      await apiRequest(access, 'DELETE', `${path}/${on.namespace}`);
      await server[Symbol.asyncDispose]();
    },
  };
}

function deployment(name: string, inject: string, replicas = '', containers = ''): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {inject: ${inject}}}
spec:
  ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: app, image: "a:1", ports: [{containerPort: 80}]}${containers}]}
---
`;
}

/** Ten runs, none of which writes anything or says that anything is not as it should be. */
async function tenAreQuiet(on: Stage, yaml: string): Promise<void> {
  const writes = await writesOf(on, async () => {
    for (let run = 0; run < 10; run += 1) {
      const record = await applyAsSet(on, yaml);
      on.t.deepEqual([...new Set(Object.values(became(record)))], ['unchanged'], `run ${run}`);
    }
  });
  on.t.deepEqual(
    writes.map(({ verb, resource, name }) => `${verb} ${resource}/${name}`),
    [],
  );
}

test.serial('an injector of sidecars, resources and annotations is not fought', async (t) => {
  const on = await stage(t);
  await using _injecting = await injector(on);
  const yaml = `${deployment('side', 'sidecar')}${deployment('first', 'first')}${deployment('sized', 'resources')}
apiVersion: v1
kind: ConfigMap
metadata: {name: noted, labels: {inject: annotated}, annotations: {own: "1"}}
data: {a: "1"}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, labels: {inject: annotated}, annotations: {cert-manager.io/issuer: le}}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, labels: {inject: pod}}
spec: {containers: [{name: app, image: "a:1"}]}
---
`;
  const first = await applyAsSet(on, yaml);
  t.deepEqual([...new Set(Object.values(became(first)))], ['applied create']);
  const injected = await on.kubectl(['get', 'deploy,pod,cm', '-o', 'yaml']);
  t.is(injected.match(/image: proxy:1/g)!.length >= 3, true, 'the injector injects');
  await tenAreQuiet(on, yaml);
  // What changes of ours is written, and what was injected is still there.
  const changed = await applyAsSet(on, yaml.replaceAll('a:1', 'a:2'));
  t.deepEqual(
    Object.values(became(changed)).filter((text) => text.includes('failed')),
    [],
  );
  await tenAreQuiet(on, yaml.replaceAll('a:1', 'a:2'));
});

test.serial('a webhook that puts its own value over ours is neither drift nor a change', async (t) => {
  const on = await stage(t);
  await using _injecting = await injector(on);
  const yaml = deployment('web', 'mirror');
  await applyAsSet(on, yaml);
  t.is(await on.kubectl('get deploy/web -o jsonpath={..image}'), 'proxy:1');
  const version = await on.kubectl('get deploy/web -o jsonpath={.metadata.generation}');
  await tenAreQuiet(on, yaml);
  t.is(await on.kubectl('get deploy/web -o jsonpath={.metadata.generation}'), version);
});

test.serial('replicas that an autoscaler owns and a caBundle that is filled in are left alone', async (t) => {
  const on = await stage(t);
  const hook = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: ${on.namespace}, annotations: {cert-manager.io/inject-ca-from: x/y}}
webhooks:
- name: none.example.org
  clientConfig: {service: {name: none, namespace: ${on.namespace}, path: /v}, caBundle: ""}
  rules: [{apiGroups: [nowhere.example.org], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]
  sideEffects: None
  failurePolicy: Ignore
  admissionReviewVersions: [v1]
---
`;
  t.teardown(async () => {
    await on.kubectl(['delete', 'validatingwebhookconfiguration', on.namespace, '--ignore-not-found']);
  });
  const scaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 9
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
`;
  const yaml = deployment('web', 'none', 'replicas: 2') + scaler + hook;
  await applyAsSet(on, yaml);
  const access = accessOf(on.endpoint);
  const scale = `/apis/apps/v1/namespaces/${on.namespace}/deployments/web/scale`;
  await apiCall(access, 'PATCH', `${scale}?fieldManager=kube-controller-manager`, { spec: { replicas: 5 } });
  await on.kubectl([
    'patch',
    `validatingwebhookconfiguration/${on.namespace}`,
    '--field-manager=cert-manager-cainjector',
    '--type=json',
    '-p',
    JSON.stringify([{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: CERTIFICATE }]),
  ]);
  await tenAreQuiet(on, yaml);
  t.is(await on.kubectl('get deploy/web -o jsonpath={.spec.replicas}'), '5');
  t.regex(await on.kubectl(`get validatingwebhookconfiguration/${on.namespace} -o yaml`), /caBundle: LS0t/);
});

test.serial('kubectl scale by a person is drift, and put back', async (t) => {
  const on = await stage(t);
  const yaml = deployment('web', 'none', 'replicas: 2');
  await applyAsSet(on, yaml);
  await on.kubectl('scale deploy/web --replicas=4');
  t.deepEqual(became(await applyAsSet(on, yaml)), { 'Deployment/web': 'applied update spec.replicas' });
  t.is(await on.kubectl('get deploy/web -o jsonpath={.spec.replicas}'), '2');
  await tenAreQuiet(on, yaml);
});
