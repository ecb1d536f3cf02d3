import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { kubectl } from '../../support/cluster.ts';
import { stage } from '../../support/plan.ts';
import { plugin, startPlugin } from '../../support/plugin.ts';
import { Random } from '../../support/random.ts';
import { configMap, membersOf, parentOf } from '../../support/sets.ts';

const ROUNDS = process.env.TEST_CHAOS ? 200 : 20;
const SEED = Number(process.env.TEST_SEED ?? 20261123);
const NAMES = Array.from({ length: 30 }, (_none, index) => `m-${index}`);

const secret = (name: string, value: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: ${name}}
stringData: {key: "${value}"}
---
`;

test.serial(
  `killed at ${ROUNDS} random moments, the next run makes the cluster what the manifests say`,
  async (t) => {
    t.timeout(30 * 60_000);
    const on = await stage(t);
    const cwd = mkdtempSync(join(tmpdir(), 'killed-'));
    t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
    await on.kubectl('create cm bystander --from-literal=a=1');
    const random = new Random(SEED);
    const args = [
      'apply',
      '-f',
      'set.yaml',
      '-n',
      on.namespace,
      '--applyset',
      'set',
      '--prune',
      '--prune-allow=100%',
    ];
    let duration = 1000;
    let interrupted = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const story = `seed ${SEED}, round ${round}`;
      const maps = NAMES.filter(() => random.chance(0.6));
      const secrets = NAMES.filter(() => random.chance(0.2));
      const value = String(random.int(3));
      writeFileSync(
        join(cwd, 'set.yaml'),
        [
          ...maps.map((name) => configMap(name, `a: "${value}"`)),
          ...secrets.map((name) => secret(name, value)),
        ].join('') + configMap('always'),
      );
      const { child, done } = startPlugin(args, { cwd });
      const timer = setTimeout(() => child.kill('SIGKILL'), random.int(duration));
      const { code } = await done;
      clearTimeout(timer);
      if (code === null) interrupted += 1;
      const start = Date.now();
      const { code: finished, stdout, stderr } = await plugin(args, { cwd });
      duration = Math.max(200, Date.now() - start);
      t.is(finished, 0, `${story}: ${stdout}${stderr}`);
      const wanted = ['always', ...maps].map((name) => `configmap/${name}`);
      t.deepEqual(await membersOf(on), [...wanted, ...secrets.map((name) => `secret/${name}`)].sort(), story);
      const { stdout: values } = await kubectl(
        [
          '-n',
          on.namespace,
          'get',
          'cm',
          '-l',
          'applyset.kubernetes.io/part-of',
          '-o',
          'jsonpath={range .items[?(@.metadata.name!="always")]}{.data.a}{end}',
        ],
        { kubeconfig: on.endpoint.kubeconfig },
      );
      t.is(values, value.repeat(maps.length), story);
      const kinds = secrets.length > 0 ? 'ConfigMap,Secret' : 'ConfigMap';
      t.is((await parentOf(on))!['contains-group-kinds'], kinds, story);
    }
    t.regex(await on.kubectl('get cm -o name'), /configmap\/bystander/);
    t.log(`${interrupted} of ${ROUNDS} rounds were killed before their end`);
    t.true(interrupted > ROUNDS / 4);
  },
);
