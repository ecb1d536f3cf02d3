import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test, { type ExecutionContext } from 'ava';
import type { Json } from '../../core/model/json.ts';
import type { PlanDocument } from '../../core/model/plan-document.ts';
import { digestWith } from '../../core/plan/digest.ts';
import { reportAsJson } from '../../core/report/diff-report.ts';
import { sharedCluster, waitFor } from '../support/cluster.ts';
import { front } from '../support/front.ts';
import { type Stage, stage } from '../support/plan.ts';
import { type PluginResult, plugin, startPlugin } from '../support/plugin.ts';
import { configMap } from '../support/sets.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../schemas/plan.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

const secret = (value: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: "${value}"}\n---\n`;

/** A directory of a test's own with a manifest, and the two commands in it. */
class Room {
  readonly on: Stage;
  readonly cwd: string;

  constructor(t: ExecutionContext, on: Stage) {
    this.on = on;
    this.cwd = mkdtempSync(join(tmpdir(), 'plan-'));
    t.teardown(() => rmSync(this.cwd, { recursive: true, force: true }));
  }

  get args(): string[] {
    return ['-f', 'all.yaml', '-n', this.on.namespace];
  }

  write(text: string): void {
    writeFileSync(join(this.cwd, 'all.yaml'), text);
  }

  apply(...more: string[]): Promise<PluginResult> {
    return plugin(['apply', ...this.args, ...more], { cwd: this.cwd });
  }

  plan(...more: string[]): Promise<PluginResult> {
    return plugin(['diff', ...this.args, '-o', 'plan', '--out', 'plan.json', ...more], { cwd: this.cwd });
  }

  read(file = 'plan.json'): string {
    return readFileSync(join(this.cwd, file), 'utf8');
  }

  document(): PlanDocument {
    return JSON.parse(this.read()) as PlanDocument;
  }
}

async function room(t: ExecutionContext, text: string): Promise<Room> {
  const it = new Room(t, await stage(t));
  it.write(text);
  return it;
}

test('an approved plan is carried out, and only once', async (t) => {
  const it = await room(t, configMap('a') + configMap('b') + secret('first'));
  await it.apply();
  it.write(configMap('a', 'a: "2"') + configMap('b') + configMap('c') + secret('second'));
  const saved = await it.plan();
  t.is(saved.code, 1);
  t.regex(saved.stdout, /\n\n1 to create, 2 to change, 1 unchanged\n$/);
  t.is(saved.stderr, 'notice: the key of the plan is in plan.json.key: apply --plan needs it\n');
  const document = it.document();
  t.true(validate(document), JSON.stringify(validate.errors));
  t.false(validate({ ...document, more: 1 }), 'the schema is closed');
  t.deepEqual(
    document.objects.map(({ name, action, fields }) => [name, action, fields?.map(({ path }) => path)]),
    [
      ['a', 'update', ['data.a']],
      ['b', 'unchanged', undefined],
      ['c', 'create', undefined],
      ['s', 'update', ['data.password']],
    ],
  );
  t.is(statSync(join(it.cwd, 'plan.json.key')).mode & 0o777, 0o600);
  t.deepEqual(
    readdirSync(it.cwd).sort(),
    ['all.yaml', 'plan.json', 'plan.json.key'],
    'nothing is left lying',
  );

  // Whatever is nobody's business may change, and manifests may move in their files.
  await it.on.kubectl('label cm a somebody=else');
  it.write(`# moved\n${it.read('all.yaml')}`);
  const dry = await it.apply('--plan', 'plan.json', '--dry-run');
  t.is(dry.code, 1, dry.stderr);
  const done = await it.apply('--plan', 'plan.json', '-o', 'json');
  t.is(done.code, 0, done.stderr);
  t.notRegex(done.stdout, /hmac|second/);
  t.is(await it.on.kubectl('get cm a -o jsonpath={.data.a}'), '2');
  const again = await it.apply('--plan', 'plan.json');
  t.like(again, { code: 2, stdout: '' });
  t.regex(
    again.stderr,
    /\nerror: the plan is not carried out, and nothing was written: it was carried out already\nhint: there is nothing left to do\n$/,
  );
});

