// A person who is asked and says no, or nothing; one who interrupts, and a reader who goes away.
import test, { type ExecutionContext } from 'ava';
import { agentObject, FIRST, holdLease, parentObject, SECOND } from '../../support/agent-objects.ts';
import { kubectl, namespace, waitFor } from '../../support/cluster.ts';
import { tellsErrors } from '../../support/error-rows.ts';
import { PLUGIN, plugin, startPlugin } from '../../support/plugin.ts';

/** An agent whose project has been at two commits. */
async function agent(t: ExecutionContext): Promise<string> {
  const ns = await namespace(t);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  const at = new Date().toISOString();
  const sync = {
    result: 'Synced',
    reason: 'Succeeded',
    message: '',
    startedAt: at,
    finishedAt: at,
    counts: {},
  };
  await parentObject(ns, 'test', 'shop', {
    status: {},
    history: [FIRST, SECOND].map((revision) => ({ ...sync, revision })),
  });
  // A parent is whose labels our own apply wrote.
  const metadata = { name: 'gitlab-agent.test.shop', namespace: ns };
  const label = { 'agent.gitlab.com/name': 'test' };
  await kubectl(['apply', '--server-side', '--field-manager=gitlab-agent', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, labels: label } }),
  });
  return ns;
}

/** Runs the plugin at a terminal, answers its question, and returns what was on the screen. */
async function atTerminal(
  line: readonly string[],
  question: string,
  answer: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; screen: string }> {
  const command = [process.execPath, PLUGIN, ...line].join(' ');
  const { child, soFar, done } = startPlugin(['-qec', command, '/dev/null'], {
    program: ['script'],
    env,
    input: 'open',
  });
  await waitFor(async () => soFar.stdout.includes(question), { what: `the question ${question}` });
  child.stdin.write(answer);
  const { code, stdout } = await done;
  return { code, screen: stdout.replaceAll('\r', '') };
}

const ANSWERS: [what: string, answer: string, code: number][] = [
  ['Ctrl-C', '\u0003', 130],
  ['the end of the input', '\u0004', 2],
  ['no', 'no\n', 2],
];
for (const [what, answer, code] of ANSWERS) {
  test(`uninstall asks, and gets ${what}: nothing is done, and nothing of a stack is shown`, async (t) => {
    const ns = await agent(t);
    const { code: ended, screen } = await atTerminal(['uninstall', '-n', ns], '[keep/prune]', answer);
    t.is(ended, code, screen);
    t.notRegex(screen, /^\s+at |undefined|unexpected/m);
    if (code === 2) t.regex(screen, /\nerror: nothing was done\n$/);
    t.is((await plugin(['status', '-n', ns])).code, 0, 'all is there still');
  });
}

tellsErrors([
  {
    what: 'nobody is there to be asked: uninstall',
    given: async (t) => ({ args: ['uninstall', '-n', await agent(t)] }),
    before: /^the agent of the namespace t-\S+ synced\n {2}gitlab-agent\.test\.shop: 2 objects$/,
    error: 'nobody is there to be asked: keep it as it is, or delete it? [keep/prune]',
    hint: 'say --keep or --prune',
  },
  {
    what: 'nobody is there to be asked: rollback',
    given: async (t) => ({ args: ['rollback', '-n', await agent(t)] }),
    error: 'without a terminal nobody can be asked whether to roll back',
    hint: /--yes does it without asking; .+/,
  },
]);

test('Ctrl-C while a wait goes on: no word of an error', async (t) => {
  const ns = await agent(t);
  const { child, soFar, done } = startPlugin(['wait', '--commit', SECOND, '-n', ns]);
  await waitFor(async () => soFar.stderr !== '', { what: 'words of progress' });
  child.kill('SIGINT');
  t.like(await done, { code: 130, stdout: '', stderr: '' });
});

for (const args of [['version'], ['--help'], ['status'], ['status', '-o', 'json'], ['completion', 'bash']]) {
  test(`a reader who is gone before the first word: ${args.join(' ')}`, async (t) => {
    const words = args[0] === 'status' ? [...args, '-n', await agent(t)] : args;
    const { child, done } = startPlugin(words);
    child.stdout.destroy();
    t.like(await done, { code: 0, stderr: '' });
  });
}
