import test from 'ava';
import { applyText, became, writesOf } from '../../support/apply.ts';
import { accessOf, apiCall, grant, kubectl, serviceAccount } from '../../support/cluster.ts';
import { AS_US, type Stage, stage, told } from '../../support/plan.ts';

const CONFIG = (data: string, metadata = ''): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: web${metadata}}
data: {${data}}
`;
const SECRET = (fields: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: login}
${fields}
`;
const clientSide = (on: Stage, yaml: string): Promise<string> => on.kubectl('apply -f -', yaml);
const serverSide = (on: Stage, manager: string, yaml: string): Promise<string> =>
  on.kubectl(['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], yaml);
const dataOf = async (on: Stage, object = 'cm/web'): Promise<unknown> =>
  JSON.parse(await on.kubectl(`get ${object} -o jsonpath={.data}`)) as unknown;

/** How an object came to be, what we want then, what apply says, and what is there afterwards. */
interface Takeover {
  title: string;
  make: (on: Stage) => Promise<unknown>;
  wanted: string;
  became: string;
  data: Record<string, string>;
  /** Named with `--take-over`. */
  managers?: string[];
}

const TAKEOVERS: Takeover[] = [
  {
    title: 'fields that leave with client-side apply really go, those of others stay',
    make: async (on) => {
      await clientSide(on, CONFIG('a: "1", b: "2", c: "3"', ', labels: {app: web, old: x}'));
      await on.kubectl(['patch', 'cm/web', '-p', '{"data":{"own":"o"}}']);
    },
    wanted: CONFIG('a: "1"', ', labels: {app: web}'),
    became: 'applied update data.b data.c metadata.labels.old',
    data: { a: '1', own: 'o' },
  },
  {
    title: 'the same values from client-side apply are taken over by one write',
    make: (on) => clientSide(on, CONFIG('a: "1"')),
    wanted: CONFIG('a: "1"'),
    became: 'applied unchanged Ownership',
    data: { a: '1' },
  },
  {
    title: 'client-side apply over an object of ours adds fields that go again',
    make: async (on) => {
      await on.apply(CONFIG('a: "1"'));
      await clientSide(on, CONFIG('a: "1", b: "2"'));
    },
    wanted: CONFIG('a: "1"'),
    became: 'applied update data.b',
    data: { a: '1' },
  },
  {
    title: 'what another manager applied stays, and is owned by both where it is the same',
    make: (on) => serverSide(on, 'flux', CONFIG('a: "1", b: "2"')),
    wanted: CONFIG('a: "1"'),
    became: 'applied unchanged Ownership',
    data: { a: '1', b: '2' },
  },
  {
    title: 'what a named manager applied goes where it is not wanted, what another one did stays',
    make: async (on) => {
      await serverSide(on, 'kustomize-controller', CONFIG('a: "1", b: "2"', ', labels: {flux: x}'));
      await serverSide(on, 'other', CONFIG('c: "3"'));
    },
    wanted: CONFIG('a: "1"'),
    managers: ['kustomize-controller'],
    became: 'applied update data.b metadata.labels.flux',
    data: { a: '1', c: '3' },
  },
  {
    title: 'what a named manager wrote by updates goes, too',
    make: async (on) => {
      await on.kubectl(['create', '--field-manager=helm', '-f', '-'], CONFIG('a: "1", b: "2"'));
      await on.kubectl(['patch', 'cm/web', '-p', '{"data":{"own":"o"}}']);
    },
    wanted: CONFIG('a: "2"'),
    managers: ['argocd-controller', 'helm'],
    became: 'applied update data.a data.b',
    data: { a: '2', own: 'o' },
  },
  {
    title: 'several named managers, and client-side apply, at once',
    make: async (on) => {
      await serverSide(on, 'agentk', CONFIG('a: "1", c: "3"'));
      await clientSide(on, CONFIG('a: "1", b: "2"'));
      await on.kubectl(['patch', '--field-manager=helm', 'cm/web', '-p', '{"data":{"d":"4"}}']);
    },
    wanted: CONFIG('a: "1"'),
    managers: ['agentk', 'helm'],
    became: 'applied update data.b data.c data.d',
    data: { a: '1' },
  },
];

for (const { title, make, wanted, became: expected, data, managers = [] } of TAKEOVERS) {
  test.serial(title, async (t) => {
    const on = await stage(t);
    await make(on);
    const takeOver = new Set(managers);
    const [planned] = await on.plan(wanted, { takeOver });
    t.deepEqual(became(await applyText(on, wanted, { takeOver })), { 'ConfigMap/web': expected });
    const { action, reason, fields = [], conflicts } = planned!;
    const paths = fields.map(({ path }) => path);
    t.is(['applied', action, ...(reason ? [reason] : []), ...paths].join(' '), expected, 'the plan says so');
    t.is(conflicts, undefined);
    t.deepEqual(await dataOf(on), data);
    t.deepEqual(told(await on.plan(wanted, { takeOver })), {});
    t.deepEqual(told(await on.plan(wanted)), {});
    const writes = await writesOf(on, () => applyText(on, wanted, { takeOver }));
    t.deepEqual(writes, [], 'a second time writes nothing');
  });
}

test.serial('fields of a named manager are no conflict', async (t) => {
  const on = await stage(t);
  await serverSide(on, 'helm', CONFIG('a: "1", b: "2"'));
  const wanted = CONFIG('a: "2"');
  t.deepEqual(became(await applyText(on, wanted, { conflicts: 'fail' })), {
    'ConfigMap/web': 'failed Conflict',
  });
  const takeOver = new Set(['helm']);
  t.deepEqual(became(await applyText(on, wanted, { conflicts: 'fail', takeOver })), {
    'ConfigMap/web': 'applied update data.a data.b',
  });
});

test.serial('who may only read is told what a take-over would remove', async (t) => {
  const on = await stage(t);
  await serverSide(on, 'helm', CONFIG('a: "1", b: "2"'));
  const reader = await serviceAccount(on.namespace, 'reader');
  await grant(reader, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }], {
    namespace: on.namespace,
  });
  const [planned] = await on.plan(CONFIG('a: "1"'), { takeOver: new Set(['helm']) }, reader.kubeconfig);
  t.like(planned, { action: 'update', verified: false, fields: [{ path: 'data.b', before: '2' }] });
});