const DIFFERENCES: Record<string, { command?: string; input?: string; text?: string; told: RegExp }> = {
  'a field drifted': {
    command: 'patch cm a -p {"data":{"a":"x"}}',
    told: /^error: configmap\/a -n \S+: update would change other values: data\.a$/m,
  },
  'an unchanged object drifted': {
    command: 'patch cm b -p {"data":{"a":"x"}}',
    told: /^error: configmap\/b -n \S+: unchanged in the plan, update now$/m,
  },
  'somebody else took a field': {
    command: 'apply --server-side --force-conflicts --field-manager=them -f -',
    input: configMap('a'),
    told: /^error: configmap\/a -n \S+: fields would be taken from them \(data\.a\) now, from nobody in the plan$/m,
  },
  'the manifest changed': {
    text: configMap('a', 'a: "3"') + configMap('b') + configMap('c') + secret('second'),
    told: /^error: configmap\/a -n \S+: its manifest is another one: data\.a$/m,
  },
  'an object was made by somebody': {
    command: 'create cm c --from-literal=a=1',
    told: /^error: configmap\/c -n \S+: create in the plan, unchanged \(Ownership\) now$/m,
  },
  'an object was deleted': {
    command: 'delete cm b',
    told: /^error: configmap\/b -n \S+: unchanged in the plan, create now$/m,
  },
  'a live secret changed': {
    command: 'patch secret s -p {"data":{"password":"eA=="}}',
    told: /^error: secret\/s -n \S+: update would change other values: data\.password$/m,
  },
  'a wanted secret changed': {
    text: configMap('a', 'a: "2"') + configMap('b') + configMap('c') + secret('third'),
    told: /^error: secret\/s -n \S+: its manifest is another one: data\.password$/m,
  },
  'an object left the manifests': {
    text: configMap('a', 'a: "2"') + configMap('c') + secret('second'),
    told: /^error: configmap\/b -n \S+: unchanged in the plan, not wanted now$/m,
  },
};
for (const [what, { command, input, text, told }] of Object.entries(DIFFERENCES)) {
  test(`${what}: the plan is refused, and nothing is written`, async (t) => {
    const it = await room(t, configMap('a') + configMap('b') + secret('first'));
    await it.apply();
    it.write(configMap('a', 'a: "2"') + configMap('b') + configMap('c') + secret('second'));
    await it.plan();
    if (command) await it.on.kubectl(command, input);
    if (text) it.write(text);
    const versions = (): Promise<string> =>
      it.on.kubectl('get cm,secret -o jsonpath={range.items[*]}{.metadata.resourceVersion},{end}');
    const before = await versions();
    const { code, stdout, stderr } = await it.apply('--plan', 'plan.json');
    t.like({ code, stdout }, { code: 2, stdout: '' });
    t.regex(stderr, told);
    t.regex(
      stderr,
      /\nerror: the plan is not carried out, and nothing was written: one object is not as planned at /,
    );
    t.notRegex(stderr, /second|third|hmac/);
    t.is(await versions(), before);
  });
}

test('deletes and the terms of a plan are part of it', async (t) => {
  const it = await room(t, configMap('a') + configMap('b'));
  const set = ['--applyset', 'set', '--prune'];
  await it.apply(...set);
  it.write(configMap('a'));
  await it.plan(...set, '--prune-kinds', 'StatefulSet');
  const { terms, applySet, objects } = it.document();
  t.like(terms, { prune: true, pruneKinds: 'StatefulSet', conflicts: 'take', replace: false });
  t.like(applySet, { namespace: it.on.namespace, name: 'set' });
  t.deepEqual(objects.at(-1)!.before!['data' as keyof Json], { a: '1' });

  const errorOf = async (...more: string[]): Promise<string> =>
    (await it.apply('--plan', 'plan.json', ...more)).stderr.split('\n')[0]!;
  t.is(
    await errorOf('--applyset', 'other'),
    `error: --applyset contradicts the plan, which was made with --applyset=${it.on.namespace}/set`,
  );
  t.is(
    await errorOf('--prune-allow=3'),
    'error: --prune-allow contradicts the plan, which was made without it',
  );
  t.is(await errorOf('--replace'), 'error: --replace contradicts the plan, which was made without it');
  t.is(
    await errorOf('--conflicts=keep'),
    'error: --conflicts contradicts the plan, which was made with --conflicts=take',
  );
  writeFileSync(join(it.cwd, 'ignore.yaml'), 'ignore:\n- kind: ConfigMap\n  paths: [data.x]\n');
  t.is(await errorOf('--ignore-file=ignore.yaml'), 'error: the plan was made without an ignore file');

  // Somebody makes another one of the same name and content.
  await it.on.kubectl('replace --force -f -', await it.on.kubectl('get cm b -o yaml'));
  t.regex(await errorOf(), /^error: configmap\/b -n \S+: delete in the plan, skip \(LabelNotOurs\) now$/);
  await it.on.kubectl('delete cm b');
  t.regex(await errorOf(), /^error: configmap\/b -n \S+: delete in the plan, gone now$/);

  it.write(configMap('a') + configMap('b'));
  await it.apply(...set);
  it.write(configMap('a'));
  await it.plan(...set);
  // Flags that say the same may be repeated.
  const done = await it.apply('--plan', 'plan.json', ...set);
  t.like(done, { code: 0, stdout: `- pruned  configmap/b -n ${it.on.namespace}\n1 pruned, 1 unchanged\n` });
});

