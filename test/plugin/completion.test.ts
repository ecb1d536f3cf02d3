import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { applySetId } from '../../core/apply/apply-set.ts';
import { SOURCES } from '../../plugin/completion/sources.ts';
import type { ConnectionFlags } from '../../plugin/connection-flags.ts';
import type { Io } from '../../plugin/io.ts';
import { VERSION } from '../../tools/bundle-options.ts';
import { listedCommands } from '../../tools/listed-commands.ts';
import { accessOf, apiCall, namespace, sharedCluster } from '../support/cluster.ts';
import { findKubectl } from '../support/control-plane/binaries.ts';
import { plugin, pluginEnvironment } from '../support/plugin.ts';

const scratch = mkdtempSync(join(tmpdir(), 'completion-'));
const bin = join(scratch, 'bin');
const repository = join(scratch, 'repository');
const kubeconfig = join(scratch, 'kubeconfig');
const dist = join(import.meta.dirname, '..', '..', 'dist', 'plugin');
test.before(() => {
  mkdirSync(bin);
  symlinkSync(join(dist, 'kubectl-gitlab_agent.cjs'), join(bin, 'kubectl-gitlab_agent'));
  symlinkSync(join(dist, 'kubectl_complete-gitlab_agent.cjs'), join(bin, 'kubectl_complete-gitlab_agent'));
  mkdirSync(repository);
  const git = (...args: string[]): string =>
    execFileSync('git', [
      '-C',
      repository,
      '-c',
      'user.name=t',
      '-c',
      'user.email=t@example.com',
      ...args,
    ]).toString();
  git('init', '--quiet', '--initial-branch=main');
  git('commit', '--quiet', '--allow-empty', '--message=A first\tone');
  git('tag', 'v1.0');
  // Once: tests run side by side, and who writes a file empties it first.
  writeFileSync(kubeconfig, KUBECONFIG);
});
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

/** The candidates without descriptions, and the directive. */
async function complete(words: string[], env: Record<string, string> = {}): Promise<[string[], string]> {
  const { code, stdout, stderr } = await plugin(['__complete', ...words], { env, cwd: repository });
  if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
  const lines = stdout.trimEnd().split('\n');
  return [lines.slice(0, -1).map((line) => line.split('\t')[0]!), lines.at(-1)!];
}

const KUBECONFIG = `apiVersion: v1
kind: Config
contexts: [{name: arn:one, context: {cluster: c1, user: u1}}, {name: two, context: {cluster: c1, user: u1}}]
clusters: [{name: c1, cluster: {server: http://127.0.0.1:1}}]
users: [{name: u1, user: {}}]
`;
const STATIC: [words: string[], candidates: string[], directive: string][] = [
  [['comp'], ['completion'], ':4'],
  [['help', 'con'], ['config', 'concepts', 'configuration'], ':4'],
  [['help', 'config', ''], ['validate', 'show', 'edit'], ':4'],
  [['help', 'status', ''], [], ':4'],
  [['completion', ''], ['kubectl', 'bash', 'zsh', 'fish'], ':4'],
  [['diff', '--output=j'], ['json'], ':4'],
  [['diff', '-o', 'un'], ['unified'], ':4'],
  [['logs', '--level=w'], ['warn'], ':4'],
  [['logs', '-fpo', 'j'], ['json'], ':4'],
  [['diff', '--inse'], ['--insecure-skip-tls-verify'], ':4'],
  [['diff', '--context', ''], ['arn:one', 'two'], ':4'],
  [['diff', '--user=u'], ['u1'], ':4'],
  [['kubeconfig', '--context', ''], ['arn:one', 'two'], ':4'],
  [['kubeconfig', '--server', 'https://127.0.0.1:1', ''], [], ':4'],
  [['kubeconfig', '-n', ''], [], ':4'],
  [['diff', '--cluster', 'c'], ['c1'], ':4'],
  [['diff', '-f', ''], [], ':0'],
  [['diff', '-k', ''], [], ':16'],
  [['diff', '--rev', 'v'], ['v1.0'], ':4'],
  [['diff', '--rev', 'v1.0..m'], ['v1.0..main'], ':4'],
  [['config', 'validate', ''], [], ':0'],
  // The cluster is away, there is no such command, no such flag: no candidates, and no error.
  [['explain', 'deploy/'], [], ':4'],
  [['history', '--applyset', ''], [], ':4'],
  [['frobnicate', ''], [], ':4'],
  [['diff', '--frobnicate='], [], ':4'],
  [['diff', '--kubeconfig', '/nowhere', '--context', ''], [], ':4'],
];
for (const [words, candidates, directive] of STATIC) {
  test(`__complete ${JSON.stringify(words)}`, async (t) => {
    t.deepEqual(await complete(words, { KUBECONFIG: kubeconfig }), [candidates, directive]);
  });
}

