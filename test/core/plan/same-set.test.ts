import test from 'ava';
import { accessOf, apiRequest, grant, kubectl, serviceAccount } from '../../support/cluster.ts';
import { AS_US, crdText, type Stage, stage, told } from '../../support/plan.ts';
import { trueAfter } from '../../support/truth.ts';

const SCHEMA = `{size: {type: integer, minimum: 1, maximum: 9}, mode: {type: string, enum: [fast, slow], default: fast},
            code: {type: string, pattern: '^[a-z]+$', minLength: 2, maxLength: 4},
            quantity: {x-kubernetes-int-or-string: true}, 'on': {type: boolean}, ratio: {type: number},
            free: {type: object, x-kubernetes-preserve-unknown-fields: true},
            labels: {type: object, additionalProperties: {type: string}},
            tags: {type: array, maxItems: 2, items: {type: string}},
            parts: {type: array, items: {type: object, required: [name], properties: {name: {type: string}, zone: {type: string, nullable: true}}}},
            choice: {type: object, oneOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string}, b: {type: string}}}}`;
const groupOf = (on: Stage): string => `${on.namespace}.example.org`;
const widget = (on: Stage, spec: string, name = 'w', version = 'v1'): string => `
apiVersion: ${groupOf(on)}/${version}
kind: Widget
metadata: {name: ${name}}
spec: {${spec}}
`;
const config = (metadata: string, data = 'a: "1"'): string => `
apiVersion: v1
kind: ConfigMap
metadata: {${metadata}}
data: {${data}}
`;

test.serial(
  'a CRD, its custom resources, a Namespace and what is in it are creates in one set',
  async (t) => {
    const on = await stage(t);
    const own = `${on.namespace}-own`;
    t.teardown(
      async () => void (await apiRequest(accessOf(on.endpoint), 'DELETE', `/api/v1/namespaces/${own}`)),
    );
    const namespace = `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${own}, labels: {app: x}}\n`;
    const set = [
      widget(on, 'size: 3, parts: [{name: a}], free: {any: {thing: 1}}'),
      widget(on, 'size: 4', 'other').replace('{name: other}', `{name: other, namespace: ${own}}`),
      config(`name: a, namespace: ${own}`),
      namespace,
      crdText(groupOf(on), { versions: { v1: SCHEMA } }),
      config('name: a'),
    ].join('---\n');
    // kubectl takes no set of two namespaces where one is given by -n.
    const placed = set.replaceAll(
      /metadata: {name: (\w+)}/g,
      `metadata: {name: $1, namespace: ${on.namespace}}`,
    );
    const changes = await on.plan(set);
    t.deepEqual(
      changes.map(({ id, action, verified, message }) => [
        id.kind,
        id.namespace ?? '',
        action,
        verified,
        message,
      ]),
      [
        [
          'Widget',
          on.namespace,
          'create',
          false,
          'checked against the schema of its CRD in this set, but not its CEL rules',
        ],
        [
          'Widget',
          own,
          'create',
          false,
          'checked against the schema of its CRD in this set, but not its CEL rules',
        ],
        ['ConfigMap', own, 'create', false, 'not checked by the server: its namespace comes with this set'],
        ['Namespace', '', 'create', undefined, undefined],
        ['CustomResourceDefinition', '', 'create', undefined, undefined],
        ['ConfigMap', on.namespace, 'create', undefined, undefined],
      ],
    );
    await on.install(groupOf(on), { versions: { v1: SCHEMA } });
    await on.apply(namespace);
    await kubectl(['apply', ...AS_US, '-f', '-'], { kubeconfig: on.endpoint.kubeconfig, input: placed });
    for (const change of changes) trueAfter(on, change, undefined, await on.live(change.id));
    t.deepEqual(told(await on.plan(set)), {});
  },
);

test.serial(
  'before its CRD is there, a custom resource is judged as the server judges it afterwards',
  async (t) => {
    const on = await stage(t);
    const specs: [string, 'valid' | 'invalid'][] = [
      ['size: 1', 'valid'],
      ['size: 0', 'invalid'],
      ['size: 10', 'invalid'],
      ['size: 1.5', 'invalid'],
      ['size: "1"', 'invalid'],
      ['unknown: 1', 'invalid'],
      ['mode: slow', 'valid'],
      ['mode: medium', 'invalid'],
      ['mode: null', 'valid'],
      ['size: null', 'invalid'],
      ['code: abc', 'valid'],
      ['code: a', 'invalid'],
      ['code: abcde', 'invalid'],
      ['code: AB', 'invalid'],
      ['quantity: 1', 'valid'],
      ['quantity: 10%', 'valid'],
      ['quantity: 1.5', 'invalid'],
      ['ratio: 1', 'valid'],
      ['ratio: 1.5', 'valid'],
      ['ratio: high', 'invalid'],
      ['"on": true', 'valid'],
      ['"on": "true"', 'invalid'],
      ['free: {a: [1, {b: null}]}', 'valid'],
      ['free: text', 'invalid'],
      ['labels: {a: b}', 'valid'],
      ['labels: {a: 1}', 'invalid'],
      ['tags: [a, b]', 'valid'],
      ['tags: [a, b, c]', 'invalid'],
      ['tags: {a: b}', 'invalid'],
      ['parts: [{name: a, zone: null}]', 'valid'],
      ['parts: [{zone: x}]', 'invalid'],
      ['parts: [{name: a, more: x}]', 'invalid'],
      ['choice: {a: x}', 'valid'],
      ['choice: {a: x, b: x}', 'invalid'],
      ['choice: {}', 'invalid'],
    ];
    const widgets = specs.map(([spec], index) => widget(on, spec, `w${index}`)).join('---');
    const verdicts = (changes: Awaited<ReturnType<Stage['plan']>>): string[] =>
      changes.map(({ action, reason }, index) => {
        const verdict =
          action === 'create' ? 'valid' : reason === 'Invalid' ? 'invalid' : `${action}: ${reason}`;
        return `${specs[index]![0]}: ${verdict}`;
      });
    const wanted = specs.map(([spec, verdict]) => `${spec}: ${verdict}`);
    const crd = crdText(groupOf(on), { versions: { v1: SCHEMA } });
    const before = await on.plan(`${crd}---${widgets}`);
    t.deepEqual(verdicts(before.slice(1)), wanted);
    t.is(before[2]!.message, 'spec.size: must be at least 1');
    await on.install(groupOf(on), { versions: { v1: SCHEMA } });
    t.deepEqual(verdicts(await on.plan(widgets)), wanted, 'the server says the same');
  },
);

