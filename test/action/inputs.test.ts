import test from 'ava';
import { readInputs } from '../../action/inputs.ts';
import { checkToken, tokenOf } from '../../action/token.ts';
import { ProblemError } from '../../core/model/problem.ts';

const given = (inputs: Record<string, string>) =>
  Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]));

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError)
      return error.problems.map(({ message, hint }) => `${message} | ${hint}`);
    throw error;
  }
  return [];
}

test('what is given is read: lists by lines, truth values, durations, defaults', (t) => {
  const inputs = readInputs(
    given({
      mode: 'deploy',
      strategy: 'config',
      agent: 'production',
      config_project: 'group/agents',
      paths: ' k8s \n\n more/*.yaml\r\n',
      images: 'a:1\nb:2',
      wait: 'False',
      timeout: '1h30m',
      gitlab_url: 'https://gitlab.example.com/',
      fail_on: 'delete, replace',
      comment: '',
    }),
  );
  t.like(inputs, {
    mode: 'deploy',
    paths: ['k8s', 'more/*.yaml'],
    images: ['a:1', 'b:2'],
    wait: false,
    timeout: 5_400_000,
    gitlabUrl: 'https://gitlab.example.com',
    failOn: ['delete', 'replace'],
    namespace: 'default',
    mergeRequest: false,
  });
  t.false('comment' in inputs);
});

test('all that is wrong is said at once, each with what to do', (t) => {
  const problems = problemsOf(() =>
    readInputs(
      given({
        mode: 'delpoy',
        agent: 'Production',
        wait: 'yes',
        timeout: 'soon',
        commit: 'abc',
        token: '$GITLAB_TOKEN',
        fail_on: 'deletes',
        strategi: 'config',
        manifest_project: 'shop',
      }),
    ),
  );
  t.deepEqual(problems, [
    'input mode can\'t be "delpoy" | it is one of diff, deploy, wait',
    'input manifest_project can\'t be "shop" | group/project',
    'input agent can\'t be "Production" | lower case letters, digits and dashes',
    'input commit can\'t be "abc" | the full SHA',
    'input wait can\'t be "yes" | it is true or false',
    'input timeout can\'t be "soon" | a duration such as 90s or 10m',
    'input fail_on can\'t be "deletes" | it is one of delete, replace, unknown, any',
    'input token is $GITLAB_TOKEN, a variable that is not set | set it, or leave the input out',
    'there is no input strategi | did you mean strategy?',
  ]);
});

for (const [inputs, expected] of [
  [{}, /^input mode is missing/],
  [{ mode: 'wait' }, /^input agent is missing \| name the agent to wait for, or the environment/],
  [{ mode: 'deploy', strategy: 'config', agent: 'a' }, /^input config_project is missing/],
  [{ mode: 'deploy', strategy: 'config', config_project: 'a/b', wait: 'false' }, /^input agent is missing/],
  [{ mode: 'deploy', wait: 'false', tag: 'v1' }, /^input tag is for strategy config/],
  [{ mode: 'diff', images: 'a:1' }, /^input images is for mode deploy/],
  [
    { mode: 'diff', plan_file: 'p.json', against: 'base' },
    /^input plan_file is for a diff against a live cluster/,
  ],
  [{ mode: 'diff', agent_id: '1' }, /^input agent_id is for agent_server \| leave it out$/],
  [
    { mode: 'diff', agent_server: 'https://kas.example.com', agent_id: '0' },
    /^input agent_id can't be "0" \| a number that is 1 or more/,
  ],
  [
    { mode: 'diff', agent_server: 'https://kas.example.com', agent: 'a' },
    /^input agent_id is missing \| name the agent by its number, or with agent and config_project$/,
  ],
  [
    { mode: 'diff', agent_server: 'https://u:p@example.com', agent_id: '1' },
    /^input agent_server is no URL \| https:\/\/kas\.example\.com\/k8s-proxy$/,
  ],
  [
    { mode: 'diff', agent_server: 'http://kas.example.com/k8s-proxy', agent_id: '1' },
    /^input agent_server is not an https:\/\/ address \| a job token is sent there$/,
  ],
  [
    { mode: 'diff', agent_server: 'https://kas.example.com', agent_id: '1', against: 'base' },
    /^input agent_server is for a diff against a live cluster/,
  ],
  [
    { mode: 'wait', agent_server: 'https://kas.example.com', agent_id: '1', agent: 'a' },
    /^input agent_server is for a diff against a live cluster/,
  ],
  [
    { mode: 'diff', agent_server: 'https://kas.example.com', agent_id: '1', kube_context: 'c' },
    /^input agent_server and kube_context exclude each other/,
  ],
  [{ mode: 'diff', gitlab_url: 'https://u:p@example.com' }, /^input gitlab_url is no URL of a GitLab/],
] as const)
  test(`refused: ${JSON.stringify(inputs)}`, (t) => {
    const problems = problemsOf(() => readInputs(given(inputs)));
    t.regex(problems.join('\n'), expected);
  });

