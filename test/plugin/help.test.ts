import test from 'ava';
import { painter } from '../../core/report/terminal.ts';
import { terminalPage } from '../../plugin/help/terminal-page.ts';
import { TOPICS } from '../../plugin/help/topics.ts';
import { plugin } from '../support/plugin.ts';

test('Markdown becomes a page for a terminal', (t) => {
  const page = `# Words

<!-- written elsewhere -->

See **these** \`words\` and
[that page](other.md), all of them.

| Word | What it means |
|---|---|
| \`one\` | the first, of which there is more to say |
| two | \`a\` or <b> & "c" |

\`\`\`sh
kubectl get pods

exit
\`\`\`

1. First of all
   in two lines.
2. Second.

- A point.
`;
  t.is(
    terminalPage(page, { paint: painter(false), width: 32 }),
    `Words

  See these words and that page,
  all of them.

  one
      the first, of which there
      is more to say
  two
      a or <b> & "c"

    kubectl get pods

    exit

  1. First of all in two lines.
  2. Second.

  - A point.
`,
  );
  t.is(terminalPage('# A', { paint: painter(true), width: 9 }), '\x1b[1mA\x1b[22m\n');
});

for (const topic of Object.keys(TOPICS))
  test(`help ${topic} fits into 80 columns and leaves no Markdown behind`, async (t) => {
    const { code, stdout, stderr } = await plugin(['help', topic]);
    t.is(code, 0, stderr);
    t.true(stdout.split('\n').length > 40);
    for (const line of stdout.split('\n')) t.true(line.length <= 80, line);
    t.notRegex(stdout, /<!--|`|\*\*\w|\]\(/);
  });

test('help of a command is what --help prints, and help alone lists the commands', async (t) => {
  const [asked, told] = await Promise.all([
    plugin(['help', 'config', 'edit']),
    plugin(['config', 'edit', '-h']),
  ]);
  t.is(asked.stdout, told.stdout);
  t.is(asked.code, 0);
  t.is((await plugin(['help'])).stdout, (await plugin(['--help'])).stdout);
  for (const args of [
    ['help', '--help'],
    ['help', '-h'],
    ['help', 'help'],
  ])
    t.regex(
      (await plugin(args)).stdout,
      /^kubectl gitlab-agent help \[COMMAND\|TOPIC\]\n[\s\S]*\n {2}concepts /,
    );
});

test('what is neither a command nor a topic is told', async (t) => {
  const { code, stderr } = await plugin(['help', 'gitops']);
  t.is(code, 2);
  t.regex(stderr, /^error: there is no command and no topic "gitops"\nhint: .*concepts, configuration/);
});