test.serial('a new field of a CRD may be used in the same set', async (t) => {
  const on = await stage(t);
  await on.install(groupOf(on), { versions: { v1: '{size: {type: integer}}' } });
  await on.apply(`${widget(on, 'size: 1')}---${widget(on, 'size: 1', 'same')}`);
  const next = crdText(groupOf(on), { versions: { v1: '{size: {type: integer}, note: {type: string}}' } });
  const changes = await on.plan(
    [
      next,
      widget(on, 'size: 1, note: x'),
      widget(on, 'size: 1', 'same'),
      widget(on, 'note: x', 'new'),
      widget(on, 'noot: x', 'wrong'),
      widget(on, 'size: 1, noot: x', 'same').replace('name: same', 'name: w, namespace: default'),
    ].join('---'),
  );
  t.deepEqual(
    changes.map(({ id, action, reason, verified, fields }) => [
      id.name,
      reason ? `${action}: ${reason}` : action,
      verified,
      fields?.map(({ path }) => path),
    ]),
    [
      [
        `widgets.${groupOf(on)}`,
        'update',
        undefined,
        ['spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.note.type'],
      ],
      ['w', 'update', false, ['spec.note']],
      ['same', 'unchanged', undefined, undefined],
      ['new', 'create', false, undefined],
      ['wrong', 'unknown: Invalid', undefined, undefined],
      ['w', 'unknown: Invalid', undefined, undefined],
    ],
  );
});

test.serial('what the CRD of the set will refuse is invalid, though the live CRD accepts it', async (t) => {
  const on = await stage(t);
  await on.install(groupOf(on), { versions: { v1: '{size: {type: integer}, note: {type: string}}' } });
  await on.apply(widget(on, 'size: 1'));
  const next = crdText(groupOf(on), { versions: { v1: '{size: {type: integer, maximum: 5}}' } });
  const changes = await on.plan([next, widget(on, 'size: 7'), widget(on, 'note: x', 'new')].join('---'));
  t.deepEqual(told(changes.slice(1)), {
    'Widget/w': ['unknown: Invalid'],
    'Widget/new': ['unknown: Invalid'],
  });
});

test.serial(
  'a version that comes with the CRD of the set is created through, or compared later',
  async (t) => {
    const on = await stage(t);
    await on.install(groupOf(on), { versions: { v1: SCHEMA } });
    await on.apply(widget(on, 'size: 1'));
    const next = crdText(groupOf(on), { versions: { v1: SCHEMA, v2: SCHEMA } });
    const changes = await on.plan(
      [next, widget(on, 'size: 1', 'w', 'v2'), widget(on, 'size: 1', 'new', 'v2')].join('---'),
    );
    t.deepEqual(told(changes.slice(1)), {
      'Widget/w': ['unknown: VersionNotServed'],
      'Widget/new': ['create'],
    });
  },
);

test.serial('a binding to a role of the set is a create, though the server can not check it', async (t) => {
  const on = await stage(t);
  const user = await serviceAccount(on.namespace, 'deployer', on.endpoint);
  const verbs = ['get', 'list', 'create', 'patch'];
  const rules = [
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
  ];
  await grant(user, rules, { namespace: on.namespace, endpoint: on.endpoint });
  const rbac = 'apiVersion: rbac.authorization.k8s.io/v1\nkind:';
  const role = (name: string): string =>
    `${rbac} Role\nmetadata: {name: ${name}}\nrules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]\n`;
  const binding = (name: string, kind = 'Role'): string =>
    `${rbac} RoleBinding\nmetadata: {name: ${kind.toLowerCase()}-${name}}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ${kind}, name: ${name}}\n`;
  const set = [binding('reader'), role('reader'), binding('nobody'), binding('reader', 'ClusterRole')].join(
    '---\n',
  );
  const changes = await on.plan(set, {}, user.kubeconfig);
  t.deepEqual(
    changes.map(({ id, action, reason, verified }) => [id.name, action, reason, verified]),
    [
      ['role-reader', 'create', undefined, false],
      ['reader', 'create', undefined, undefined],
      ['role-nobody', 'unknown', 'RoleNotFound', undefined],
      ['clusterrole-reader', 'unknown', 'RoleNotFound', undefined],
    ],
  );
});