test('kinds of tokens', (t) => {
  const kind = (token?: string, jobToken?: string) =>
    tokenOf({ ...(token && { token }) }, { ...(jobToken && { jobToken }) })?.kind;
  t.is(kind(undefined, 'glcbt-64_abc'), 'job');
  t.is(kind('eyJ.abc.def', 'eyJ.abc.def'), 'job');
  t.is(kind('glcbt-64_abc'), 'job');
  t.is(kind('glpat-abc', 'glcbt-64_abc'), 'access');
  t.is(kind('0123456789abcdef'.repeat(4)), 'oauth');
  t.is(kind(), undefined);
});

test('what a job token can not do, for each mode', (t) => {
  const job = { isPublic: false, directory: '/', pipeline: 1, project: 'group/shop' };
  const check = (inputs: Record<string, string>, more = {}) =>
    problemsOf(() =>
      checkToken({ value: 'glcbt-64_x', kind: 'job' }, readInputs(given(inputs)), { ...job, ...more }),
    ).map((text) => text.split(' | ')[0]);
  t.deepEqual(check({ mode: 'wait', agent: 'a' }), ["a job token can't read commit statuses"]);
  t.deepEqual(check({ mode: 'wait', agent: 'a' }, { isPublic: true }), []);
  t.deepEqual(check({ mode: 'wait', agent: 'a', environment: 'e' }), []);
  t.deepEqual(check({ mode: 'deploy', environment: 'e', strategy: 'branch' }), []);
  t.deepEqual(
    check({ mode: 'deploy', agent: 'a', config_project: 'g/c', strategy: 'config', images: 'a:1' }),
    [
      "a job token can't commit to the configuration project",
      "a job token can't commit to the manifest project",
      "a job token can't read commit statuses",
    ],
  );
  const agentServer = { mode: 'diff', agent_server: 'https://kas.example.com', paths: 'k8s' };
  t.deepEqual(check({ ...agentServer, agent: 'a', config_project: 'g/c' }), [
    "a job token can't look up the agent a of g/c",
  ]);
  t.deepEqual(check({ ...agentServer, agent_id: '1' }), []);
  const mergeRequest = { iid: 1, project: 'group/shop' };
  t.deepEqual(check({ mode: 'diff', comment: 'true' }, { mergeRequest }), [
    "a job token can't write notes on merge requests",
  ]);
  t.deepEqual(check({ mode: 'diff' }, { mergeRequest }), []);
  const notices = (inputs: Record<string, string>) =>
    checkToken({ value: 'glcbt-64_x', kind: 'job' }, readInputs(given({ mode: 'diff', ...inputs })), job);
  const [notice] = notices({ agent: 'a', config_project: 'g/c' });
  t.regex(notice!, /^all manifests are compared, not those of the entry of a: a job token can't read g\/c;/);
  t.deepEqual(notices({ agent: 'a', config_project: 'g/c', paths: 'k8s' }), []);
  t.deepEqual(notices({ agent: 'a' }), []);
});
