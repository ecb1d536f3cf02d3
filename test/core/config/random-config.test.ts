import test, { type ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { parseAgentConfig } from '../../../core/config/agent-config.ts';
import { setRef } from '../../../core/config/set-ref.ts';
import type { Json, JsonObject } from '../../../core/model/json.ts';
import { Random } from '../../support/random.ts';

const SEED = Number(process.env.TEST_SEED ?? 20261123);
const CONTEXT = { file: 'c', configProject: 'ops/clusters', gitlabUrl: 'https://gitlab.example.com' };
const read = (text: string) => parseAgentConfig(Buffer.from(text), CONTEXT);
const SHA = '0123456789abcdef0123456789abcdef01234567';

// By field, values that are all right.
const VALUES: Record<string, Json[]> = {
  ref: [{ branch: 'main' }, { tag: '1.0' }, { commit: SHA }, { commit: '7'.repeat(40) }, null],
  paths: [[], [{ glob: '/a/**/*.yaml' }, { glob: 'b.json' }]],
  default_namespace: ['shop', '2024', 'on'],
  prune: [true, false],
  prune_limit: [30, '80%', '0'],
  prune_kinds: [[], ['StatefulSet', 'Namespace']],
  prune_timeout: ['0s', '1h30m', '3600s', '0.25s'],
  prune_propagation_policy: ['orphan', 'background', 'foreground'],
  reconcile_timeout: ['0s', '90m', '1ms'],
  dry_run_strategy: ['none', 'client', 'server'],
  inventory_policy: ['must_match', 'adopt_if_no_inventory', 'adopt_all'],
  conflicts: ['take', 'fail', 'keep'],
  ignore: [
    [],
    [
      { kind: 'Deployment', paths: ['spec.replicas', '/a/b~1c/0', 'x[name="a"].y[="z"][3]', '["a.b"][""]'] },
      { managers: ['vpa', '*'], namespace: '1' },
    ],
  ],
  interval: ['10s', '1h'],
  suspend: [true, false],
  on_removal: ['orphan', 'prune'],
  environment: ['production', 'review/$X', '12'],
  resource_inclusions: [[{ api_groups: [''], kinds: ['*'] }]],
  resource_exclusions: [[{ api_groups: ['*', 'apps'], kinds: ['Secret'] }]],
};

function randomConfig(random: Random): JsonObject {
  const names: string[] = [];
  const entries = Array.from({ length: random.int(5) }, (_, index): JsonObject => {
    const entry: JsonObject = { name: `e${index}` };
    if (random.chance(0.7)) entry.id = random.pick(['shop/web', 'a/b/c.d', 42, '7']);
    else if (random.chance(0.5)) entry.url = 'https://git.example.com/x/y.git';
    for (const field of random.some(Object.keys(VALUES), 0.3)) entry[field] = random.pick(VALUES[field]!);
    if (random.chance(0.3)) entry.depends_on = random.some(names);
    if (random.chance(0.1)) Object.assign(entry, { kustomize: true, paths: [{ glob: 'overlays/a' }] });
    names.push(`e${index}`);
    return entry;
  });
  return {
    gitops: { manifest_projects: entries },
    ...(random.chance(0.3) && { observability: { logging: { level: 'debug' } } }),
    ...(random.chance(0.2) && { ci_access: { projects: [{ id: 'a/b', x: [1] }] } }),
  };
}

function write(config: JsonObject, random: Random): string {
  if (random.chance(0.2)) return JSON.stringify(config, null, random.int(3));
  // Version 1.1 puts quotes around what kubectl would take for a boolean.
  return stringify(config, {
    version: '1.1',
    singleQuote: random.chance(0.5),
    collectionStyle: random.pick(['any', 'flow', 'block']),
  });
}

test(`random configurations say the same after they were written with all defaults, seed ${SEED}`, (t) => {
  const random = new Random(SEED);
  for (let round = 0; round < 300; round += 1) {
    const text = write(randomConfig(random), random);
    const { config, problems, effective } = read(text);
    t.deepEqual(problems, [], text);
    const again = read(write(effective!, random));
    t.deepEqual(again.config, config, text);
    t.deepEqual(again.effective, effective, text);
  }
});

const PIECES = [
  '\n',
  ' ',
  '  ',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a ',
  '*a',
  '<<: *a\n',
  '#',
  '|\n',
  '\t',
  '!!x ',
  '---\n',
  '~',
  '\u0000',
  '%',
  'é',
  '\r',
  '? ',
  ',',
];

test(`mutated configurations are read or told with a place, and never throw, seed ${SEED}`, (t) => {
  const random = new Random(SEED);
  let broken = 0;
  for (let round = 0; round < 1500; round += 1) {
    let text = write(randomConfig(random), random);
    for (let count = 1 + random.int(3); count > 0; count -= 1) {
      const from = random.int(text.length + 1);
      const until = random.chance(0.5) ? from : Math.min(text.length, from + random.int(12));
      text = text.slice(0, from) + (random.chance(0.8) ? random.pick(PIECES) : '') + text.slice(until);
    }
    const { config, problems } = read(text);
    const lines = text.split('\n');
    if (!config) {
      broken += 1;
      t.true(problems.length > 0, text);
    } else t.deepEqual(problems, [], text);
    for (const { file, line, column, message } of problems) {
      const fits =
        file === 'c' &&
        line! >= 1 &&
        line! <= lines.length &&
        column! >= 1 &&
        column! <= lines[line! - 1]!.length + 1;
      t.true(fits && message.length > 5 && !message.includes('\n'), `${line}:${column}: ${message}\n${text}`);
    }
    for (const { name } of config?.entries ?? []) pointed(t, text, name, random);
  }
  t.true(broken > 300 && broken < 1400, `${broken} were broken`);
});

/** A ref that was set is there, a second time changes nothing, and all else stays. */
function pointed(t: ExecutionContext, text: string, name: string, random: Random): void {
  const ref = random.pick([{ commit: SHA }, { branch: 'x/y' }, { tag: '1e3' }]);
  const result = setRef(text, { name }, ref, CONTEXT);
  if (!('text' in result)) {
    t.regex(result.problems[0]!.message, /can't be changed alone/, text);
    return;
  }
  const { config } = read(result.text);
  t.deepEqual(config!.entries.find((entry) => entry.name === name)!.ref, ref);
  t.deepEqual(setRef(result.text, { name }, ref, CONTEXT), result);
}
