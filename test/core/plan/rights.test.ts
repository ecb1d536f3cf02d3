import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { Change } from '../../../core/model/plan.ts';
import { diffExitCode, summarize } from '../../../core/model/plan.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  grant,
  type Rule,
  serviceAccount,
  sharedCluster,
  waitFor,
} from '../../support/cluster.ts';
import { Stage, stage } from '../../support/plan.ts';

const ALL = ['configmaps', 'secrets', 'services'];
const READ: Rule = { apiGroups: [''], resources: ALL, verbs: ['get', 'list'] };
const READ_NAMESPACES: Rule = { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] };

/** The same place as somebody who has these rights there, and these in the whole cluster. */
async function as(on: Stage, rules: Rule[], everywhere: Rule[] = [READ_NAMESPACES]): Promise<Stage> {
  const user = await serviceAccount(on.namespace, `user-${randomBytes(3).toString('hex')}`);
  if (rules.length > 0) await grant(user, rules, { namespace: on.namespace });
  if (everywhere.length > 0) await grant(user, everywhere);
  return new Stage(on.t, { ...on.endpoint, kubeconfig: user.kubeconfig }, on.namespace);
}

// kubectl reads what begins with a brace as JSON alone.
function documentOf(object: object): string {
  return `---\n${JSON.stringify(object)}\n`;
}

function configMap(name: string, data: Record<string, string> = { key: 'value' }): string {
  return documentOf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
}

function secret(name: string): string {
  const data = { key: Buffer.from('hidden value').toString('base64') };
  return documentOf({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data });
}

/** `name` → `action reason`, with `?` for what is not verified. */
function verdicts(changes: readonly Change[]): Record<string, string> {
  return Object.fromEntries(
    changes.map(({ id, action, verified, reason }) => [
      id.name,
      [`${action}${verified === false ? '?' : ''}`, reason].filter(Boolean).join(' '),
    ]),
  );
}

function exitCode(changes: readonly Change[]): number {
  return diffExitCode(summarize(changes));
}

test('who may only read is told what reading tells, marked as not verified', async (t) => {
  const admin = await stage(t);
  await admin.apply(configMap('same') + configMap('drifted') + secret('known'));
  await admin.kubectl(['patch', 'configmap', 'drifted', '-p', '{"data":{"key":"by hand"}}']);
  const reader = await as(admin, [READ]);
  const changes = await reader.plan(
    configMap('same') + configMap('drifted') + configMap('new') + secret('known'),
  );
  t.deepEqual(verdicts(changes), {
    same: 'unchanged',
    drifted: 'update?',
    new: 'create?',
    known: 'unchanged',
  });
  t.deepEqual(changes[1]!.fields, [{ path: 'data.key', before: 'by hand', after: 'value' }]);
  t.is(changes[2]!.message, 'not checked by the server: no right to write it');
  t.is(exitCode(changes), 1);
  t.is(exitCode(await reader.plan(configMap('same') + secret('known'))), 0);
});

test('what reading alone can not tell is unknown, and nothing else is', async (t) => {
  const admin = await stage(t);
  const service = (port: object) =>
    documentOf({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { ports: [port], selector: { app: 'a' } },
    });
  await admin.apply(configMap('same') + service({ port: 80 }));
  const reader = await as(admin, [READ]);
  // A selector is owned as a whole: a key more may be a default or somebody's edit.
  await admin.kubectl(['patch', 'service', 'web', '-p', '{"spec":{"selector":{"more":"b"}}}']);
  const changes = await reader.plan(service({ port: 80 }) + configMap('same') + configMap('new'));
  t.deepEqual(verdicts(changes), { web: 'unknown Forbidden', same: 'unchanged', new: 'create?' });
  t.regex(changes[0]!.message!, /^services "web" is forbidden: User "\S+" cannot patch resource "services"/);
  t.is(exitCode(changes), 2);
});

