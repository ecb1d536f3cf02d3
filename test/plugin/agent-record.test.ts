import test from 'ava';
import { agentObject, FIRST, parentObject, SECOND } from '../support/agent-objects.ts';
import { kubectl, namespace } from '../support/cluster.ts';
import { plugin } from '../support/plugin.ts';

const sync = (revision: string, seconds: number, more: object = {}) => {
  const at = new Date(Date.now() - seconds * 1000).toISOString();
  return {
    revision,
    result: 'Synced',
    reason: 'Succeeded',
    message: '1 changed',
    startedAt: at,
    finishedAt: at,
    trigger: 'poll',
    by: 'agent test',
    counts: { changed: 1 },
    changed: ['changed configmap/a -n b'],
    ...more,
  };
};

test('history, inventory and explain of the projects of agents', async (t) => {
  const ns = await namespace(t);
  const elsewhere = await namespace(t);
  await kubectl(['-n', elsewhere, 'create', 'configmap', 'lonely']);
  await agentObject(ns, 'test');
  await parentObject(ns, 'test', 'shop', {
    status: {},
    history: [sync(SECOND, 60), sync(FIRST, 3600)],
    inventory: { revision: SECOND, objects: { [`configmap -n ${elsewhere}`]: { gone: 'a.yaml:5' } } },
  });
  const run = (...args: string[]) => plugin([...args, '-n', ns]);
  const history = await run('history');
  t.regex(
    history.stdout,
    /^# +AGE +REVISION.*\n1 +\d+s +2{12} +Synced +agent test +1 changed\n2 +6\dm +1{12} /,
  );
  for (const args of [['test'], ['test', 'shop'], ['shop'], ['group/shop'], [`${ns}/test`, 'group/shop']])
    t.is((await run('history', ...args)).stdout.split('\n').length, 4, args.join(' '));
  for (const args of [
    ['2'],
    ['test', '2'],
    ['test', 'shop', '2'],
    ['shop', FIRST.slice(0, 8)],
    ['test', 'shop', FIRST],
  ])
    t.regex((await run('history', ...args)).stdout, /^revision: +1{40}\n/, args.join(' '));
  const inventory = await run('inventory', 'test', 'shop');
  t.regex(inventory.stdout, /\nmissing +configmap\/gone -n \S+ +a\.yaml:5\n/);
  t.is(inventory.code, 1);
  // The parent is neither in the object's namespace nor in the context's.
  const gone = await plugin(['explain', 'cm/gone', '-n', elsewhere]);
  t.regex(gone.stdout, new RegExp(`\\nset: +gitlab-agent\\.test\\.shop -n\\s+${ns}\\n`));

  await parentObject(ns, 'test', 'infra', { status: {} });
  const many = await run('history');
  t.is(
    many.stderr,
    'error: the agent test has 2 manifest projects: group/infra, group/shop\nhint: name one: kubectl gitlab-agent history test group/infra\n',
  );
  t.is(many.code, 2);
  const both = await run('inventory', 'test', '--applyset', 'gitlab-agent.test.shop');
  t.regex(both.stderr, /^error: --applyset names a set, and "test" an agent\n/);
  const unknown = await run('inventory', 'nope');
  t.regex(unknown.stderr, /^error: there is no agent or project "nope"\nhint: there is test\n/);
});
