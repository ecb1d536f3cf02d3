import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import test, { type ExecutionContext } from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { INPUTS, OUTPUTS } from '../../action/input-table.ts';
import { jobVariables, temporaryDirectory } from '../support/action.ts';
import { ACTION_METADATA } from './action-metadata.ts';
import { CONFIG, company, config } from './world.ts';

const root = dirname(dirname(import.meta.dirname));
const PROGRAM = join(root, 'dist', 'action', 'gitlab-agent-ci.js');
const CI_LOCAL = fileURLToPath(import.meta.resolve('gitlab-ci-local'));
const run = promisify(execFile);
const read = (file: string) => readFileSync(join(root, file), 'utf8');

const configMap = (name: string, x: string) =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { x } })}\n`;

test('action.yml is what the runner takes, and says what the step takes', (t) => {
  const action = parse(read('action.yml'));
  const validate = new Ajv().compile(ACTION_METADATA);
  t.true(validate(action), JSON.stringify(validate.errors));
  t.deepEqual(Object.keys(action.inputs), Object.keys(INPUTS));
  for (const [name, input] of Object.entries(INPUTS) as [string, { describe: string; default?: string }][]) {
    t.is(action.inputs[name].description, input.describe);
    t.is(action.inputs[name].default, input.default, name);
  }
  t.deepEqual(
    Object.keys(action.outputs).map((name) => [name, action.outputs[name].description]),
    Object.entries(OUTPUTS),
  );
  t.true(Object.keys(OUTPUTS).length <= 20, 'more would not fit into a dotenv report');
});

test('docs/ci.md has every input and output as it is', (t) => {
  const text = read('docs/ci.md');
  for (const [name, input] of Object.entries(INPUTS)) {
    const preset = 'default' in input ? `\`${input.default}\`` : '';
    t.true(text.includes(`| \`${name}\` | ${input.describe} | ${preset} |`), name);
  }
  for (const [name, words] of Object.entries(OUTPUTS))
    t.true(text.includes(`| \`${name}\` | ${words} |`), name);
});

for (const name of ['diff', 'deploy'])
  test(`the component ${name} hands on each of its inputs, which are the step's`, (t) => {
    const [head, body] = parseAllDocuments(read(`templates/${name}.yml`)).map((one) => one.toJS());
    const own = ['stage', 'job', 'image'];
    const inputs = Object.keys(head.spec.inputs).filter((input) => !own.includes(input));
    const job = body['$[[ inputs.job ]]'];
    for (const input of inputs) {
      const known = INPUTS[input as keyof typeof INPUTS] as
        | { describe: string; default?: string }
        | undefined;
      t.is(head.spec.inputs[input].description, known?.describe, input);
      t.is(head.spec.inputs[input].default, known?.default ?? '', input);
      t.is(job.variables[`INPUT_${input.toUpperCase()}`], `$[[ inputs.${input} ]]`);
    }
    t.is(Object.keys(job.variables).length, inputs.length + 1);
    t.is(job.variables.INPUT_MODE, name);
  });

test('the function takes and gives what the step does', (t) => {
  const [head, body] = parseAllDocuments(read('func.yml')).map((one) => one.toJS());
  for (const [name, input] of Object.entries(INPUTS)) {
    const preset = name === 'mode' ? undefined : 'default' in input ? input.default : '';
    t.is(head.spec.inputs[name].default, preset, name);
    t.is(body.env[`INPUT_${name.toUpperCase()}`], `\${{ inputs.${name} }}`);
  }
  t.deepEqual(Object.keys(head.spec.outputs), Object.keys(OUTPUTS));
  t.is(body.env.GITLAB_AGENT_OUTPUT_FILE, '${' + '{ output_file }}');
});