test('rights to get without list, or to list without get, tell the same', async (t) => {
  const admin = await stage(t);
  await admin.apply(['a', 'b', 'c', 'd'].map((name) => configMap(name)).join(''));
  const few = configMap('a') + configMap('new');
  const many = ['a', 'b', 'c', 'd', 'new'].map((name) => configMap(name)).join('');
  for (const verb of ['get', 'list']) {
    const reader = await as(admin, [{ ...READ, verbs: [verb] }]);
    t.deepEqual(verdicts(await reader.plan(few)), { a: 'unchanged', new: 'create?' }, verb);
    const told = { a: 'unchanged', b: 'unchanged', c: 'unchanged', d: 'unchanged', new: 'create?' };
    t.deepEqual(verdicts(await reader.plan(many)), told, verb);
  }
});

test('Secrets that may not be read are unknown and hide nothing else', async (t) => {
  const admin = await stage(t);
  await admin.apply(configMap('same') + secret('known'));
  const blind = await as(admin, [{ ...READ, resources: ['configmaps'] }]);
  const set = configMap('same') + ['known', 'x', 'y', 'z'].map(secret).join('') + configMap('new');
  const changes = await blind.plan(set);
  const unknown = 'unknown Forbidden';
  t.deepEqual(verdicts(changes), {
    same: 'unchanged',
    known: unknown,
    x: unknown,
    y: unknown,
    z: unknown,
    new: 'create?',
  });
  t.regex(
    changes[1]!.message!,
    /^secrets "known" is forbidden: User "\S+" cannot get resource "secrets" in API/,
  );
  t.is(exitCode(changes), 2);
});

test('nothing in one namespace: its objects are unknown, those of another are told', async (t) => {
  const [here, there] = [await stage(t), await stage(t)];
  await here.apply(configMap('same'));
  const reader = await as(here, [READ]);
  const foreign = (name: string) =>
    configMap(name).replace('{"name"', `{"namespace":"${there.namespace}","name"`);
  const changes = await reader.plan(configMap('same') + foreign('a') + foreign('b') + foreign('c'));
  const unknown = 'unknown Forbidden';
  t.deepEqual(verdicts(changes), { same: 'unchanged', a: unknown, b: unknown, c: unknown });
});

test('who may write but not look at Namespaces gets the server to tell whether they are there', async (t) => {
  const admin = await stage(t);
  const writer: Rule = {
    apiGroups: [''],
    resources: ['configmaps'],
    verbs: ['get', 'list', 'patch', 'create'],
  };
  const user = await as(admin, [], [writer]);
  const nowhere = `nowhere-${randomBytes(4).toString('hex')}`;
  const lost = configMap('lost').replace('{"name"', `{"namespace":"${nowhere}","name"`);
  const changes = await user.plan(configMap('new') + lost);
  t.deepEqual(verdicts(changes), { new: 'create', lost: 'unknown NamespaceNotFound' });
  const ns = documentOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: nowhere } });
  t.deepEqual(verdicts(await user.plan(`${lost}${ns}`)), { lost: 'create?', [nowhere]: 'unknown Forbidden' });
});

test('who may patch but not create is told the creates without the server', async (t) => {
  const admin = await stage(t);
  await admin.apply(configMap('drifted', { key: 'old' }));
  const user = await as(admin, [{ ...READ, verbs: ['get', 'list', 'patch'] }]);
  const changes = await user.plan(configMap('drifted') + configMap('new'));
  t.deepEqual(verdicts(changes), { drifted: 'update', new: 'create?' });
});

