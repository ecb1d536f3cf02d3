import test from 'ava';
import { createMetrics } from '../../agent/metrics.ts';
import { StatusReporter } from '../../agent/status-reporter.ts';
import { Log } from '../../core/daemon/log.ts';
import { openGitLab } from '../../core/gitlab/gitlab.ts';
import type { CommitState } from '../../core/model/gitlab.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';

/** What a commit's transitions become in GitLab, with an environment: statuses, then deployments. */
const TABLE: { said: CommitState[]; statuses: string[]; deployments: string[] }[] = [
  {
    said: ['pending', 'running', 'success'],
    statuses: ['success'],
    deployments: ['success'],
  },
  {
    said: ['pending', 'running', 'failed', 'success'],
    statuses: ['failed', 'success'],
    deployments: ['failed', 'success'],
  },
  {
    said: ['running', 'failed', 'failed', 'success', 'running', 'failed'],
    statuses: ['failed', 'success'],
    deployments: ['failed', 'success'],
  },
  { said: ['pending', 'canceled'], statuses: ['canceled'], deployments: [] },
  { said: ['running', 'canceled'], statuses: ['canceled'], deployments: ['canceled'] },
];

/** A reporter of its own, and what it logs from `warn` on. */
function reporterFor(standIn: GitLab, token: string, signal: AbortSignal) {
  const noted: string[] = [];
  const sink = {
    write: (line: string) => void noted.push(line),
    level: 'warn',
    now: () => new Date(),
  } as const;
  const reporter = new StatusReporter({
    gitlab: openGitLab({
      url: standIn.url,
      token: async () => token,
      signal,
      sleep: async () => undefined,
      random: () => 0.5,
      userAgent: 'gitlab-agent/test',
    }),
    signal,
    random: () => 0.5,
    log: new Log(sink),
    metrics: createMetrics(),
  });
  return { reporter, noted };
}

for (const { said, statuses, deployments } of TABLE) {
  test(`${said.join(', ')}: what GitLab shows in the end`, async (t) => {
    await using standIn = await startGitLab();
    const project = await standIn.createProject('group/shop');
    const commit = await project.commit({ 'manifest.yaml': 'x' });
    const { value: token } = project.createToken({ scopes: ['api'], role: 'maintainer' });
    const end = new AbortController();
    const { reporter, noted } = reporterFor(standIn, token, end.signal);
    const target = {
      project: project.path,
      commit,
      name: 'gitlab-agent/test',
      ref: 'refs/heads/main',
      environment: 'production',
    };
    reporter.begin(target);
    for (const state of said) reporter.report(target, state, state);
    await reporter.drain(60_000);
    end.abort(new Error('the test ends'));
    t.deepEqual(
      project.statuses.map(({ status }) => status),
      statuses,
    );
    t.deepEqual(
      project.deployments.map(({ status }) => status),
      deployments,
    );
    t.deepEqual(noted, []);
  });
}

test('what an agent reported and could not record before it died is superseded by the next one', async (t) => {
  await using standIn = await startGitLab();
  const project = await standIn.createProject('group/shop');
  const commits = [];
  for (const text of ['recorded', 'seen', 'not seen', 'newest'])
    commits.push(await project.commit({ 'manifest.yaml': text }));
  const [recorded, seen, , newest] = commits as [string, string, string, string];
  const { value: token } = project.createToken({ scopes: ['api'], role: 'maintainer' });
  const end = new AbortController();
  const targetOf = (commit: string) => ({ project: project.path, commit, name: 'gitlab-agent/test' });
  const dead = reporterFor(standIn, token, end.signal).reporter;
  for (const [commit, states] of [
    [recorded, ['pending', 'running', 'success']],
    [seen, ['pending', 'running']],
  ] as [string, CommitState[]][]) {
    dead.begin(targetOf(commit));
    for (const state of states) dead.report(targetOf(commit), state, state);
  }
  await dead.drain(60_000);
  const next = reporterFor(standIn, token, end.signal).reporter;
  await next.supersedeSince(targetOf(recorded), newest);
  await next.drain(60_000);
  end.abort(new Error('the test ends'));
  t.deepEqual(
    project.statuses.map(({ status, pipeline }) => [pipeline.sha, status]),
    [
      [recorded, 'success'],
      [seen, 'canceled'],
    ],
  );
});
