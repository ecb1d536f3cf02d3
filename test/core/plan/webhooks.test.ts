import test from 'ava';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type { Change } from '../../../core/model/plan.ts';
import { planSet } from '../../../core/plan/plan.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';
import { accessOf, apiCall, apiRequest, waitFor } from '../../support/cluster.ts';
import { freePorts } from '../../support/control-plane/ports.ts';
import { readText, type Stage, stage } from '../../support/plan.ts';
import { Authority } from '../kube/certificates.ts';
import { clusterAt, quickClock } from '../kube/connections.ts';
import { json, type Listening, serve } from '../kube/servers.ts';

const CANARY = 'canary-Zr81kQ';
const authority = new Authority();
test.after.always(() => authority.remove());

interface Webhook extends AsyncDisposable {
  /** Names of the objects that it was asked about, as often as it was. */
  asked: string[];
}

/**
 * Guards the Secrets and ConfigMaps of a namespace: by their label `hook` they meet one that answers (by the
 * object's name: refuses, warns or hangs) or one that is away.
 */
async function guard(on: Stage): Promise<Webhook> {
  const asked: string[] = [];
  const pair = authority.issue('webhook', ['IP:127.0.0.1']);
  const server: Listening = await serve((_request, body, response) => {
    const { request } = JSON.parse(body);
    asked.push(request.name);
    const echo = Buffer.from(request.object.data?.key ?? '', 'base64').toString();
    const says = {
      refused: { allowed: false, status: { message: `the key "${echo}" is weak` } },
      'refused-in-causes': {
        allowed: false,
        status: {
          code: 422,
          reason: 'Invalid',
          message: `no: ${echo.slice(0, 9)}`,
          details: { causes: [{ field: 'data.key', message: echo.toUpperCase() }] },
        },
      },
      warned: { allowed: true, warnings: [`the key ${echo} is weak`] },
    }[request.name as string];
    if (request.name === 'hangs') return;
    const answer = { uid: request.uid, allowed: true, ...says };
    json(response, 200, { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer });
  }, pair);
  const [nobody] = await freePorts(1);
  const webhook = (hook: string, url: string) => ({
    name: `${hook}.example.org`,
    clientConfig: { url, caBundle: Buffer.from(authority.ca.cert).toString('base64') },
    rules: [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['secrets', 'configmaps'] },
    ],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': on.namespace } },
    objectSelector: { matchLabels: { hook } },
    sideEffects: 'None',
    failurePolicy: 'Fail',
    timeoutSeconds: 1,
    admissionReviewVersions: ['v1'],
  });
  const access = accessOf(on.endpoint);
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const webhooks = [webhook('answers', server.url), webhook('away', `https://127.0.0.1:${nobody}`)];
  await apiCall(access, 'POST', path, { metadata: { name: on.namespace }, webhooks });
  const probe = { metadata: { name: 'probe', labels: { hook: 'answers' } } };
  await waitFor(
    async () => {
      await apiRequest(access, 'POST', `/api/v1/namespaces/${on.namespace}/configmaps?dryRun=All`, probe);
      return asked.includes('probe');
    },
    { what: 'the webhook to be asked' },
  );
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      await apiRequest(access, 'DELETE', `${path}/${on.namespace}`);
      await server[Symbol.asyncDispose]();
    },
  };
}

function objectOf(kind: string, name: string, hook: string): string {
  const data = { key: kind === 'Secret' ? Buffer.from(CANARY).toString('base64') : 'value' };
  return `---\n${JSON.stringify({ apiVersion: 'v1', kind, metadata: { name, labels: { hook } }, data })}\n`;
}

/** Plans with waits of a hundredth, so that what is tried for half a minute ends soon. */
async function plan(on: Stage, yaml: string): Promise<{ changes: Change[]; warnings: readonly string[] }> {
  const connection = loadConnection({ kubeconfig: on.endpoint.kubeconfig }, { env: {}, homedir: '/' });
  const cluster = clusterAt(connection, { clock: quickClock });
  const options = { namespace: on.namespace, enforceNamespace: false, gate: new SecretGate() };
  try {
    const { changes } = await planSet(cluster, await readText(yaml), options);
    return { changes, warnings: cluster.warnings };
  } finally {
    cluster.close();
  }
}

function told(changes: readonly Change[]): (string | undefined)[][] {
  return changes.map(({ id, action, reason, message }) => [id.name, action, reason, message]);
}

test('a webhook that denies is told with its words, but those about a Secret', async (t) => {
  const on = await stage(t);
  await using webhook = await guard(on);
  const names = ['refused', 'refused-in-causes', 'fine'];
  const { changes } = await plan(on, [...names.map((name) => objectOf('Secret', name, 'answers'))].join(''));
  const denial = 'admission webhook "answers.example.org" denied the request';
  t.deepEqual(told(changes), [
    ['refused', 'unknown', 'Denied', denial],
    ['refused-in-causes', 'unknown', 'Denied', denial],
    ['fine', 'create', undefined, undefined],
  ]);
  const plain = await plan(on, objectOf('ConfigMap', 'refused', 'answers'));
  t.regex(
    plain.changes[0]!.message!,
    /^admission webhook "answers\.example\.org" denied the request: the key ".*" is weak$/,
  );
  t.is(webhook.asked.filter((name) => name === 'refused').length, 2, 'a denial is not asked for again');
});

test('a webhook that hangs or is away makes its own objects unknown, in bounded time', async (t) => {
  const on = await stage(t);
  await using _webhook = await guard(on);
  const start = Date.now();
  const { changes } = await plan(
    on,
    objectOf('Secret', 'hangs', 'answers') +
      objectOf('ConfigMap', 'lost', 'away') +
      objectOf('Secret', 'lost-too', 'away') +
      objectOf('ConfigMap', 'fine', 'answers') +
      objectOf('ConfigMap', 'unguarded', 'none'),
  );
  const took = Date.now() - start;
  t.deepEqual(
    told(changes).map(([name, action, reason]) => [name, action, reason]),
    [
      ['hangs', 'unknown', 'WebhookFailed'],
      ['lost', 'unknown', 'WebhookFailed'],
      ['lost-too', 'unknown', 'WebhookFailed'],
      ['fine', 'create', undefined],
      ['unguarded', 'create', undefined],
    ],
  );
  t.regex(
    changes[0]!.message!,
    /failed calling webhook "answers\.example\.org": .*context deadline exceeded/,
  );
  t.regex(changes[1]!.message!, /failed calling webhook "away\.example\.org": .*connection refused/);
  t.true(took < 10_000, `${took} ms`);
});

test('no word of a webhook holds the value of a Secret', async (t) => {
  const on = await stage(t);
  await using _webhook = await guard(on);
  const names = ['refused', 'refused-in-causes', 'warned', 'hangs'];
  const { changes, warnings } = await plan(
    on,
    names.map((name) => objectOf('Secret', name, 'answers')).join(''),
  );
  t.regex(
    warnings.join(),
    new RegExp(CANARY),
    'a warning is not worded by the plan: who prints it has to scrub it',
  );
  const text = JSON.stringify(changes).toLowerCase();
  t.false(text.includes(CANARY.slice(0, 9).toLowerCase()), text);
});
