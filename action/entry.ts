import { type ConfigContext, parseAgentConfig } from '../core/config/agent-config.ts';
import type { ManifestEntry } from '../core/model/agent-config.ts';
import type { RepositoryFile } from '../core/model/gitlab-projects.ts';
import { ProblemError } from '../core/model/problem.ts';
import { type Desk, demand, manifestProject } from './desk.ts';

/** Where an agent's configuration is. */
export interface Configuration {
  project: string;
  branch: string;
  file: string;
  context: ConfigContext;
}

/** The configuration of the agent that the inputs name; undefined where they don't, or the token can't read it. */
export async function configurationOf(desk: Desk): Promise<Configuration | undefined> {
  const { inputs, gitlab, gitlabUrl, token } = desk;
  const { agent, configProject: project } = inputs;
  if (agent === undefined || project === undefined || !token || token.kind === 'job') return undefined;
  const { defaultBranch, path } = demand(
    `the configuration project ${project} can't be read`,
    await gitlab.details(project),
  );
  const branch = inputs.configBranch ?? defaultBranch;
  if (branch === undefined)
    throw new ProblemError({
      code: 'NoConfiguration',
      message: `the configuration project ${project} is empty`,
      hint: `commit .gitlab/agents/${agent}/config.yaml there`,
    });
  const file = `.gitlab/agents/${agent}/config.yaml`;
  return { project: path, branch, file, context: { file, configProject: path, gitlabUrl } };
}

/** The entry as its configuration says it now, and how many entries the agent has of that project. */
export interface ConfiguredEntry {
  entry: ManifestEntry;
  siblings: number;
}

/** Reads the entry that the inputs mean as it is now. Throws ProblemError where there is none, or several. */
export async function readEntry(desk: Desk, configuration: Configuration): Promise<ConfiguredEntry> {
  const { project, branch, file } = configuration;
  const found = demand(`${file} of ${project} can't be read`, await desk.gitlab.file(project, file, branch));
  if (!found) throw noFile(file, project, branch);
  return entryIn(desk, configuration, found);
}

/** The entry that the inputs mean in the file. Throws ProblemError where there is none, or several. */
export function entryIn(
  desk: Desk,
  { file, context }: Configuration,
  found: RepositoryFile,
): ConfiguredEntry {
  const { config, problems } = parseAgentConfig(found.content, context);
  const [first, ...more] = problems;
  if (!config) throw new ProblemError(first!, ...more);
  const wanted = desk.inputs.entry;
  const of = manifestProject(desk);
  const entries = config.entries.filter((entry) => isOf(entry, of, projectId(desk)));
  const named = wanted === undefined ? entries : config.entries.filter(({ name }) => name === wanted);
  const [entry] = named;
  if (entry && named.length === 1) return { entry, siblings: entries.length };
  const names = config.entries.map(({ name }) => name).join(', ');
  const message =
    wanted === undefined
      ? `the agent has ${entries.length} entries of ${of}`
      : `no entry of the agent is called ${wanted}`;
  throw new ProblemError({
    code: 'NoEntry',
    message,
    file,
    hint: names === '' ? 'add one to its manifest_projects' : `name one with input entry: ${names}`,
  });
}

export function noFile(file: string, project: string, branch: string): ProblemError {
  return new ProblemError({
    code: 'NoConfiguration',
    message: `branch ${branch} of ${project} has no ${file}`,
    hint: 'are agent, config_project and config_branch right?',
  });
}

function isOf({ repository }: ManifestEntry, project: string, id: number | undefined): boolean {
  if ('projectId' in repository)
    return repository.projectId === id || String(repository.projectId) === project;
  return 'project' in repository && repository.project.toLowerCase() === project.toLowerCase();
}

/** The number of the pipeline's own project, for entries that name projects by it. */
function projectId({ env, inputs, job }: Desk): number | undefined {
  const own = (inputs.manifestProject ?? job.project) === job.project;
  return own ? Number(env.CI_PROJECT_ID) || undefined : undefined;
}

/** The names that the agent gives the commit statuses of an entry: its own one first. */
export function statusNames(agent: string, entry: string | undefined, siblings?: number): string[] {
  const plain = `gitlab-agent/${agent}`;
  if (entry === undefined || siblings === 1) return [plain];
  return siblings === undefined ? [`${plain}/${entry}`, plain] : [`${plain}/${entry}`];
}