test('a plan that was tampered with is refused', async (t) => {
  const it = await room(t, configMap('a'));
  await it.plan();
  const good = it.read();
  const key = it.read('plan.json.key');
  const digest = digestWith(Buffer.from(key, 'base64'));
  const errorWith = async (text: string, env: Record<string, string> = {}): Promise<string> => {
    writeFileSync(join(it.cwd, 'plan.json'), text);
    const { code, stderr } = await plugin(['apply', ...it.args, '--plan', 'plan.json'], { cwd: it.cwd, env });
    t.is(code, 2);
    t.regex(stderr, /^error: .*\nhint: .*\n$/);
    return stderr.split('\n')[0]!;
  };
  const resealed = (change: object): string => {
    const { seal: _seal, ...rest } = { ...(JSON.parse(good) as PlanDocument), ...change };
    return reportAsJson({ ...rest, seal: digest('document', rest as unknown as Json) });
  };
  const CHANGED = 'error: plan.json: the plan was changed after it was made';
  t.is(await errorWith(good.replace('"a": "1"', '"a": "2"')), CHANGED);
  t.is(await errorWith(good.replace('"prune": false', '"prune": false,\n    "prune": false')), CHANGED);
  t.is(await errorWith(good.replace('"name": "a",', '"name": "b", "name": "a",')), CHANGED);
  t.is(await errorWith(good.replace(/"seal": ".*"/, '"seal": ""')), CHANGED);
  t.is(await errorWith(good.slice(0, 100)), 'error: plan.json: the file is no plan');
  t.is(await errorWith('{}'), 'error: plan.json: the file is no plan');
  t.is(
    await errorWith(resealed({ formatVersion: 2 })),
    'error: plan.json: the plan has format 2, which is too new: this version knows 1',
  );
  t.is(
    await errorWith(resealed({ formatVersion: 0 })),
    'error: plan.json: the plan has format 0, which this version does not know',
  );
  const elsewhere = { server: 'https://production.example.com', uid: '1' };
  t.regex(
    await errorWith(resealed({ cluster: elsewhere })),
    /^error: the plan was made for another cluster: https:\/\/production\.example\.com, and this is https:/,
  );
  const other = Buffer.alloc(32, 1).toString('base64');
  t.is(
    await errorWith(good, { GITLAB_AGENT_PLAN_KEY: other }),
    'error: plan.json: the key is not the one that the plan was made with',
  );
  t.is(
    await errorWith(good, { GITLAB_AGENT_PLAN_KEY: 'password' }),
    'error: GITLAB_AGENT_PLAN_KEY is no key: it has to be 32 random bytes in base64',
  );
  chmodSync(join(it.cwd, 'plan.json.key'), 0o644);
  t.is(await errorWith(good), 'error: plan.json.key: the key can be read or written by others');
  rmSync(join(it.cwd, 'plan.json.key'));
  t.regex(
    await errorWith(good),
    /^error: plan\.json: the key of the plan is missing: there is no plan\.json\.key, /,
  );
  const fromVariable = await plugin(['apply', ...it.args, '--plan', 'plan.json'], {
    cwd: it.cwd,
    env: { GITLAB_AGENT_PLAN_KEY: key },
  });
  t.is(fromVariable.code, 0, fromVariable.stderr);
});

test('the key is made once, and not at all where the environment has one', async (t) => {
  const it = await room(t, configMap('a'));
  await it.plan();
  const [plan, key] = [it.read(), it.read('plan.json.key')];
  t.is((await it.plan()).stderr, '', 'the same key goes on');
  t.is(it.read('plan.json.key'), key);
  t.not(it.read(), plan, 'a plan is overwritten');
  const env = { GITLAB_AGENT_PLAN_KEY: Buffer.alloc(32, 7).toString('base64') };
  const args = ['diff', ...it.args, '-o', 'plan', '--out', 'other.json'];
  t.like(await plugin(args, { cwd: it.cwd, env }), { code: 1, stderr: '' });
  t.deepEqual(readdirSync(it.cwd).sort(), ['all.yaml', 'other.json', 'plan.json', 'plan.json.key']);
});

