import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { plugin } from '../support/plugin.ts';

const TEXT = `# The shop.
gitops:
  manifest_projects:
    - id: group/shop   # all of it
      prune: yes
    - id: group/db
      name: db
`;

test('a file is changed in place, all or nothing', async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'config-edit-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  const file = join(cwd, 'config.yaml');
  writeFileSync(file, TEXT, { mode: 0o640 });
  const run = (...args: string[]) => plugin(['config', 'edit', 'config.yaml', ...args], { cwd });
  const wrong = await run('--entry=group/shop', '--set', 'interval=1h', '--set', 'prune=maybe');
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /^error: config\.yaml: prune can't be maybe: /);
  t.is(readFileSync(file, 'utf8'), TEXT);

  const done = await run('--entry=group/shop', '--set', 'ref.branch=production', '--set=interval=1h');
  t.deepEqual([done.code, done.stderr], [0, 'config.yaml: changed\n']);
  const changed = TEXT.replace(
    '# all of it\n',
    '# all of it\n      interval: 1h\n      ref:\n        branch: production\n',
  );
  t.is(readFileSync(file, 'utf8'), changed);
  t.deepEqual(readdirSync(cwd), ['config.yaml']);
  t.is((await run('--entry=group/shop', '--set=interval=1h')).stderr, 'config.yaml: says so already\n');
  await run('--entry=group/shop', '--unset=ref', '--unset=interval');
  t.is(readFileSync(file, 'utf8'), TEXT);
});

test('from standard input to standard output', async (t) => {
  const { code, stdout, stderr } = await plugin(['config', 'edit', '-', '--entry=db', '--set=suspend=true'], {
    input: TEXT,
  });
  t.is(code, 0, stderr);
  t.is(
    stdout,
    TEXT.replace('      name: db\n', '      name: db\n').replace(
      'group/db\n',
      'group/db\n      suspend: true\n',
    ),
  );
});

for (const [args, says] of [
  [['config.yaml'], /--set or --unset is missing/],
  [[], /say which file/],
  [['none.yaml', '--set=a=b'], /none\.yaml/],
  [['-', '--set=a'], /--set takes KEY=VALUE, not "a"/],
  [['-', '--set=a='], /the value of a is empty/],
  [['-', '--set=.a=b'], /"\.a" is no key/],
] as [string[], RegExp][]) {
  test(`refused: ${args.join(' ') || 'nothing'}`, async (t) => {
    const { code, stderr } = await plugin(['config', 'edit', ...args], { input: TEXT });
    t.is(code, 2);
    t.regex(stderr, says);
  });
}
