import test from 'ava';
import { dig } from '../../../core/model/json.ts';
import { accessOf, apiCall, apiRequest, waitFor } from '../../support/cluster.ts';
import { crdText, held, type Stage, stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

const REPLICAS = ['spec.replicas'];
const HPA = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 9
`;
const web = (on: Stage, replicas: number | undefined): string =>
  shop(on, 'Deployment/web').replace(/^ {2}replicas: .*\n/m, replicas ? `  replicas: ${replicas}\n` : '');

/** As an autoscaler does it: an update of the scale subresource. */
async function scaleAs(on: Stage, manager: string, replicas: number): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${on.namespace}/deployments/web/scale`;
  const access = accessOf(on.endpoint);
  const write = async (): Promise<boolean> => {
    const scale = await apiCall(access, 'GET', path);
    const wanted = { ...scale, spec: { replicas } };
    return (await apiRequest(access, 'PUT', `${path}?fieldManager=${manager}`, wanted)).status === 200;
  };
  // The Deployment's controller writes its status meanwhile.
  await waitFor(write, { what: 'the scale to be written' });
}

test.serial('replicas that a live autoscaler set are left to it, whoever scales after it', async (t) => {
  const on = await stage(t);
  await on.apply(`${web(on, 2)}---${HPA}`);
  await scaleAs(on, 'kube-controller-manager', 5);
  await on.kubectl('label deploy/web --overwrite tier=x');
  const changes = await held(on, web(on, 2), { sent: true });
  t.deepEqual(told(changes), { 'Deployment/web': ['update', 'metadata.labels.tier'] });
  t.deepEqual(changes[0]!.yielded, REPLICAS);
  t.is(dig(await on.live(changes[0]!.id), 'spec', 'replicas'), 5);
  await on.kubectl('scale deploy/web --replicas=6');
  t.deepEqual(told(await on.plan(web(on, 2))), {});
});

test.serial('replicas that only we set stay as they are once an autoscaler comes with the set', async (t) => {
  const on = await stage(t);
  await on.apply(web(on, 4));
  const changes = await held(on, `${web(on, 2)}---${HPA}`, { sent: true });
  t.deepEqual(told(changes), { 'HorizontalPodAutoscaler/web': ['create'] });
  t.deepEqual(changes[0]!.yielded, REPLICAS);
});

test.serial('replicas that leave the manifest for an autoscaler do not fall to one', async (t) => {
  const on = await stage(t);
  await on.apply(web(on, 4));
  const dropped = await on.planOne(web(on, undefined));
  t.deepEqual(
    dropped.fields,
    [{ path: 'spec.replicas', before: 4, after: 1 }],
    'without an autoscaler they do',
  );
  await on.apply(HPA);
  const changes = await held(on, web(on, undefined), { sent: true });
  t.deepEqual(told(changes), {});
  t.deepEqual(changes[0]!.yielded, REPLICAS);
});

test.serial(
  'replicas that client-side apply set stay when they are taken over under an autoscaler',
  async (t) => {
    const on = await stage(t);
    await on.kubectl(['apply', '-f', '-'], `${web(on, 4)}---${HPA}`);
    const changes = await held(on, web(on, 2), { sent: true, kubectlIsBlind: true });
    t.deepEqual(told(changes), { 'Deployment/web': ['unchanged: Ownership'] });
    t.deepEqual(changes[0]!.yielded, REPLICAS);
  },
);

test.serial('replicas set through the scale subresource by any controller are left to it', async (t) => {
  const on = await stage(t);
  await on.apply(web(on, 2));
  await scaleAs(on, 'my-autoscaler', 5);
  const changes = await held(on, web(on, 2), { sent: true });
  t.deepEqual(told(changes), {});
  t.deepEqual(changes[0]!.yielded, REPLICAS);
});

test.serial('kubectl scale is drift, and so is an autoscaler of something else', async (t) => {
  const on = await stage(t);
  await on.apply(`${web(on, 2)}---${HPA.replace('kind: Deployment', 'kind: StatefulSet')}`);
  await on.kubectl('scale deploy/web --replicas=5');
  const changes = await held(on, web(on, 2));
  t.deepEqual(told(changes), { 'Deployment/web': ['update', 'spec.replicas'] });
  t.is(changes[0]!.yielded, undefined);
});