test('every command that the help lists is completed', async (t) => {
  const { stdout } = await plugin(['--help']);
  const listed = listedCommands(stdout);
  t.true(listed.length > 5, stdout);
  t.deepEqual((await complete(['']))[0].sort(), listed.sort());
});

test('every flag that the help of a command lists is completed', async (t) => {
  const { stdout } = await plugin(['diff', '--help']);
  const listed = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+|-v) /gm)].map(([, name]) => name!);
  t.true(listed.includes('--kubeconfig') && listed.includes('--output'), stdout);
  const single = await complete(['diff', '-']);
  t.deepEqual(
    listed.filter((flag) => !single[0].includes(flag)),
    [],
  );
});

test('a server that never answers costs two seconds and no error', async (t) => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as { port: number };
  const words = ['history', '-s', `http://127.0.0.1:${port}`, '--applyset', ''];
  const begun = performance.now();
  t.deepEqual(await complete(words), [[], ':4']);
  t.true(performance.now() - begun < 20_000);
});

test('sets, syncs, agents, projects, commits and objects come from the cluster', async (t) => {
  const within = await namespace(t);
  const admin = accessOf(sharedCluster());
  const env = { KUBECONFIG: sharedCluster().kubeconfig };
  await plugin(['apply', '-f', '-', '-n', within, '--applyset', 'shop'], {
    env,
    input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cart}\n',
  });
  const revision = 'c0ffee'.padEnd(40, '0');
  const status = {
    state: 'Synced',
    reason: 'Succeeded',
    message: 'all applied',
    startedAt: '2026-01-02T03:04:05Z',
    wanted: { revision, at: '2026-01-02T03:04:05Z' },
    source: {},
  };
  const { state: result, ...rest } = status;
  const sync = { ...rest, result, revision, finishedAt: status.startedAt, counts: {} };
  const parent = 'gitlab-agent.production.web';
  await apiCall(admin, 'POST', `/api/v1/namespaces/${within}/configmaps`, {
    metadata: {
      name: parent,
      labels: {
        'agent.gitlab.com/name': 'production',
        'agent.gitlab.com/entry': 'web',
        'applyset.kubernetes.io/id': applySetId({ namespace: within, name: parent }).id,
      },
      annotations: {
        'agent.gitlab.com/project-path': 'shop/web',
        'applyset.kubernetes.io/tooling': `gitlab-agent/v${VERSION}`,
      },
    },
    data: { status: JSON.stringify(status), history: JSON.stringify([sync, sync]) },
  });
  const at = (...words: string[]): Promise<[string[], string]> => complete(words, env);
  t.deepEqual(await at('history', '-n', within, '--applyset', ''), [[parent, 'shop'], ':4']);
  t.deepEqual(await at('history', '-n', within, '--applyset', 'shop', ''), [['1'], ':4']);
  t.deepEqual(await at('history', '-n', within, 'production', 'shop/web', ''), [['1', '2'], ':4']);
  t.deepEqual(await at('suspend', '-n', within, 'prod'), [['production'], ':4']);
  const [commits] = await at('wait', '-n', within, 'production', '--commit', revision.slice(0, 3));
  t.deepEqual(commits, [revision]);
  t.deepEqual(await at('explain', '-n', within, 'cm/c'), [['cm/cart'], ':4']);
  t.deepEqual(await at('explain', '-n', within, 'cm', 'c'), [['cart'], ':4']);
  t.deepEqual(await at('explain', 'replicas'), [['replicasets'], ':6']);
  t.deepEqual(await at('diff', '-n', within), [[within], ':4']);
  // Whichever command has a word or a flag of that name gets these.
  const values = async (name: string): Promise<string[]> => {
    const io = { env, cwd: repository, homedir: scratch } as unknown as Io;
    const around = {
      connection: { namespace: within } as ConnectionFlags,
      flags: new Map(),
      positionals: [],
    };
    const found = await SOURCES[name]!({ ...around, prefix: '', io, signal: AbortSignal.timeout(60_000) });
    return [...new Set(found.map(({ value }) => value))];
  };
  t.deepEqual(await values('agent'), ['production', 'shop/web']);
  t.deepEqual(await at('status', '-n', within, 'prod'), [['production'], ':4']);
  t.deepEqual(await at('status', '-n', within, 'production', ''), [['shop/web'], ':4']);
  t.deepEqual(await at('logs', '-n', within, 'prod'), [['production'], ':4']);
  t.deepEqual(await at('logs', '-n', within, 'production', '--project', ''), [['shop/web'], ':4']);
  t.deepEqual(await values('project'), ['shop/web']);
  t.is((await values('commit')).filter((value) => value === revision).length, 1);
  t.is(
    (await values('commit')).length,
    3,
    'one of the agent, one of the repository, and nothing for what is not known',
  );
});

