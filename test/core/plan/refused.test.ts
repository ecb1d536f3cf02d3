import test from 'ava';
import { type Stage, stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

// A mistake that a new object would have too must never read as "delete it and create it again".
interface Mistake {
  title: string;
  object: string;
  edit: [string | RegExp, string][];
  says: RegExp;
}

const MISTAKES: Mistake[] = [
  {
    title: 'a Service without ports',
    object: 'Service/web',
    edit: [[/ {2}ports:\n( {2}- .*\n)+/, '']],
    says: /^spec\.ports: Required value/,
  },
  {
    title: 'a port out of range',
    object: 'Service/web',
    edit: [['port: 80,', 'port: 80000,']],
    says: /^spec\.ports\[.*\]\.port: Invalid value: 80000: must be between 1 and 65535/,
  },
  {
    title: 'a selector that does not fit the template',
    object: 'Deployment/web',
    edit: [['matchLabels: {app: shop, tier: front}', 'matchLabels: {app: shop, tier: back}']],
    says: /^spec\.template\.metadata\.labels: Invalid value: `selector` does not match template `labels`; spec\.selector: Invalid value: field is immutable$/,
  },
  {
    title: 'an immutable field beside a mistake',
    object: 'Deployment/web',
    edit: [
      [/tier: front/g, 'tier: edge'],
      ['containerPort: 9113', 'containerPort: 91130'],
    ],
    says: /containerPort: Invalid value: 91130/,
  },
  {
    title: 'an immutable claim template beside a mistake',
    object: 'StatefulSet/db',
    edit: [
      ['storage: 10Gi', 'storage: 20Gi'],
      ['mountPath: /var/lib/postgresql/data', 'mountPath: ""'],
    ],
    says: /mountPath: Required value/,
  },
  {
    title: 'an unknown field',
    object: 'Deployment/web',
    edit: [['replicas: 2', 'replicaz: 2']],
    says: /spec\.replicaz: field not declared in schema/,
  },
  {
    title: 'a value of another type',
    object: 'Deployment/web',
    edit: [['replicas: 2', 'replicas: two']],
    says: /spec\.replicas: expected numeric/,
  },
  {
    title: 'a quantity that is none',
    object: 'PersistentVolumeClaim/uploads',
    edit: [['storage: 5Gi', 'storage: 5 gigs']],
    says: /quantities must match/,
  },
  {
    title: 'a schedule that is none',
    object: 'CronJob/report',
    edit: [['*/30 * * * *', 'soon']],
    says: /^spec\.schedule: Invalid value: "soon"/,
  },
  {
    title: 'two variables of one name',
    object: 'CronJob/report',
    edit: [
      ['- {name: RANGE, value: 1d}', '- {name: RANGE, value: 1d}\n            - {name: RANGE, value: 2d}'],
    ],
    says: /duplicate entries for key \[name="RANGE"\]/,
  },
];

for (const { title, object, edit, says } of MISTAKES) {
  test.serial(`${title} is unknown, live or not, and never a replacement`, async (t) => {
    const on = await stage(t);
    const first = shop(on, object);
    const wanted = edit.reduce((text, [from, to]) => text.replace(from, to), first);
    t.not(wanted, first);
    const expected = { [object]: ['unknown: Invalid'] };
    const absent = await on.planOne(wanted);
    t.deepEqual(told([absent]), expected);
    await on.apply(first);
    const present = await on.planOne(wanted);
    t.deepEqual(told([present]), expected);
    t.regex(present.message!, says);
    await t.throwsAsync(on.apply(wanted), undefined, 'kubectl is refused too');
    t.deepEqual(told(await on.plan(first)), {}, 'the live object is as it was');
  });
}

const RULES = `{size: {type: integer, minimum: 1, x-kubernetes-validations: [{rule: self == oldSelf}]},
            max: {type: integer, maximum: 9, x-kubernetes-validations: [{rule: self >= oldSelf, message: must not shrink}]},
            note: {type: string},
            parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], maxItems: 5,
              items: {type: object, required: [name], properties: {name: {type: string}, zone: {type: string, maxLength: 9,
                x-kubernetes-validations: [{rule: oldSelf == self, message: the zone is for ever}]}}}},
            place: {type: object, x-kubernetes-validations: [{rule: self == oldSelf}], properties: {room: {type: string, maxLength: 9}}}}`;
const widget = (on: Stage, spec: string): string => `
apiVersion: ${on.namespace}.example.org/v1
kind: Widget
metadata: {name: w}
spec: {${spec}}
`;

test.serial(
  'a custom resource is replaced where its CRD says `self == oldSelf`, else it is invalid',
  async (t) => {
    const on = await stage(t);
    await on.install(`${on.namespace}.example.org`, { versions: { v1: RULES } });
    await on.apply(
      widget(on, 'size: 1, max: 3, place: {room: a}, parts: [{name: a, zone: x}, {name: b, zone: x}]'),
    );
    const rest = 'max: 3, place: {room: a}';
    const parts = 'parts: [{name: a, zone: x}, {name: b, zone: x}]';
    const cases: [string, string, string?][] = [
      [`size: 2, ${rest}, ${parts}`, 'replace: ImmutableField', 'spec.size'],
      [`size: 1, max: 3, place: {room: b}, ${parts}`, 'replace: ImmutableField', 'spec.place.room'],
      [
        `size: 1, ${rest}, parts: [{name: a, zone: x}, {name: b, zone: z}]`,
        'replace: ImmutableField',
        'spec.parts[name="b"].zone',
      ],
      [`size: 1, ${rest}, note: text, ${parts}`, 'update', 'spec.note'],
      [`size: 1, ${rest}, parts: [{name: a, zone: x}, {name: c, zone: z}]`, 'update', 'spec.parts[name="b"]'],
      [`size: 1, max: 2, place: {room: a}, ${parts}`, 'unknown: Invalid'],
      [`size: 1, max: 10, place: {room: a}, ${parts}`, 'unknown: Invalid'],
      [`size: 2, max: 10, place: {room: a}, ${parts}`, 'unknown: Invalid'],
      [`size: 2, max: 2, place: {room: a}, ${parts}`, 'unknown: Invalid'],
      [`size: 0, ${rest}, ${parts}`, 'unknown: Invalid'],
      [`size: two, ${rest}, ${parts}`, 'unknown: Invalid'],
    ];
    for (const [spec, action, field] of cases) {
      const change = await on.planOne(widget(on, spec));
      const [what, ...fields] = told([change])['Widget/w']!;
      t.is(what, action, `${spec}: ${change.message}`);
      if (field) t.true(fields.includes(field), `${spec}: ${fields}`);
      if (action.startsWith('replace'))
        t.regex(change.message!, new RegExp(`^${RegExp.escape(field!)} can't be changed`));
    }
  },
);
