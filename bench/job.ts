import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIELD_MANAGER } from '../core/model/cluster.ts';
import { startGitLab } from '../test/support/gitlab/gitlab.ts';
import type { MergeRequest } from '../test/support/gitlab/merge-requests.ts';
import { applyAll } from './cluster.ts';
import { type Contestant, contest } from './contest.ts';
import type { DiffBench } from './diff.ts';
import { judgeJob } from './figures.ts';
import { writeManifests } from './files.ts';
import { measure } from './measure.ts';
import { generate, type Item } from './objects.ts';
import { printConditions, printFigures, resultTable } from './report.ts';
import { onStage, type Stage, versions } from './stage.ts';

const PROGRAM = join(import.meta.dirname, '..', 'dist', 'action', 'gitlab-agent-ci.js');

/** Measures the diff job of a merge request, from the start of its process until its note is there. */
export function benchJob(options: DiffBench): Promise<void> {
  return onStage(options, async (stage) => {
    const { say, signal, cluster, kubectl, directory } = stage;
    const items = generate(options, cluster.prefix);
    say(`applying ${options.objects} objects, of which ${options.changed} change afterwards`);
    await applyAll(cluster.server, items, signal);
    const { base, head, all } = layOut(directory, items);
    await using gitlab = await startGitLab();
    const project = await gitlab.createProject('bench/manifests');
    // The note is what counts here: the job reads what is checked out.
    await project.commit({ 'README.md': 'x' });
    await project.commit({ 'README.md': 'y' }, { branch: 'change', from: 'main' });
    const request = await project.openMergeRequest({ sourceBranch: 'change' });
    const job = (id: string, label: string, against: string): Contestant => ({
      id,
      label,
      command: [
        'env',
        ...Object.entries({
          GITLAB_CI: 'true',
          CI_SERVER_URL: gitlab.url,
          CI_PROJECT_PATH: project.path,
          CI_PROJECT_DIR: all,
          CI_COMMIT_SHA: head,
          CI_MERGE_REQUEST_IID: '1',
          CI_MERGE_REQUEST_PROJECT_PATH: project.path,
          CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
          INPUT_MODE: 'diff',
          INPUT_AGAINST: against,
          INPUT_REPORT_PATH: '../report',
          INPUT_TOKEN: gitlab.root.createToken({ scopes: ['api'] }).value,
        }).map(([name, value]) => `${name}=${value}`),
        'bash',
        '-c',
        'cd "$CI_PROJECT_DIR" && exec "$@"',
        'bash',
        process.execPath,
        PROGRAM,
      ],
      exitCode: 0,
      prepare: async () => {
        request.notes.length = 0;
      },
    });
    const jobs = [
      job('live', 'diff job, live cluster', 'live'),
      job('base', 'diff job, two revisions', 'base'),
    ];
    say('checking the answers (and filling the caches)');
    for (const one of jobs) await checkNote(stage, one, request, options.changed);
    const flags = ['--server-side', '--force-conflicts', `--field-manager=${FIELD_MANAGER}`];
    const kubectlDiff: Contestant = {
      id: 'server-side',
      label: 'kubectl diff --server-side',
      command: [kubectl, 'diff', '-R', '-f', all, ...flags],
      exitCode: options.changed > 0 ? 1 : 0,
    };
    const teams = [...jobs, ...(options.kubectl === 'none' ? [] : [kubectlDiff])].map((one) => [one]);
    const results = await contest(teams, stage);
    printConditions({ ...options, ...versions(stage), cluster: cluster.description });
    process.stdout.write(resultTable([...results.values()], results.get('live')!));
    printFigures(judgeJob(results), '');
  });
}

/** A repository with what is applied, and the change of it. */
function layOut(directory: string, items: readonly Item[]): { all: string; base: string; head: string } {
  const all = join(directory, 'repository');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', all, '-c', 'user.name=bench', '-c', 'user.email=bench@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  execFileSync('git', ['init', '--quiet', all]);
  const commit = (wanted: readonly Item[]): string => {
    writeManifests(all, wanted);
    git('add', '.');
    git('commit', '--quiet', '--message', 'bench');
    return git('rev-parse', 'HEAD');
  };
  const base = commit(items.map((item) => ({ ...item, wanted: item.applied })));
  return { all, base, head: commit(items) };
}

/** A fast note counts only if it is right. */
async function checkNote(
  stage: Stage,
  job: Contestant,
  request: MergeRequest,
  changed: number,
): Promise<void> {
  const files = { stdout: join(stage.directory, 'note.out'), stderr: join(stage.directory, 'note.err') };
  await job.prepare?.();
  const { code } = await measure(job.command, files, stage);
  const body = request.notes.find(({ system }) => !system)?.body ?? '';
  const rows = body.match(/^\| update \|/gm)?.length ?? 0;
  if (code === 0 && rows === changed && body.includes(`${changed} to change`)) return;
  const said = files && readFileSync(files.stdout, 'utf8').slice(-1_000);
  throw new Error(
    `${job.label} is wrong: exit code ${code}, ${rows} of ${changed} objects in its note\n${said}`,
  );
}