test.serial('a take-over ends where kubectl apply --server-side ends', async (t) => {
  const [ours, theirs] = [await stage(t), await stage(t)];
  const managers = async (on: Stage): Promise<unknown> => {
    const object = JSON.parse(await on.kubectl('get cm/web -o json --show-managed-fields')) as {
      metadata: {
        managedFields: { manager: string; operation: string; fieldsV1: unknown }[];
        labels: unknown;
      };
      data: unknown;
    };
    const { managedFields, labels } = object.metadata;
    return {
      data: object.data,
      labels,
      managed: managedFields.map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fieldsV1 })),
    };
  };
  for (const on of [ours, theirs]) {
    await clientSide(on, CONFIG('a: "1", b: "2"', ', labels: {old: x}'));
    await on.kubectl('annotate cm/web note=x');
  }
  await applyText(ours, CONFIG('a: "2"'));
  // Twice, because the first one only takes the fields over.
  for (const _time of [1, 2]) await theirs.kubectl(['apply', ...AS_US, '-f', '-'], CONFIG('a: "2"'));
  const kept = JSON.parse(
    JSON.stringify(await managers(theirs)).replace(
      /"f:kubectl.kubernetes.io\/last-applied-configuration":\{\},?/g,
      '',
    ),
  );
  t.deepEqual(((await managers(ours)) as { data: unknown }).data, kept.data);
  t.deepEqual(((await managers(ours)) as { labels: unknown }).labels, kept.labels);
});

test.serial('keys that leave an applied stringData really go', async (t) => {
  const on = await stage(t);
  await on.apply(SECRET('stringData: {user: admin, password: "12345"}'));
  t.deepEqual(became(await applyText(on, SECRET('stringData: {user: admin}'))), {
    'Secret/login': 'applied update data.password',
  });
  t.deepEqual(await dataOf(on, 'secret/login'), { user: 'YWRtaW4=' });
  t.deepEqual(told(await on.plan(SECRET('stringData: {user: admin}'))), {});
});

test.serial('an object that changes while it is taken over is read again', async (t) => {
  const on = await stage(t);
  await clientSide(on, CONFIG('a: "1", b: "2"'));
  const { front } = await import('../../support/front.ts');
  let disturbed = false;
  await using between = await front(on.endpoint, ({ method, body }) => {
    if (method === 'PATCH' && body.includes('managedFields') && !disturbed) {
      disturbed = true;
      return {
        status: 409,
        body: {
          kind: 'Status',
          apiVersion: 'v1',
          status: 'Failure',
          code: 409,
          reason: 'Conflict',
          message: 'changed',
        },
      };
    }
    return undefined;
  });
  t.deepEqual(became(await applyText(on, CONFIG('a: "1"'), { server: between.url })), {
    'ConfigMap/web': 'applied update data.b',
  });
  t.true(disturbed);
  t.deepEqual(await dataOf(on), { a: '1' });
});

test.serial('entries of a version that a CRD no longer has are rewritten, then it applies', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  const schema = '{size: {type: integer}, color: {type: string}}';
  await on.install(group, { versions: { v1: schema, v2: schema } });
  const widget = (version: string, spec: string): string => `
apiVersion: ${group}/${version}
kind: Widget
metadata: {name: w}
spec: {${spec}}
`;
  await on.apply(widget('v1', 'size: 1, color: red'));
  await on.kubectl([
    'patch',
    `widgets.v1.${group}/w`,
    '--type=merge',
    '-p',
    '{"metadata":{"labels":{"who":"me"}}}',
  ]);
  const crd = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`;
  await apiCall(accessOf(on.endpoint), 'PATCH', `${crd}/status`, { status: { storedVersions: ['v2'] } });
  await on.install(group, { versions: { v2: schema } });
  t.deepEqual(became(await applyText(on, widget('v2', 'size: 2'))), {
    'Widget/w': 'applied update spec.color spec.size',
  });
  const { stdout } = await kubectl(
    ['-n', on.namespace, 'get', `widgets.${group}/w`, '-o', 'jsonpath={.spec} {.metadata.labels}'],
    {
      kubeconfig: on.endpoint.kubeconfig,
    },
  );
  t.is(stdout, '{"size":2} {"who":"me"}');
  t.deepEqual(told(await on.plan(widget('v2', 'size: 2'))), {});
});