test('as an action: the environment of a runner, the bundle, its outputs and summary', async (t) => {
  const { gitlab, shop, token, report } = await company(t);
  const directory = temporaryDirectory(t);
  execFileSync('git', ['init', '--quiet', directory]);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: directory,
      encoding: 'utf8',
    }).trim();
  const commit = (x: string): string => {
    writeFileSync(join(directory, 'a.yaml'), configMap('a', x));
    git('add', '.');
    git('commit', '--quiet', '--message', x);
    return git('rev-parse', 'HEAD');
  };
  const [base, head] = [commit('1'), commit('2')];
  const files = ['GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY', 'GITHUB_EVENT_PATH'].map((name) => [
    name,
    join(directory, name),
  ]);
  for (const [, file] of files) writeFileSync(file!, '');
  const env = Object.fromEntries(files);
  writeFileSync(env.GITHUB_EVENT_PATH!, JSON.stringify({ pull_request: { base: { sha: base } } }));
  const { runs } = parse(read('action.yml'));
  const act = (inputs: Record<string, string>) =>
    run(process.execPath, [join(root, runs.main)], {
      cwd: directory,
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        GITHUB_ACTIONS: 'true',
        CI: 'true',
        GITHUB_WORKSPACE: directory,
        GITHUB_SHA: head,
        GITHUB_ACTOR: 'ada',
        ...env,
        // The runner gives all inputs, with their defaults.
        ...Object.fromEntries(
          Object.entries(INPUTS).map(([name, input]) => [
            `INPUT_${name.toUpperCase()}`,
            inputs[name] ?? ('default' in input ? input.default : ''),
          ]),
        ),
      },
    });
  const diff = await act({ mode: 'diff', gitlab_url: gitlab.url });
  t.regex(diff.stdout, /^::group::Compare [0-9a-f]{12} with [0-9a-f]{12}\n[\s\S]*1 to change\n::endgroup::/);
  t.regex(readFileSync(env.GITHUB_OUTPUT!, 'utf8'), /update<<(\S+)\n1\n\1/);
  t.regex(readFileSync(env.GITHUB_STEP_SUMMARY!, 'utf8'), /### Kubernetes diff: 1 to change/);

  const wanted = await shop.commit({ 'a.yaml': configMap('a', '2') });
  await report(wanted, 'failed', 'no room');
  const failed = await act({
    mode: 'wait',
    gitlab_url: gitlab.url,
    token,
    commit: wanted,
    manifest_project: 'group/shop',
    agent: 'production',
  }).catch((error) => error);
  t.is(failed.code, 1);
  t.is(failed.stdout.split('\n')[0], `::add-mask::${token}`);
  t.is(failed.stdout.split(token).length, 2, 'and nowhere else');
  t.regex(failed.stdout, /^::error::the agent production could not apply [0-9a-f]{12}: no room$/m);
});

/** What gitlab-ci-local asks of rsync, for machines without it: a copy of a file or directory into another one. */
const RSYNC = `#!/bin/sh
while [ $# -gt 2 ]; do
  case "$1" in --exclude) shift ;; esac
  shift
done
if [ -f "$1" ]; then
  mkdir -p "$2/$(dirname "$1")" && exec cp "$1" "$2/$1"
fi
mkdir -p "$2" && tar -C "$1" --exclude=./.gitlab-ci-local -cf - . | tar -C "$2" -xf -
`;

/** A pipeline's directory with an example in it, whose components are the files of this repository. */
function pipeline(t: ExecutionContext, example: string): { directory: string; bin: string } {
  const directory = temporaryDirectory(t);
  const text = read(`examples/pipelines/${example}`).replace(
    /component: \$CI_SERVER_FQDN\/gitlab-agent\/kubectl-gitlab-agent\/(\w+)@[\d.]+/g,
    'local: /templates/$1.yml',
  );
  writeFileSync(join(directory, '.gitlab-ci.yml'), text);
  cpSync(join(root, 'templates'), join(directory, 'templates'), { recursive: true });
  const bin = join(temporaryDirectory(t), 'bin');
  mkdirSync(bin);
  symlinkSync(PROGRAM, join(bin, 'gitlab-agent-ci'));
  symlinkSync(join(root, 'dist', 'plugin', 'kubectl-gitlab_agent.cjs'), join(bin, 'kubectl-gitlab_agent'));
  symlinkSync(process.execPath, join(bin, 'node'));
  writeFileSync(join(bin, 'rsync'), RSYNC, { mode: 0o755 });
  return { directory, bin };
}

function commitAll(directory: string, origin: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: directory,
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('remote', 'add', 'origin', origin);
  git('add', '.');
  git('commit', '--quiet', '--message', 'pipeline');
  return git('rev-parse', 'HEAD');
}

/** Runs jobs of it by gitlab-ci-local's shell executor, with the variables of a job of the stand-in. */
async function ciLocal(
  { directory, bin }: { directory: string; bin: string },
  variables: Record<string, string>,
  ...jobs: string[]
): Promise<{ code: number; output: string }> {
  const flags = Object.entries(variables).flatMap(([name, value]) => ['--variable', `${name}=${value}`]);
  const args = [CI_LOCAL, '--force-shell-executor', '--no-color', ...flags, ...jobs];
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: directory };
  const done = await run(process.execPath, args, { cwd: directory, env }).then(
    (ok) => ({ ...ok, code: 0 }),
    (error) => error,
  );
  return { code: done.code, output: `${done.stdout}${done.stderr}` };
}

