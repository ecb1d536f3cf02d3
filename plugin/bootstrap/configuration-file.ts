import { type ConfigContext, parseAgentConfig } from '../../core/config/agent-config.ts';
import { commitChanges, type Proposal } from '../../core/gitlab/commit-changes.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { openProjects } from '../../core/gitlab/projects.ts';
import type { AgentConfig } from '../../core/model/agent-config.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import { gitlabProblem } from '../gitlab/access.ts';
import type { Io } from '../io.ts';

/** Which file, and what is to be in it where it does not exist yet. */
export interface ConfigurationWish {
  project: string;
  agent: string;
  /** Paths of the manifest projects; none where the file has to be there. */
  manifests: readonly string[];
  defaultNamespace?: string;
}

const PATIENCE_MS = 30_000;

/**
 * The agent's configuration as it is in GitLab; commits the file where there is none. Throws ProblemError where that
 * can't be, where the file is broken, and where it lacks one of the manifest projects.
 */
export async function configurationFile(
  { project, agent, manifests, defaultNamespace }: ConfigurationWish,
  access: GitLabOptions,
  io: Io,
): Promise<AgentConfig> {
  const gitlab = openProjects(access);
  const file = `.gitlab/agents/${agent}/config.yaml`;
  const details = await gitlab.details(project);
  if (!details.ok)
    throw gitlabProblem(
      `the configuration project ${project} can't be read`,
      details.failure,
      'make the project in GitLab first, and be a maintainer of it',
    );
  const { defaultBranch: branch = 'main' } = details.value;
  const context: ConfigContext = { file, configProject: project, gitlabUrl: access.url };
  let text = '';
  const propose = async (): Promise<Proposal> => {
    const found = await gitlab.file(project, file, branch);
    if (!found.ok) return found;
    text = found.value?.content.toString('utf8') ?? newFile(manifests, defaultNamespace);
    if (found.value) return { ok: true, value: { updates: [] } };
    if (manifests.length === 0)
      throw new ProblemError({
        code: 'Usage',
        message: `there is no ${file} in ${project}, and no manifest project for a new one`,
        hint: 'kubectl gitlab-agent bootstrap AGENT --project group/manifests makes one',
      });
    return { ok: true, value: { updates: [{ path: file, content: Buffer.from(text) }] } };
  };
  const ends = Date.now() + PATIENCE_MS;
  const changed = await commitChanges({
    gitlab,
    project,
    branch,
    message: `Configure the agent ${agent}`,
    propose,
    hasTime: () => Date.now() < ends,
    now: () => Date.now(),
    sleep: access.sleep,
    random: access.random,
  });
  if (changed.state === 'problems') throw new ProblemError(...changed.problems);
  if (changed.state === 'failed' || changed.state === 'protected')
    throw gitlabProblem(
      `${file} can't be committed to ${branch} of ${project}`,
      changed.failure,
      'your token must be allowed to push there: role Maintainer, scope api',
    );
  if (changed.state === 'committed')
    io.err(`committed ${file} to ${branch} of ${project}: ${changed.commit.id.slice(0, 12)}\n`);
  const { config, problems, notices } = parseAgentConfig(Buffer.from(text), context);
  for (const notice of notices) io.err(`notice: ${oneLine(notice)}\n`);
  if (!config) throw new ProblemError(...problems);
  const there = config.entries.map(({ repository }) =>
    'project' in repository ? repository.project.toLowerCase() : '',
  );
  const missing = manifests.filter((path) => !there.includes(path.toLowerCase()));
  if (missing.length === 0) return config;
  throw new ProblemError({
    code: 'NotConfigured',
    file,
    message: `the file is there already, without ${missing.join(' and ')}`,
    hint: `add it to gitops.manifest_projects in ${project}: - id: ${missing[0]}`,
  });
}

function newFile(manifests: readonly string[], defaultNamespace: string | undefined): string {
  const more = defaultNamespace === undefined ? '' : `      default_namespace: ${defaultNamespace}\n`;
  const entries = manifests.map((path) => `    - id: ${JSON.stringify(path)}\n${more}`).join('');
  return `# What the agent applies: docs/configuration.md has every field.\ngitops:\n  manifest_projects:\n${entries.replaceAll(/"([A-Za-z][\w./-]*)"/g, '$1')}`;
}
