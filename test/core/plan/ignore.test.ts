import test from 'ava';
import type { IgnoreRule } from '../../../core/model/ignore.ts';
import { parsePath } from '../../../core/model/path.ts';
import { held, type Stage, stage, told } from '../../support/plan.ts';
import { APP, jsonPatch, POD, shop } from '../../support/shop.ts';

const rule = (selector: Partial<IgnoreRule>, ...paths: string[]): IgnoreRule => ({
  managers: [],
  ...selector,
  paths: paths.map(parsePath),
});
const applyAs = (on: Stage, manager: string, yaml: string): Promise<string> =>
  on.kubectl(['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], yaml);
const CONFIG = (data: string, annotations = ''): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: web${annotations && `, annotations: {${annotations}}`}}
data: {${data}}
`;
const INJECT = {
  op: 'add',
  path: '/spec/template/spec/containers/0',
  value: { name: 'istio-proxy', image: 'istio:1' },
};

/** One object with a rule: what is applied first, what happens to it, what we want then. */
interface Ignored {
  title: string;
  rule: IgnoreRule;
  /** An object of the shop, changed by `edit` for what is wanted; or both written out. */
  object?: string;
  edit?: (yaml: string) => string;
  texts?: [string, string];
  run?: (on: Stage) => Promise<unknown>;
  fields: string[];
  yielded: string[];
}

const newImage = (yaml: string): string => yaml.replace('shop/web:1.4.0', 'shop/web:2.0.0');
const IMAGE = `${APP}.image`;

const CASES: Ignored[] = [
  ...[IMAGE, '/spec/template/spec/containers/0/image'].flatMap((path): Ignored[] => [
    {
      title: `${path}, another manager's: it is left out`,
      object: 'Deployment/web',
      rule: rule({ kind: 'Deployment' }, path),
      run: (on) => on.kubectl('set image deploy/web app=other:1'),
      fields: [],
      yielded: [IMAGE],
    },
    {
      title: `${path}, ours alone: it stays as it is live`,
      object: 'Deployment/web',
      edit: newImage,
      rule: rule({ kind: 'Deployment' }, path),
      fields: [],
      yielded: [IMAGE],
    },
    {
      title: `${path}, with a container put before ours`,
      object: 'Deployment/web',
      edit: newImage,
      rule: rule({ kind: 'Deployment' }, path),
      run: (on) => on.kubectl(jsonPatch('deploy/web', INJECT)),
      fields: [],
      yielded: [IMAGE],
    },
  ]),
  {
    title: 'a key that stands for every item of a list, and nothing beside it',
    object: 'Deployment/web',
    edit: (yaml) => newImage(yaml).replace('value: hello', 'value: bye'),
    rule: rule({}, `${POD}.containers.image`),
    run: (on) => on.kubectl('set image deploy/web proxy=other:1'),
    fields: [`${APP}.env[name="GREETING"].value`],
    yielded: [IMAGE, `${POD}.containers[name="proxy"].image`],
  },
  {
    title: 'a port that is named by part of its keys',
    object: 'Service/web',
    rule: rule({}, 'spec.ports[port=80].targetPort', 'spec.ports[port=80].name'),
    run: (on) =>
      on.kubectl(
        jsonPatch(
          'svc/web',
          { op: 'replace', path: '/spec/ports/0/targetPort', value: 1 },
          { op: 'replace', path: '/spec/ports/1/targetPort', value: 2 },
        ),
      ),
    fields: ['spec.ports[port=53,protocol="UDP"].targetPort'],
    yielded: ['spec.ports[port=80,protocol="TCP"].targetPort', 'spec.ports[port=80,protocol="TCP"].name'],
  },
  {
    title: 'a map of which others own a part: our part stays as it is live',
    texts: [CONFIG('a: "1"', 'mine: one, gone: two'), CONFIG('a: "2"', 'mine: other, new: three')],
    rule: rule({}, 'metadata.annotations'),
    run: (on) => on.kubectl('annotate cm/web theirs=t'),
    fields: ['data.a'],
    yielded: ['metadata.annotations'],
  },
  {
    title: 'a field that left the manifest',
    texts: [CONFIG('a: "1", b: "2"'), CONFIG('a: "1"')],
    rule: rule({}, 'data.b'),
    fields: [],
    yielded: ['data.b'],
  },
  {
    title: 'a key of digits by a JSON pointer',
    texts: [CONFIG('"1": a'), CONFIG('"1": b')],
    rule: rule({}, '/data/1'),
    fields: [],
    yielded: ['data.1'],
  },
  {
    title: 'a part of a list that is owned as a whole',
    object: 'Ingress/web',
    edit: (yaml) => yaml.replace('path: /', 'path: /b'),
    rule: rule({}, 'spec.rules.host'),
    run: (on) =>
      on.kubectl(
        jsonPatch('ingress/web', { op: 'replace', path: '/spec/rules/0/host', value: 'x.example.org' }),
      ),
    fields: ['spec.rules[0].http.paths[0].path'],
    yielded: ['spec.rules[0].host'],
  },
  {
    title: 'an item that only the manifest has',
    object: 'Deployment/web',
    edit: (yaml) =>
      yaml.replace('      - name: proxy', '      - {name: extra, image: extra}\n      - name: proxy'),
    rule: rule({}, `${POD}.containers[name="extra"]`),
    fields: [],
    yielded: [`${POD}.containers[name="extra"]`],
  },
  {
    title: 'everything that a manager owns, keys of list items kept',
    object: 'Deployment/web',
    edit: (yaml) => yaml.replace('registry.example.org/proxy:2.0', 'registry.example.org/proxy:3.0'),
    rule: rule({ managers: ['helm'] }),
    run: (on) =>
      applyAs(
        on,
        'helm',
        `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: helm}}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: app
        image: helm:1
        args: [x]
        env: [{name: GREETING, value: hi}]
        ports: [{containerPort: 8080, name: web}]
`,
      ),
    fields: [`${POD}.containers[name="proxy"].image`],
    yielded: [
      'metadata.labels.app',
      'spec.replicas',
      IMAGE,
      `${APP}.args`,
      `${APP}.env[name="GREETING"].value`,
      `${APP}.ports[containerPort=8080,protocol="TCP"].name`,
    ],
  },
  {
    title: 'lists and maps that a manager owns as a whole',
    object: 'Service/web',
    rule: rule({ managers: ['kubectl-edit'] }),
    run: (on) => on.kubectl(jsonPatch('svc/web', { op: 'add', path: '/spec/selector/canary', value: 'yes' })),
    fields: [],
    yielded: ['spec.selector'],
  },
];

