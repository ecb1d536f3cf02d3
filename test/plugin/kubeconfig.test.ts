import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../core/kube/certificates.ts';
import { namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { clusterApiServer } from '../support/cluster-api-server.ts';
import { findKubectl } from '../support/control-plane/binaries.ts';
import { type ErrorRow, tellsErrors } from '../support/error-rows.ts';
import { ground } from '../support/errors-ground.ts';
import type { Scope } from '../support/gitlab/access-token.ts';
import { json } from '../support/gitlab/answer.ts';
import { PLUGIN, type PluginOptions, plugin, pluginEnvironment, startPlugin } from '../support/plugin.ts';

const GITLAB = 'https://gitlab.example.com';
const SERVER = 'https://kas.example.com/k8s-proxy';
const CANARY = 'glpat-canary0123';
/** What needs nobody to be asked. */
const BASE = ['kubeconfig', '--agent-id=7', `--gitlab-url=${GITLAB}`, `--server=${SERVER}/`];

const authority = new Authority();
const pair = authority.issue('kas', ['IP:127.0.0.1']);
test.after.always(() => authority.remove());

/** A home of one's own, and a program on PATH as kubectl finds it. */
function person(t: ExecutionContext): { home: string; env: Record<string, string>; file: string } {
  const home = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, 'bin'));
  symlinkSync(PLUGIN, join(home, 'bin', 'kubectl-gitlab_agent'));
  const { PATH } = pluginEnvironment();
  const env = { HOME: home, KUBECONFIG: '', KUBERC: 'off', PATH: `${join(home, 'bin')}:${PATH}` };
  return { home, env, file: join(home, '.kube', 'config') };
}

const written = (name: string, more: { server?: string; namespace?: string; args?: string } = {}): string =>
  `apiVersion: v1
kind: Config
clusters:
- cluster:
    server: ${more.server ?? SERVER}
  name: ${name}
users:
- user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - credential
${more.args ?? `      - --agent-id=7\n      - --gitlab-url=${GITLAB}\n`}      command: kubectl-gitlab_agent
      installHint: put kubectl-gitlab_agent, the program of kubectl gitlab-agent, into a folder of PATH
      interactiveMode: Never
      provideClusterInfo: false
  name: ${name}
contexts:
- context:
    cluster: ${name}
${more.namespace ? `    namespace: ${more.namespace}\n` : ''}    user: ${name}
  name: ${name}
`;

