import type { ConfigurationState } from './configuration.ts';
import type { StatusReporter } from './status-reporter.ts';
import { headline } from './words.ts';

export interface ConfigurationReportOptions {
  agentName: string;
  configProject: string;
  reporter?: StatusReporter;
}

/** Tells GitLab, at the commit of the configuration, whether it is in force, and what is wrong with it. */
export function reportConfiguration(
  { observed, applied, problems }: ConfigurationState,
  { agentName, configProject, reporter }: ConfigurationReportOptions,
): void {
  if (!observed || !reporter) return;
  const target = {
    project: configProject,
    commit: observed.commit,
    // No entry can be called like that.
    name: `gitlab-agent/${agentName}/config.yaml`,
    ...(observed.ref !== undefined && { ref: observed.ref }),
  };
  const [first, ...more] = problems;
  if (first) reporter.report(target, 'failed', headline([first, ...more]));
  else if (applied === observed.commit) reporter.report(target, 'success', 'the configuration is in force');
}