test('what can not be told can not be approved', async (t) => {
  const it = await room(t, configMap('a') + configMap('b').replace('\ndata:', '\ndat:'));
  const { code, stderr } = await it.plan();
  t.is(code, 2);
  t.regex(stderr, /^notice: 1 of the objects could not be told: apply --plan will refuse this plan$/m);
  t.true(validate(it.document()), JSON.stringify(validate.errors));
  it.write(configMap('a') + configMap('b'));
  const refused = await it.apply('--plan', 'plan.json');
  t.is(refused.code, 2);
  t.regex(
    refused.stderr,
    /^error: the plan is not .*: 1 of its objects could not be told when it was made\nhint: /,
  );
});

test('killed in the middle, the rest is not the approved plan any more', async (t) => {
  const names = Array.from({ length: 60 }, (_none, index) => `c-${index}`);
  const it = await room(t, names.map((name) => configMap(name)).join(''));
  await it.plan();
  let patches = 0;
  await using slow = await front(sharedCluster(), ({ method, path }) => {
    if (method !== 'PATCH' || path.includes('dryRun')) return undefined;
    patches += 1;
    return patches <= 20 ? undefined : 'hang';
  });
  const { child, done } = startPlugin(['apply', ...it.args, '--plan', 'plan.json', '-s', slow.url], {
    cwd: it.cwd,
  });
  const count = async (): Promise<number> =>
    (await it.on.kubectl('get cm -o name')).split('\n').filter((name) => name.includes('/c-')).length;
  await waitFor(async () => (await count()) === 20 && patches > 20, { what: 'a part of the writes' });
  child.kill('SIGKILL');
  await done;
  const { code, stderr } = await it.apply('--plan', 'plan.json');
  t.is(code, 2);
  t.regex(
    stderr,
    /\nerror: the plan is not carried out, and nothing was written: 20 of its 60 changes were made already, as by a run of it that was cut short\nhint: make a plan of what is left, and have that approved\n$/,
  );
  t.is(await count(), 20);
  await it.plan();
  const rest = await it.apply('--plan', 'plan.json');
  t.is(rest.code, 0, rest.stderr);
  t.regex(rest.stdout, /\n40 created, 20 unchanged\n$/);
});

test('two runs of one plan at once do it once', async (t) => {
  const names = Array.from({ length: 30 }, (_none, index) => `c-${index}`);
  const text = (value: string): string => names.map((name) => configMap(name, `a: "${value}"`)).join('');
  const it = await room(t, text('1') + configMap('gone'));
  const set = ['--applyset', 'set', '--prune'];
  await it.apply(...set);
  it.write(text('2') + configMap('new'));
  await it.plan(...set);
  const runs = await Promise.all([it.apply('--plan', 'plan.json'), it.apply('--plan', 'plan.json')]);
  for (const { code, stderr } of runs) {
    t.true(code === 0 || code === 2, stderr);
    if (code === 2) t.regex(stderr, /nothing was written/);
  }
  t.true(runs.some(({ code }) => code === 0));
  const values = await it.on.kubectl(
    'get cm -l applyset.kubernetes.io/part-of -o jsonpath={range.items[*]}{.metadata.name}={.data.a},{end}',
  );
  const wanted = [...names.map((name) => `${name}=2`), 'new=1'];
  t.deepEqual(values.split(',').filter(Boolean).sort(), wanted.sort());
});

test('usage mistakes are one sentence each', async (t) => {
  const it = await room(t, configMap('a'));
  const errorOf = async (...args: string[]): Promise<string> =>
    (await plugin(['diff', '-f', 'all.yaml', ...args], { cwd: it.cwd })).stderr.split('\n')[0]!;
  t.is(await errorOf('--out', 'x'), 'error: --out is for -o plan');
  t.is(await errorOf('--replace'), 'error: --replace is for -o plan');
  t.is(await errorOf('-o', 'plan'), 'error: -o plan needs a file');
  t.is(await errorOf('-o', 'plan', '--out=-'), 'error: --out takes the name of a file');
  t.is(await errorOf('-o', 'plan', '--out=x', '--rev=a..b'), 'error: a plan is made against a cluster');
  t.is(
    await errorOf('-o', 'plan', '--out=all.yaml'),
    'error: all.yaml: the file exists and is no plan: it is not overwritten',
  );
  t.is(
    await errorOf('-o', 'plan', '--out=no/x', '-n', it.on.namespace),
    "error: no/x: the plan can't be written: its directory does not exist",
  );
  const { stderr } = await it.apply('--plan', 'nowhere.json');
  t.is(stderr.split('\n')[0], 'error: nowhere.json: there is no such file');
});
