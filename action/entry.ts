import { type ConfigContext, parseAgentConfig } from '../core/config/agent-config.ts';
import { type EntrySelector, entriesOf, findEntry } from '../core/config/set-ref.ts';
import type { AgentConfig, ManifestEntry } from '../core/model/agent-config.ts';
import type { RepositoryFile } from '../core/model/gitlab-projects.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import { type Desk, defaultBranch, demand, hasOwnManifests, isSameProject, manifestProject } from './desk.ts';

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
  const index = findEntry(config, selectorOf(desk));
  if (typeof index === 'string') throw new ProblemError(noEntry(index, file, config));
  const entry = config.entries[index]!;
  refuseOther(desk, entry, file);
  return { entry, siblings: entriesOf(config, projectOf(desk)).length };
}

/** A name is found whosever it is: the commit of one project must not become the ref of another. */
function refuseOther(desk: Desk, { name, repository }: ManifestEntry, file: string): void {
  const project = manifestProject(desk);
  if (!('project' in repository) || isSameProject(repository.project, project)) return;
  throw new ProblemError({
    code: 'OtherProject',
    message: `the entry ${name} is of ${repository.project}, and the manifests are to be those of ${project}`,
    file,
    hint: `name the project with input manifest_project, or another entry with input entry`,
  });
}

function noEntry(message: string, file: string, { entries }: AgentConfig): Problem {
  const names = entries.map(({ name }) => name).join(', ');
  const hint =
    names === '' ? 'add one to its manifest_projects' : `name one with input entry; there are: ${names}`;
  return { code: 'NoEntry', message, file, hint };
}

export function noFile(file: string, project: string, branch: string): ProblemError {
  return new ProblemError({
    code: 'NoConfiguration',
    message: `branch ${branch} of ${project} has no ${file}`,
    hint: 'are agent, config_project and config_branch right?',
  });
}

/** How the inputs name the entry. */
export function selectorOf(desk: Desk): EntrySelector {
  return desk.inputs.entry === undefined ? projectOf(desk) : { name: desk.inputs.entry };
}

/** The manifest project, with its number where the pipeline knows it: entries may name projects by it. */
function projectOf(desk: Desk): { project: string; projectId?: number } {
  const projectId = hasOwnManifests(desk) ? Number(desk.env.CI_PROJECT_ID) || 0 : 0;
  return { project: manifestProject(desk), ...(projectId > 0 && { projectId }) };
}

/** The branch that the agent follows, or is at on its way from commit to commit. Throws as `defaultBranch`. */
export async function followedBranch(desk: Desk, entry: ManifestEntry | undefined): Promise<string> {
  const { ref } = entry ?? {};
  const named = desk.inputs.branch ?? (ref && 'branch' in ref ? ref.branch : undefined);
  return named ?? (await defaultBranch(desk, manifestProject(desk)));
}

/** The names that the agent gives the commit statuses of the entry: its own one first. */
export function statusNames(
  agent: string,
  { inputs }: Pick<Desk, 'inputs'>,
  configured: ConfiguredEntry | undefined,
): string[] {
  const plain = `gitlab-agent/${agent}`;
  const entry = configured?.entry.name ?? inputs.entry;
  const siblings = configured?.siblings;
  if (entry === undefined || siblings === 1) return [plain];
  return siblings === undefined ? [`${plain}/${entry}`, plain] : [`${plain}/${entry}`];
}