for (const { title, object, edit, texts, run, fields, yielded, ...ignored } of CASES) {
  test.serial(`ignored: ${title}`, async (t) => {
    const on = await stage(t);
    const [first, wanted] = texts ?? [shop(on, object), (edit ?? String)(shop(on, object))];
    await on.apply(first);
    await run?.(on);
    const changes = await held(on, wanted, { ignore: [ignored.rule], sent: true });
    t.deepEqual(changes[0]!.fields?.map(({ path }) => path) ?? [], fields);
    t.deepEqual([...(changes[0]!.yielded ?? [])].sort(), [...yielded].sort());
  });
}

test.serial('a rule is for the objects that it selects, and a new object is sent whole', async (t) => {
  const on = await stage(t);
  const wanted = CONFIG('a: "1"');
  const rules = [rule({}, 'data')];
  t.deepEqual(told(await held(on, wanted, { ignore: rules })), { 'ConfigMap/web': ['create'] });
  await on.kubectl(['patch', 'cm/web', '-p', '{"data":{"a":"2"}}']);
  const select = async (selector: Partial<IgnoreRule>): Promise<boolean> => {
    const change = await on.planOne(wanted, { ignore: [rule(selector, 'data.a')] });
    t.is(change.action === 'unchanged', change.yielded !== undefined);
    return change.yielded !== undefined;
  };
  t.true(await select({ kind: 'ConfigMap', group: '', namespace: on.namespace, name: 'web' }));
  t.true(await select({ name: 'w*', namespace: 't-*' }));
  t.false(await select({ kind: 'Secret' }));
  t.false(await select({ group: 'apps' }));
  t.false(await select({ namespace: 'other' }));
  t.false(await select({ name: 'we' }));
  t.false(await select({ name: 'we?' }));
  t.false(await select({ name: '*-x' }));
});