test('the example of a manifest repository: its merge request gets a note, its merge is pointed at and waited for', async (t) => {
  const { gitlab, shop, agents, token, report } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  const base = await shop.commit({ 'k8s/a.yaml': configMap('a', '1') });
  const head = await shop.commit({ 'k8s/a.yaml': configMap('a', '2') }, { branch: 'change', from: base });
  const request = await shop.openMergeRequest({ sourceBranch: 'change' });
  const place = pipeline(t, 'manifests.gitlab-ci.yml');
  commitAll(place.directory, shop.url);
  const variables = { ...jobVariables({ gitlab, project: shop, commit: head }), GITLAB_AGENT_TOKEN: token };
  const diff = await ciLocal(
    place,
    {
      ...variables,
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_MERGE_REQUEST_IID: '1',
      CI_MERGE_REQUEST_PROJECT_PATH: shop.path,
      CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
    },
    'gitlab-agent-diff',
  );
  t.is(diff.code, 0, diff.output);
  t.regex(
    request.notes.find(({ system }) => !system)!.body,
    /### Kubernetes diff for `production`: 1 to change/,
  );
  t.false(diff.output.includes(token));
  const dotenv =
    '.gitlab-ci-local/artifacts/gitlab-agent-diff/.gitlab-ci-reports/dotenv/gitlab-agent-report/outputs.env';
  t.regex(readFileSync(join(place.directory, dotenv), 'utf8'), /^GITLAB_AGENT_HAS_CHANGES=true$/m);

  const merged = await shop.commit({ 'k8s/a.yaml': configMap('a', '2') });
  const deploying = ciLocal(
    place,
    { ...variables, CI_COMMIT_SHA: merged, CI_COMMIT_BRANCH: 'main' },
    'gitlab-agent-deploy',
  );
  const { waitFor } = await import('../support/cluster.ts');
  await waitFor(
    async () =>
      (await agents.head()) !== undefined &&
      gitlab.requests.some(({ path }) => path.includes(`${merged}/statuses`)),
    { what: 'the wait', timeout: 120_000 },
  );
  await waitFor(
    async () =>
      gitlab.requests.some(({ method, path }) => method === 'POST' && path.includes('/repository/commits')),
    { what: 'the pointing', timeout: 120_000 },
  );
  await report(merged, 'success', '1 objects are applied and healthy');
  const deployed = await deploying;
  t.is(deployed.code, 0, deployed.output);
  t.regex(deployed.output, /the agent production has applied/);
});

test("the example of an application: its image is set, pointed at, and the failure is the job's", async (t) => {
  const { gitlab, shop, agents, token, report } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  await shop.commit({ 'k8s/web.yaml': 'image: registry.example.com/shop/web:old\n' });
  const app = await gitlab.createProject('group/app');
  const commit = await app.commit({ 'main.c': '' });
  const place = pipeline(t, 'application.gitlab-ci.yml');
  commitAll(place.directory, app.url);
  const variables = {
    ...jobVariables({ gitlab, project: app, commit }),
    CI_COMMIT_SHORT_SHA: commit.slice(0, 8),
    CI_COMMIT_BRANCH: 'main',
    GITLAB_AGENT_TOKEN: token,
  };
  const before = await shop.head();
  const deploying = ciLocal(place, variables, 'gitlab-agent-deploy');
  const { waitFor } = await import('../support/cluster.ts');
  const pointed = await waitFor(
    async () => (await agents.head()) && (await shop.head()) !== before && shop.head(),
    { what: 'the images', timeout: 120_000 },
  );
  await waitFor(async () => gitlab.requests.some(({ path }) => path.includes(`${pointed}/statuses`)), {
    what: 'the wait',
    timeout: 120_000,
  });
  await report(pointed as string, 'failed', 'pod/web: ImagePullBackOff');
  const done = await deploying;
  t.not(done.code, 0);
  t.regex(
    done.output,
    /error: the agent production could not apply [0-9a-f]{12}: pod\/web: ImagePullBackOff/,
  );
});

test('the example of a configuration repository says what is wrong where', async (t) => {
  const place = pipeline(t, 'configuration.gitlab-ci.yml');
  mkdirSync(join(place.directory, '.gitlab/agents/production'), { recursive: true });
  const file = join(place.directory, CONFIG);
  writeFileSync(file, config());
  commitAll(place.directory, 'https://gitlab.example.com/group/agents.git');
  t.is((await ciLocal(place, {}, 'validate')).code, 0);
  writeFileSync(file, 'gitops:\n  manifest_project: []\n');
  const wrong = await ciLocal(place, {}, 'validate');
  t.not(wrong.code, 0);
  t.regex(wrong.output, /config\.yaml:2:3: unknown key "manifest_project"/);
});