test('what admission refuses is denied, whatever the rights are', async (t) => {
  const admin = await stage(t);
  const { namespace: ns, endpoint } = admin;
  const access = accessOf(endpoint);
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apiCall(access, 'PATCH', `/api/v1/namespaces/${ns}`, { metadata: { labels } });
  await fullQuota(ns);
  await policy(t, ns);
  const pod = documentOf({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod' },
    spec: { hostNetwork: true, containers: [{ name: 'a', image: 'a' }] },
  });
  const limited = documentOf({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'counted' },
    spec: { ports: [{ port: 80 }] },
  });
  const changes = await waitFor(
    async () => {
      const plan = await admin.plan(`${pod}${limited}${configMap('forbidden')}${configMap('fine')}`);
      return summarize(plan).unknown === 3 && plan;
    },
    { what: 'the policy to be in force' },
  );
  t.deepEqual(verdicts(changes), {
    pod: 'unknown Denied',
    counted: 'unknown Denied',
    forbidden: 'unknown Denied',
    fine: 'create',
  });
  const messages = changes.map(({ message }) => message);
  t.regex(
    messages[0]!,
    /^pods "pod" is forbidden: violates PodSecurity "restricted:latest": host namespaces/,
  );
  t.regex(messages[1]!, /^services "counted" is forbidden: exceeded quota: full, requested: services=1/);
  t.regex(messages[2]!, /ValidatingAdmissionPolicy '\S+' with binding '\S+' denied request: not this name$/);
});

test('rights that can not be granted are told as forbidden', async (t) => {
  const admin = await stage(t);
  const apiGroups = ['rbac.authorization.k8s.io'];
  const user = await as(admin, [
    { apiGroups, resources: ['roles'], verbs: ['get', 'list', 'create', 'patch'] },
  ]);
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'more' },
    rules: [{ ...READ }],
  };
  const changes = await user.plan(JSON.stringify(role));
  t.deepEqual(verdicts(changes), { more: 'unknown Forbidden' });
  t.regex(changes[0]!.message!, /is attempting to grant RBAC permissions not currently held/);
});

test('an object of a namespace that is being deleted is told as that', async (t) => {
  const admin = await stage(t);
  const access = accessOf(admin.endpoint);
  const name = `${admin.namespace.slice(0, 50)}-end`;
  await apiCall(access, 'POST', '/api/v1/namespaces', { metadata: { name } });
  const held = { metadata: { name: 'held', finalizers: ['example.org/held'] } };
  await apiCall(access, 'POST', `/api/v1/namespaces/${name}/configmaps`, held);
  t.teardown(async () => {
    const path = `/api/v1/namespaces/${name}/configmaps/held`;
    await apiRequest(access, 'PATCH', path, { metadata: { finalizers: null } });
  });
  await apiCall(access, 'DELETE', `/api/v1/namespaces/${name}`);
  const changes = await new Stage(t, admin.endpoint, name).plan(configMap('late'));
  t.deepEqual(verdicts(changes), { late: 'unknown NamespaceTerminating' });
});

/** A quota that has no room for a Service, in force without the controller that would count. */
async function fullQuota(ns: string): Promise<void> {
  const access = accessOf(sharedCluster());
  const path = `/api/v1/namespaces/${ns}/resourcequotas`;
  const hard = { services: '0' };
  await apiCall(access, 'POST', path, { metadata: { name: 'full' }, spec: { hard } });
  await apiCall(access, 'PATCH', `${path}/full/status`, { status: { hard, used: { services: '0' } } });
}

async function policy(t: ExecutionContext, ns: string): Promise<void> {
  const access = accessOf(sharedCluster());
  const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic';
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] };
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': ns } };
  await apiCall(access, 'POST', `${path}ies`, {
    metadata: { name: ns },
    spec: {
      matchConstraints: { resourceRules: [rule], namespaceSelector },
      validations: [{ expression: "object.metadata.name != 'forbidden'", message: 'not this name' }],
    },
  });
  const spec = { policyName: ns, validationActions: ['Deny'], matchResources: { namespaceSelector } };
  await apiCall(access, 'POST', `${path}ybindings`, { metadata: { name: ns }, spec });
  t.teardown(async () => {
    await apiRequest(access, 'DELETE', `${path}ybindings/${ns}`);
    await apiRequest(access, 'DELETE', `${path}ies/${ns}`);
  });
}
