import test from 'ava';
import { Log } from '../../agent/log.ts';
import { createMetrics } from '../../agent/metrics.ts';
import { StatusReporter } from '../../agent/status-reporter.ts';
import { openGitLab } from '../../core/gitlab/gitlab.ts';
import type { CommitState } from '../../core/model/gitlab.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';

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

for (const { said, statuses, deployments } of TABLE) {
  test(`${said.join(', ')}: what GitLab shows in the end`, async (t) => {
    await using standIn = await startGitLab();
    const project = await standIn.createProject('group/shop');
    const commit = await project.commit({ 'manifest.yaml': 'x' });
    const { value: token } = project.createToken({ scopes: ['api'], role: 'maintainer' });
    const end = new AbortController();
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
        signal: end.signal,
        sleep: async () => undefined,
        random: () => 0.5,
        userAgent: 'gitlab-agent/test',
      }),
      signal: end.signal,
      random: () => 0.5,
      log: new Log(sink),
      metrics: createMetrics(),
    });
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