test.serial(
  'the rules of an aggregated ClusterRole are the control plane’s, though exported as []',
  async (t) => {
    const on = await stage(t);
    const yaml = `${shop(on, `ClusterRole/${on.namespace}-monitoring`)}rules: []\n`;
    await on.apply(yaml);
    const filled = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ${on.namespace}-monitoring}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`;
    const controller = '--field-manager=clusterrole-aggregation-controller';
    await on.kubectl(['apply', '--server-side', '--force-conflicts', controller, '-f', '-'], filled);
    const changes = await held(on, yaml, { sent: true });
    t.deepEqual(told(changes), {});
    t.deepEqual(changes[0]!.yielded, ['rules']);
  },
);

const PEM = Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n').toString('base64');
const bundle = (ca: string | undefined): string =>
  ca === undefined ? '' : `, caBundle: ${JSON.stringify(ca)}`;
// Nothing is of that group, so that the webhook is never called.
const webhooks = (on: Stage, ca: string | undefined, path = '/a'): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: ${on.namespace}}
webhooks:
- name: a.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {name: hook, namespace: ${on.namespace}, path: ${path}}${bundle(ca)}}
  rules: [{apiGroups: [nowhere.example.org], apiVersions: [v1], operations: [CREATE], resources: [things]}]
`;
const PATH = 'webhooks[name="a.example.org"].clientConfig.caBundle';

for (const [title, ca] of [
  ['empty', ''],
  ['a line feed', 'Cg=='],
  ['some text', Buffer.from('placeholder').toString('base64')],
] as const) {
  test.serial(`a caBundle that is ${title} in the manifest is left to the injector`, async (t) => {
    const on = await stage(t);
    const remove = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${on.namespace}`;
    t.teardown(async () => void (await apiRequest(accessOf(on.endpoint), 'DELETE', remove)));
    const yaml = webhooks(on, ca);
    const created = await held(on, yaml, { sent: true });
    t.deepEqual(told(created), { [`ValidatingWebhookConfiguration/${on.namespace}`]: ['create'] });
    t.deepEqual(created[0]!.yielded, [PATH]);
    const inject = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: PEM }];
    await on.kubectl([
      ...['patch', 'validatingwebhookconfiguration', on.namespace, '--type=json'],
      ...['--field-manager=cainjector', '-p', JSON.stringify(inject)],
    ]);
    const unchanged = await held(on, yaml, { sent: true });
    t.deepEqual(told(unchanged), {});
    t.deepEqual(unchanged[0]!.yielded, [PATH]);
    const changed = await held(on, webhooks(on, ca, '/b'), { sent: true });
    t.deepEqual(changed[0]!.fields, [
      { path: 'webhooks[name="a.example.org"].clientConfig.service.path', before: '/a', after: '/b' },
    ]);
    const other = Buffer.from(`-----BEGIN CERTIFICATE-----\n${title}`).toString('base64');
    t.deepEqual(
      (await on.planOne(webhooks(on, other, '/b'))).fields?.map(({ path }) => path),
      [PATH],
    );
  });
}

test.serial('the caBundle of a CRD’s conversion webhook is left to the injector', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  const conversion = (ca: string | undefined): string => `${crdText(group)}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {name: hook, namespace: default, path: /convert}${bundle(ca)}}
`;
  await on.install(group);
  const yaml = conversion('Cg==');
  const path = 'spec.conversion.webhook.clientConfig.caBundle';
  const first = await on.planOne(yaml);
  t.is(first.action, 'update');
  t.deepEqual(first.yielded, [path]);
  await on.apply(conversion(undefined));
  // The API server checks what stands in a CRD: its own certificate is at hand.
  const caBundle = Buffer.from(accessOf(on.endpoint).ca).toString('base64');
  const live = { spec: { conversion: { webhook: { clientConfig: { caBundle } } } } };
  await on.kubectl([
    ...['patch', 'crd', `widgets.${group}`, '--type=merge', '--field-manager=cainjector'],
    ...['-p', JSON.stringify(live)],
  ]);
  const changes = await held(on, yaml, { sent: true });
  t.deepEqual(told(changes), {});
  t.deepEqual(changes[0]!.yielded, [path]);
});
