import type { EntryStatus } from '../../core/model/agent-status.ts';
import { nearNames } from '../../core/model/near-names.ts';
import { ProblemError } from '../../core/model/problem.ts';

/** What agents are chosen by. */
interface Named {
  name: string;
  namespace: string;
  entries: EntryStatus[];
}

/**
 * Those that `[AGENT] [PROJECT]` names, each with the entries that are meant. A single word that names no agent may
 * name a project. Throws ProblemError for names that fit nothing, and for those that fit more than one.
 */
export function chooseAgents<T extends Named>(agents: readonly T[], words: readonly string[]): T[] {
  const [first, second, ...more] = words;
  if (more.length > 0)
    throw problem('Usage', `an agent and a project can be named, and not also ${JSON.stringify(more[0])}`);
  if (first === undefined) return [...agents];
  const named = agents.filter(({ name, namespace }) => first === name || first === `${namespace}/${name}`);
  if (named.length > 1)
    throw problem(
      'ManyAgents',
      `there are ${named.length} agents called ${first}`,
      `say which: ${listOf(named.map(({ namespace, name }) => `${namespace}/${name}`))}`,
    );
  const [agent] = named;
  if (agent) return second === undefined ? [agent] : [withEntry(agent, second)];
  const host = second === undefined ? hostOf(agents, first) : undefined;
  if (host) return [host];
  const names = agents.map(({ name }) => name);
  throw problem(
    'NoAgent',
    `there is no agent ${second === undefined ? 'or project ' : ''}${JSON.stringify(first)}`,
    `there ${names.length === 1 ? 'is' : 'are'} ${listOf(nearNames(first, names))}`,
  );
}

/**
 * The agent that has a project, with the entry that is meant; undefined where there is none. Throws ProblemError where
 * there are more.
 */
export function hostOf<T extends Named>(agents: readonly T[], project: string): T | undefined {
  const hosts = agents.filter(({ entries }) => matches(entries, project).length > 0);
  if (hosts.length <= 1) return hosts[0] && withEntry(hosts[0], project);
  throw problem(
    'ManyAgents',
    `${hosts.length} agents have a project ${project}`,
    `name the agent, too: ${listOf(hosts.map(({ name }) => `${name} ${project}`))}`,
  );
}

/** The only agent among those that are chosen. Throws ProblemError with the list where there are more. */
export function theOnly<T extends Named>(agents: readonly T[], command: string): T {
  const [only, ...more] = agents;
  if (only && more.length === 0) return only;
  const names = agents.map(({ name, namespace }) =>
    agents.filter((other) => other.name === name).length > 1 ? `${namespace}/${name}` : name,
  );
  throw problem(
    'ManyAgents',
    `there are ${agents.length} agents: ${listOf(names)}`,
    `name one: kubectl gitlab-agent ${command} ${names[0]}`,
  );
}

/** The only entry of the only agent that is chosen. Throws ProblemError with the list where there are more. */
export function theOnlyEntry<T extends Named>(agents: readonly T[], command: string): [T, EntryStatus] {
  const agent = theOnly(agents, command);
  const [entry, ...more] = agent.entries;
  if (!entry)
    throw problem(
      'NoProject',
      `the agent ${agent.name} has no manifest project`,
      'kubectl gitlab-agent status tells how it is',
    );
  if (more.length === 0) return [agent, entry];
  throw problem(
    'ManyProjects',
    `the agent ${agent.name} has ${agent.entries.length} manifest projects: ${listOf(labelsOf(agent.entries))}`,
    `name one: kubectl gitlab-agent ${command} ${agent.name} ${labelsOf(agent.entries)[0]}`,
  );
}

function withEntry<T extends Named>(agent: T, word: string): T {
  const found = matches(agent.entries, word);
  if (found.length === 1) return { ...agent, entries: found };
  if (found.length > 1)
    throw problem(
      'ManyProjects',
      `${found.length} entries of the agent ${agent.name} are for ${word}`,
      `name the entry: ${listOf(found.map(({ name }) => name))}`,
    );
  const names = agent.entries.map(({ project }) => project);
  throw problem(
    'NoProject',
    `the agent ${agent.name} has no manifest project ${JSON.stringify(word)}`,
    names.length === 0 ? 'it has none at all' : `it has ${listOf(nearNames(word, names))}`,
  );
}

/** By the name of the entry, else by its project, else by the end of the project's path. */
function matches(entries: readonly EntryStatus[], word: string): EntryStatus[] {
  const wanted = word.toLowerCase().replace(/\.git$/, '');
  const by = [
    ({ name }: EntryStatus) => name === word,
    ({ project }: EntryStatus) => project.toLowerCase() === wanted,
    ({ project }: EntryStatus) =>
      project
        .toLowerCase()
        .replace(/\.git$/, '')
        .endsWith(`/${wanted}`),
  ];
  for (const isMeant of by) {
    const found = entries.filter(isMeant);
    if (found.length > 0) return found;
  }
  return [];
}

/** How entries are called in tables: by their project, and by their names where one has several. */
export function labelsOf(entries: readonly Pick<EntryStatus, 'name' | 'project'>[]): string[] {
  return entries.map(({ project, name }) =>
    entries.filter((other) => other.project === project).length > 1 ? name : project,
  );
}

const MOST_NAMES = 10;

function listOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

function problem(code: string, message: string, hint?: string): ProblemError {
  return new ProblemError({ code, message, ...(hint !== undefined && { hint }) });
}