test('a context with a number and an address: nobody is asked, no token is in it, and nobody else may read it', async (t) => {
  const { env, file } = person(t);
  const login = { ...env, GITLAB_TOKEN: CANARY, GITLAB_HOST: 'gitlab.example.com' };
  const first = await plugin([...BASE, '--context=production', '-n', 'shop'], { env: login });
  t.deepEqual(first, {
    code: 0,
    stdout: `wrote the context "production" to ${file}\ntry: kubectl get namespaces --context=production\n`,
    stderr: '',
    progress: '',
  });
  t.is(readFileSync(file, 'utf8'), written('production', { namespace: 'shop' }));
  t.is(statSync(file).mode & 0o777, 0o600);
  const again = await plugin([...BASE, '--context=production'], { env: login });
  t.regex(again.stdout, /^the context "production" is in \S+ already\ntry: /);
  t.is(readFileSync(file, 'utf8'), written('production', { namespace: 'shop' }), 'what was chosen stays');

  const current = await plugin([...BASE, '--context=it is mine', '--set-current'], { env });
  t.regex(current.stdout, /\ntry: kubectl get namespaces\n$/);
  t.is(
    current.stderr,
    `notice: kubectl will find no token for ${GITLAB}: glab auth login, or GITLAB_TOKEN with GITLAB_HOST=gitlab.example.com\n`,
  );
  t.regex(readFileSync(file, 'utf8'), /^current-context: it is mine$/m);
  const quoted = await plugin([...BASE, "--context=it's mine"], { env: login });
  t.regex(quoted.stdout, /--context='it'\\''s mine'\n$/);
});

test('--dry-run prints a kubeconfig of its own; a file with a token is named, a certificate is copied', async (t) => {
  const { home, env, file } = person(t);
  writeFileSync(join(home, 'token'), `${CANARY}\n`);
  writeFileSync(join(home, 'ca.pem'), `Mine:\n${pair.key}\n${authority.ca.cert}`);
  const args = ['--config-project=group/agents', 'production', '--dry-run', '--set-current'];
  const files = ['--gitlab-token-file=token', '--certificate-authority=ca.pem'];
  const { code, stdout, stderr } = await plugin([...BASE, ...args, ...files], { env, cwd: home });
  t.is(code, 0, stderr);
  const [, data] = /certificate-authority-data: (\S+)\n/.exec(stdout)!;
  t.is(Buffer.from(data!, 'base64').toString().trim(), authority.ca.cert.trim(), 'no key with it');
  t.is(
    stdout.replace(/ +certificate-authority-data: \S+\n/, ''),
    `${written('group/agents:production', {
      args: `      - --agent-id=7\n      - --gitlab-url=${GITLAB}\n      - --gitlab-token-file=${join(home, 'token')}\n`,
    })}current-context: group/agents:production\n`,
  );
  t.is(statSync(file, { throwIfNoEntry: false }), undefined);
});

test('GitLab says which number the agent has and where its server is', async (t) => {
  const { env, file } = person(t);
  const { gitlab, ada } = await ground(t);
  const { value } = ada.createToken({ scopes: ['api'] });
  const project = await gitlab.createProject('group/more', { members: { ada: 'developer' } });
  const { agent } = gitlab.createAgentToken(project, 'production');
  const args = ['kubeconfig', 'production', '--config-project=group/more', `--gitlab-url=${gitlab.url}/`];
  const login = { ...env, GITLAB_TOKEN: value };
  const said = await plugin(args, { env: login });
  t.is(said.code, 0, said.stderr);
  t.regex(
    said.stdout,
    /^wrote the context "group\/more:production" to .*\ntry: kubectl .* --context=group\/more:production\n$/,
  );
  const { host } = new URL(gitlab.url);
  t.is(
    said.stderr,
    `notice: kubectl will find no token for ${gitlab.url}: glab auth login, or GITLAB_TOKEN with GITLAB_HOST=${host}\n`,
  );
  t.is(
    readFileSync(file, 'utf8'),
    written('group/more:production', {
      server: 'https://127.0.0.1:8154/k8s-proxy',
      args: `      - --agent-id=${agent.id}\n      - --gitlab-url=${gitlab.url}\n`,
    }),
  );
  for (const [externalUrl, server] of [
    ['wss://kas.example.com', 'https://kas.example.com/k8s-proxy'],
    [
      'wss://gitlab.example.com/-/kubernetes-agent/',
      'https://gitlab.example.com/-/kubernetes-agent/k8s-proxy',
    ],
  ]) {
    const fault = { answer: json(200, { version: '17.0.0', kas: { enabled: true, externalUrl } }) };
    const set = gitlab.fault(fault, { on: ({ path }) => path === '/api/v4/metadata' });
    const { stdout } = await plugin([...args, '--dry-run'], { env: login });
    set.clear();
    t.true(stdout.includes(`    server: ${server}\n`), stdout);
  }
  t.false((said.stdout + said.stderr + readFileSync(file, 'utf8')).includes(value));
});

test('kubectl and this program reach the cluster by it, and only with the token', async (t) => {
  const { home, env, file } = person(t);
  const ns = await namespace(t);
  await using server = await clusterApiServer(sharedCluster(), `pat:7:${CANARY}`, pair);
  const tokenFile = join(home, 'token');
  writeFileSync(tokenFile, CANARY);
  writeFileSync(join(home, 'one.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n');
  const base = ['kubeconfig', '--agent-id=7', `--gitlab-url=${GITLAB}`, '--context=far', `-n=${ns}`];
  const made = await plugin(
    [...base, `--server=${server.url}`, `--certificate-authority=${authority.ca.certFile}`],
    {
      env: { ...env, GITLAB_TOKEN: CANARY, GITLAB_HOST: 'gitlab.example.com' },
    },
  );
  t.is(made.code, 0, made.stderr);
  t.is(made.stderr, '');
  const kubectlProgram = await findKubectl();
  const far = (args: string[], more: Record<string, string>, options: PluginOptions = {}) =>
    plugin([...args, '--context=far'], { env: { ...env, ...more }, cwd: home, ...options });
  const login = { GITLAB_TOKEN: CANARY, GITLAB_HOST: 'gitlab.example.com' };
  const asKubectl: PluginOptions = { program: [kubectlProgram] };

  const serverSide = await far(['create', 'configmap', 'one'], login, asKubectl);
  t.is(serverSide.stdout, 'configmap/one created\n', serverSide.stderr);
  const diff = await far(['diff', '-f', 'one.yaml'], login);
  t.is(diff.code, 0, diff.stdout + diff.stderr);
  const status = await far(['status', '-n', ns], login);
  t.regex(status.stderr, RegExp(`there is no agent in the namespace ${ns}`));
  t.deepEqual([...new Set(server.credentials)], [`Bearer pat:7:${CANARY}`]);

  // A token for gitlab.com is not for this GitLab, and a wrong one is refused there.
  const elsewhere = await far(['get', 'cm'], { GITLAB_TOKEN: CANARY }, asKubectl);
  t.not(elsewhere.code, 0);
  t.regex(
    elsewhere.stderr,
    /error: there is no token for https:\/\/gitlab\.example\.com\nhint: glab auth login, or/,
  );
  const own = await far(['diff', '-f', 'one.yaml'], { GITLAB_TOKEN: CANARY });
  t.is(own.code, 2);
  t.regex(
    own.stderr,
    /^error: there is no token for .*\nhint: .*\nerror: the exec plugin kubectl-gitlab_agent, which gets the credentials, failed with exit code 2\n$/,
  );
  const wrong = await far(['diff', '-f', 'one.yaml'], { ...login, GITLAB_TOKEN: 'glpat-wrong' });
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /^error: the agent server does not let this through \(401\): Unauthorized\nhint: /);
  const outputs = [made, serverSide, diff, status, elsewhere, own, wrong];
  t.false(outputs.some(({ stdout, stderr }) => /glpat-/.test(stdout + stderr)));
  t.false(readFileSync(file, 'utf8').includes('glpat-'));

  // glab's login, and a file that is written into the context.
  const glab = join(home, 'glab');
  mkdirSync(glab);
  writeFileSync(join(glab, 'config.yml'), `hosts:\n  gitlab.example.com:\n    token: !!null ${CANARY}\n`);
  t.is((await far(['diff', '-f', 'one.yaml'], { GLAB_CONFIG_DIR: glab })).code, 0);
  const named = [...base, `--server=${server.url}`, '--gitlab-token-file=token'];
  t.is((await plugin(named, { env, cwd: home })).code, 0);
  t.is((await far(['get', 'cm', 'one'], {}, asKubectl)).code, 0);
  rmSync(tokenFile);
  const gone = await far(['get', 'cm', 'one'], {}, asKubectl);
  t.regex(gone.stderr, /error: the file of --gitlab-token-file \(\S+\) can't be read: there is no such file/);

  // Without the program, kubectl says what is missing.
  const without = await far(['get', 'cm'], { ...login, PATH: pluginEnvironment().PATH! }, asKubectl);
  t.regex(
    without.stderr,
    /put kubectl-gitlab_agent, the program of kubectl gitlab-agent, into a folder of PATH/,
  );
});

test('the credential is what kubectl asks for, and lasts a quarter of an hour', async (t) => {
  const { env } = person(t);
  const { code, stdout, stderr } = await plugin(['credential', '--agent-id=7', `--gitlab-url=${GITLAB}`], {
    env: { ...env, GITLAB_TOKEN: `${CANARY}\n`, GITLAB_HOST: 'https://gitlab.example.com/' },
  });
  t.is(code, 0, stderr);
  const { status, ...rest } = JSON.parse(stdout);
  t.deepEqual(rest, { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' });
  t.is(status.token, `pat:7:${CANARY}`);
  const minutes = (Date.parse(status.expirationTimestamp) - Date.now()) / 60_000;
  t.true(minutes > 10 && minutes < 16, String(minutes));
  const help = await plugin(['--help']);
  t.false(help.stdout.includes('credential'), 'nobody has to know of it');
});

const CONFIG = (name: string): string =>
  `# ${name}\nclusters:\n- name: ${name}\n  cluster: {server: "https://${name}"} # there\ncurrent-context: ${name}\n`;

test('it goes where kubectl config writes, and others keep their layout', async (t) => {
  const { home, env } = person(t);
  const program = await findKubectl();
  const [one, two, none] = ['one', 'two', 'none'].map((name) => join(home, name));
  for (const [name, value, target] of [
    ['the first that is there', `${none}:${one}:${two}`, one],
    ['the last where none is there', `${none}1:${none}2`, `${none}2`],
    ['the only one', `${none}3`, `${none}3`],
  ] as const) {
    const texts = (): (string | undefined)[] =>
      [one, two, `${none}2`, `${none}3`].map((file) =>
        statSync(file!, { throwIfNoEntry: false }) ? readFileSync(file!, 'utf8') : undefined,
      );
    const reset = (): void => {
      for (const file of [`${none}1`, `${none}2`, `${none}3`]) rmSync(file, { force: true });
      writeFileSync(one!, CONFIG('one'));
      writeFileSync(two!, CONFIG('two'));
    };
    const changes = async (write: () => Promise<unknown>): Promise<boolean[]> => {
      reset();
      const before = texts();
      await write();
      return texts().map((text, index) => text !== before[index]);
    };
    const asKubectl = await changes(() =>
      plugin(['config', 'set-cluster', 'new', `--server=${SERVER}`], {
        env: { ...env, KUBECONFIG: value },
        program: [program],
      }),
    );
    const asHere = await changes(async () => {
      const { code, stdout, stderr } = await plugin([...BASE, '--context=new'], {
        env: { ...env, KUBECONFIG: value },
      });
      t.is(code, 0, stderr);
      t.true(stdout.includes(` to ${target}\n`), `${name}: ${stdout}`);
    });
    t.deepEqual(asHere, asKubectl, name);
  }
  // An entry is changed where it is, which may be more than one file.
  writeFileSync(one!, CONFIG('one'));
  const list = `${one}:${two}`;
  t.is((await plugin([...BASE, '--context=new', `--kubeconfig=${two}`], { env })).code, 0);
  const moved = [...BASE, '--context=new', '--server=https://moved.example.com', '--set-current'];
  const { stdout } = await plugin(moved, { env: { ...env, KUBECONFIG: list } });
  t.is(stdout.split('\n')[0], `wrote the context "new" to ${two} and ${one}`);
  t.is(readFileSync(one!, 'utf8'), CONFIG('one').replace('current-context: one', 'current-context: new'));
  t.regex(readFileSync(two!, 'utf8'), /server: https:\/\/moved\.example\.com\n/);
  t.true(
    readFileSync(two!, 'utf8').startsWith(
      '# two\nclusters:\n- name: two\n  cluster: {server: "https://two"} # there\n',
    ),
  );

  // A link stays one, and rights stay as they are.
  const link = join(home, 'link');
  symlinkSync(two!, link);
  const linked = await plugin([...BASE, '--context=linked', `--kubeconfig=${link}`], { env });
  t.is(linked.code, 0, linked.stderr);
  t.regex(readFileSync(two!, 'utf8'), /name: linked/);
  t.is(statSync(two!).mode & 0o777, 0o644);
  t.false(statSync(link, { throwIfNoEntry: false }) === undefined);
});

test('what has the name and is of something else is replaced only by who says so', async (t) => {
  const { env, file } = person(t);
  mkdirSync(join(file, '..'));
  const others = `users:\n- name: production\n  user: {token: ${CANARY}, as: root}\n`;
  writeFileSync(file, others);
  const args = [...BASE, '--context=production'];
  const refused = await plugin(args, { env });
  t.is(refused.code, 2);
  t.regex(
    refused.stderr,
    /^error: the kubeconfig calls something else "production", which is not of this agent\nhint: choose another/,
  );
  t.is(readFileSync(file, 'utf8'), others);
  const { code, stdout, stderr } = await plugin([...args, '--yes'], { env });
  t.is(code, 0, stderr);
  t.false(/root|glpat/.test(readFileSync(file, 'utf8')));
  t.false((refused.stderr + stdout + stderr).includes(CANARY));
  const another = await plugin([...args, '--agent-id=8'], { env });
  t.is(another.code, 2, 'another agent is something else');
});

test('at a terminal it asks, and no is no', async (t) => {
  const { env, file } = person(t);
  mkdirSync(join(file, '..'));
  const others = 'contexts:\n- name: production\n  context: {cluster: other}\n';
  const command = [process.execPath, PLUGIN, ...BASE, '--context=production'].join(' ');
  for (const [answer, code] of [
    ['no', 2],
    ['y', 0],
  ] as const) {
    writeFileSync(file, others);
    const { child, soFar, done } = startPlugin(['-qec', command, '/dev/null'], {
      program: ['script'],
      env,
      input: 'open',
    });
    await waitFor(async () => soFar.stdout.includes('[y/N]'), { what: 'the question' });
    t.regex(
      soFar.stdout,
      /replace what the kubeconfig calls "production", which is not of this agent\? \[y\/N\] $/,
    );
    child.stdin.write(`${answer}\n`);
    t.is((await done).code, code);
    t.is(readFileSync(file, 'utf8') === others, code === 2);
  }
});

const own = (line: string, row: Omit<ErrorRow, 'what' | 'given'>): ErrorRow => ({
  what: line,
  given: (t) => {
    const { env, home } = person(t);
    writeFileSync(join(home, 'key.pem'), pair.key);
    return {
      args: [...BASE, ...line.split(' ').filter(Boolean)],
      env: { ...env, GITLAB_TOKEN: CANARY },
      cwd: home,
      secrets: [CANARY],
    };
  },
  ...row,
});
const whole = (args: string, row: Omit<ErrorRow, 'what' | 'given'>): ErrorRow => ({
  what: args,
  given: (t) => ({ args, env: { ...person(t).env, GITLAB_TOKEN: CANARY }, secrets: [CANARY] }),
  ...row,
});
const AN_ADDRESS = '--server https://kas.example.com/k8s-proxy';

tellsErrors([
  whole('kubeconfig', { error: '--gitlab-url is missing', hint: '--gitlab-url https://gitlab.example.com' }),
  whole(`kubeconfig --gitlab-url=${GITLAB}`, {
    error: 'say which agent',
    hint: 'kubectl gitlab-agent kubeconfig production',
  }),
  whole(`kubeconfig production --gitlab-url=${GITLAB}`, {
    error: '--config-project is missing',
    hint: '--config-project group/agents, or the number with --agent-id',
  }),
  whole('kubeconfig --agent-id=1 --gitlab-url=http://gitlab.example.com', {
    error: 'no token is sent to http://gitlab.example.com unencrypted',
    hint: '--gitlab-url https://…',
  }),
  whole('kubeconfig one two', { error: 'kubeconfig takes one agent, not "two"' }),
  own('--agent-id=0', { error: '--agent-id is no number of an agent', hint: /it is 1 or more; .*/ }),
  own('--agent-id=production', { error: '--agent-id is no number of an agent', hint: /it is 1 or more; .*/ }),
  own('Production', {
    error: 'an agent can\'t be called "Production"',
    hint: 'lower case letters, digits and dashes, at most 63',
  }),
  own('--server=http://kas.example.com/k8s-proxy', {
    error: '--server is not an https:// address, and to others kubectl sends no credentials',
    hint: AN_ADDRESS,
  }),
  own('--server=http://127.0.0.1:8154', {
    error: '--server is not an https:// address, and to others kubectl sends no credentials',
    hint: AN_ADDRESS,
  }),
  own('--server=kas.example.com', { error: '--server is no plain URL', hint: AN_ADDRESS }),
  own('--server=https://ada:glpat-canary0123@kas.example.com', {
    error: '--server is no plain URL',
    hint: AN_ADDRESS,
  }),
  own('--context=', { error: 'a context can\'t be called ""', hint: '--context production' }),
  own('--namespace=Shop', {
    error: 'the namespace can\'t be "Shop"',
    hint: 'lower case letters, digits and dashes, at most 63',
  }),
  own('--kubeconfig=', { error: '--kubeconfig is empty', hint: 'is a variable of the script not set?' }),
  own('--kubeconfig=bin', { error: /the kubeconfig file bin can't be read: it is a directory/ }),
  own('--certificate-authority=', { error: '--certificate-authority is empty', hint: 'it is a PEM file' }),
  own('--certificate-authority=nowhere.pem', {
    error: /the certificate authority can't be read from \S+nowhere\.pem: it does not exist/,
  }),
  own('--certificate-authority=key.pem', {
    error: /the certificate authority in \S+key\.pem holds no certificate in PEM form/,
  }),
  own('--gitlab-token-file=nowhere', {
    error: /the file of --gitlab-token-file \(\S+nowhere\) can't be read: there is no such file/,
    hint: /--gitlab-token-file takes a file, .*/,
  }),
  ...(
    [
      ['a: [', /\S+config:1:5: the kubeconfig is not YAML: .*/, undefined],
      ['- a', /\S+config: the kubeconfig can't be used: it must be a kubeconfig, .*/, undefined],
      ['users: {a: b}', /\S+config: the kubeconfig can't be used: users must be a list/, undefined],
      [
        'kind: Config\n---\nkind: Config\n',
        /\S+config: it has several YAML documents, .*/,
        'name another file with --kubeconfig',
      ],
    ] as const
  ).map(
    ([text, error, hint]): ErrorRow => ({
      what: `the kubeconfig is ${JSON.stringify(text)}`,
      given: (t) => {
        const { env, file } = person(t);
        mkdirSync(join(file, '..'));
        writeFileSync(file, text);
        return { args: BASE, env };
      },
      error,
      ...(hint && { hint }),
    }),
  ),
  {
    what: 'somebody else writes the kubeconfig',
    given: (t) => {
      const { env, file } = person(t);
      mkdirSync(join(file, '..'));
      writeFileSync(`${file}.lock`, '');
      return { args: BASE, env };
    },
    error: /the kubeconfig \S+config is being written by another program/,
    hint: /try again; if there is no such program, delete \S+config\.lock/,
  },
  whole('credential', { error: '--agent-id is missing', hint: /it is 1 or more; .*/ }),
  whole(`credential --agent-id=7 --gitlab-url=${GITLAB}`, {
    error: `there is no token for ${GITLAB}`,
    hint: 'glab auth login, or GITLAB_TOKEN with GITLAB_HOST=gitlab.example.com',
  }),
]);

const asking = (
  what: string,
  more: string[],
  row: Omit<ErrorRow, 'what' | 'given'>,
  options: { metadata?: object; scopes?: Scope[] } = {},
): ErrorRow => ({
  what,
  given: async (t) => {
    const { gitlab, ada } = await ground(t);
    const { metadata, scopes = ['api'] } = options;
    if (metadata)
      gitlab.fault({ answer: json(200, metadata) }, { on: ({ path }) => path === '/api/v4/metadata' });
    const { value } = ada.createToken({ scopes });
    const args = ['kubeconfig', `--gitlab-url=${gitlab.url}`, ...more];
    return { args, env: { ...person(t).env, GITLAB_TOKEN: value }, secrets: [value] };
  },
  ...row,
});

tellsErrors([
  asking('GitLab has no such agent', ['none', '--config-project=group/agents'], {
    error: 'group/agents has no agent called none in GitLab',
    hint: /kubectl gitlab-agent register none makes it; .*--agent-id/,
  }),
  asking('GitLab has no such project', ['none', '--config-project=group/nowhere'], {
    error: /the agents of group\/nowhere can't be read: GitLab answered 404: .*/,
    hint: /it takes a token with the scope read_api of a Developer of the project; .*/,
  }),
  asking(
    'the token may not read agents',
    ['none', '--config-project=group/agents'],
    {
      error: /the agents of group\/agents can't be read: GitLab answered 401: .*/,
      hint: /it takes a token with the scope read_api of a Developer of the project; .*/,
    },
    { scopes: ['read_user'] },
  ),
  ...(
    [
      ['GitLab has no agent server', { kas: { enabled: false } }],
      [
        'GitLab names only the port for agents',
        { kas: { enabled: true, externalUrl: 'grpc://kas.example.com:8150' } },
      ],
      ['GitLab says nothing of it', { version: '15.0.0' }],
    ] as const
  ).map(([what, metadata]) =>
    asking(
      what,
      ['--agent-id=1'],
      {
        error: /http:\/\/\S+ does not say where its agent server answers for the APIs of clusters/,
        hint: AN_ADDRESS,
      },
      { metadata },
    ),
  ),
  asking(
    'the token may not ask for the address',
    ['--agent-id=1'],
    {
      error: /GitLab does not say where its agent server is: GitLab answered 403: .*/,
      hint: /it takes a token with the scope read_api .*/,
    },
    { scopes: ['write_repository'] },
  ),
  asking(
    'GitLab names an address without encryption',
    ['--agent-id=1'],
    {
      error: /the agent server of http:\/\/\S+ is not an https:\/\/ address, .*/,
      hint: AN_ADDRESS,
    },
    { metadata: { kas: { enabled: true, externalUrl: 'ws://kas.example.com' } } },
  ),
]);