test('kubectl finds the plugin and completes it', async (t) => {
  const kubectl = await findKubectl();
  const env = { ...pluginEnvironment(), PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin` };
  const run = (...args: string[]): string =>
    execFileSync(kubectl, args, { env, encoding: 'utf8', stdio: 'pipe' });
  t.regex(run('gitlab-agent', 'version'), /^kubectl gitlab-agent v\d/);
  t.regex(run('__complete', 'gitlab-agent', 'comp'), /^completion\tPrint a completion script[^\n]*\n:4\n/);
  t.is(run('__complete', 'gitlab-agent', 'diff', '--output', 'j'), 'json\n:4\n');
  // The script that people install themselves does the same.
  const script = join(scratch, 'script');
  mkdirSync(script);
  writeFileSync(join(script, 'kubectl_complete-gitlab_agent'), run('gitlab-agent', 'completion', 'kubectl'));
  chmodSync(join(script, 'kubectl_complete-gitlab_agent'), 0o755);
  env.PATH = `${script}:${env.PATH}`;
  t.is(run('__complete', 'gitlab-agent', 'history', '-ojson', '--color', 'a'), 'auto\nalways\n:4\n');
});

/** What bash offers for a line, with the cursor at its end: word splitting and all is bash's own. */
function inBash(line: string, setup = ''): string[] {
  const script = `${setup}
source <(kubectl-gitlab_agent completion bash)
compopt() { printf 'compopt %s\\n' "$*" >&2; }
COMP_LINE=$1 COMP_POINT=\${#1}
IFS=$'\\n' read -r -d '' -a COMP_WORDS <<<"$2"
COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
[[ \${COMP_WORDS[COMP_CWORD]} != '<empty>' ]] || COMP_WORDS[COMP_CWORD]=
_kubectl_gitlab_agent
printf '%s\\n' "\${COMPREPLY[@]}"`;
  // As readline cuts it: at white space, and at = and : which are words themselves.
  const words: string[] = line.match(/[^\s=:]+|[=:]+/g) ?? [];
  if (/\s$/.test(line)) words.push('<empty>');
  const env = {
    ...pluginEnvironment(),
    PATH: `${bin}:${pluginEnvironment().PATH}`,
    KUBECONFIG: kubeconfig,
  };
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', line, words.join('\n')], {
    env,
    encoding: 'utf8',
  });
  return [...stdout.split('\n'), ...stderr.split('\n')].filter((text) => text !== '');
}

const IN_BASH: [line: string, offered: string[]][] = [
  ['kubectl-gitlab_agent compl', ['completion']],
  ['kubectl-gitlab_agent diff -o ', ['unified', 'summary', 'json', 'yaml', 'markdown', 'name', 'plan']],
  ['kubectl-gitlab_agent diff --output=j', ['json']],
  ['kubectl-gitlab_agent diff --output=', ['unified', 'summary', 'json', 'yaml', 'markdown', 'name', 'plan']],
  // A colon divides words for readline: only what follows it is inserted.
  ['kubectl-gitlab_agent diff --context arn:o', ['one']],
  ['kubectl-gitlab_agent diff --context=arn:o', ['one']],
  ['kubectl-gitlab_agent diff -f ', ['compopt -o default']],
  ['kubectl-gitlab_agent diff -k ', ['compopt -o dirnames']],
  ['kubectl-gitlab_agent config sh', ['show']],
  ['kubectl-gitlab_agent nothing ', []],
];
for (const [line, offered] of IN_BASH) {
  test(`bash offers for: ${line}`, (t) => {
    t.deepEqual(inBash(line), offered);
  });
}

test('bash without = and : in COMP_WORDBREAKS is offered whole words', (t) => {
  const setup = "COMP_WORDBREAKS=$' \\t\\n'";
  t.deepEqual(inBash('kubectl-gitlab_agent diff --output=j', setup), ['--output=json']);
});
