import type { EntryStatus } from '../../core/model/agent-status.ts';
import { LEVELS, type Level } from '../../core/model/log-level.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { LogText } from '../../core/report/log-line.ts';
import { chooseAgents, hostOf, theOnly } from '../agents/choose-agents.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import type { LogsFlags } from '../commands/logs.ts';

/** Which lines are wanted. */
export interface LineChoice {
  /** Undefined for the lines of all, and of none. */
  entry?: EntryStatus;
  level?: Level;
}

/**
 * The agent that is meant, and which of its lines; a word that names no agent may name a project. Throws ProblemError
 * for names that fit nothing, or more than one.
 */
export function chooseLog(
  agents: readonly AgentObjects[],
  { agent: word, project, level }: Pick<LogsFlags, 'agent' | 'project' | 'level'>,
): { agent: AgentObjects; choice: LineChoice } {
  const chosen = chooseOne(agents, word, project);
  const isOfProject = project !== undefined || (word !== undefined && !isCalled(chosen, word));
  const [entry] = chosen.entries;
  return {
    // With all of its entries: their lines are called by the same names whichever of them are wanted.
    agent: agents.find(({ name, namespace }) => name === chosen.name && namespace === chosen.namespace)!,
    choice: { ...(isOfProject && entry && { entry }), ...(level !== undefined && { level }) },
  };
}

function chooseOne(
  agents: readonly AgentObjects[],
  word: string | undefined,
  project: string | undefined,
): AgentObjects {
  if (project === undefined || word !== undefined)
    return theOnly(
      chooseAgents(
        agents,
        [word, project].filter((one) => one !== undefined),
      ),
      'logs',
    );
  const host = hostOf(agents, project);
  if (host) return host;
  const [only, ...more] = agents;
  // Says which projects there are.
  if (more.length === 0)
    return theOnly(chooseAgents(agents, [`${only!.namespace}/${only!.name}`, project]), 'logs');
  throw new ProblemError({
    code: 'NoProject',
    message: `no agent has a manifest project ${JSON.stringify(project)}`,
    hint: 'kubectl gitlab-agent status lists them',
  });
}

function isCalled({ name, namespace }: AgentObjects, word: string): boolean {
  return word === name || word === `${namespace}/${name}`;
}

/** Whether a line is wanted. What is no line of the agent's own is of no project, and of any level. */
export function isWanted({ told }: LogText, { entry, level }: LineChoice): boolean {
  if (entry !== undefined && !(told && isOf(told, entry))) return false;
  return level === undefined || !told || LEVELS.indexOf(told.level) >= LEVELS.indexOf(level);
}

/** What is said of a repository is said of every entry that is read from it. */
function isOf(told: NonNullable<LogText['told']>, { name, project, entry }: EntryStatus): boolean {
  if (told.entry !== undefined) return told.entry === name;
  if (told.project !== undefined) return told.project === project;
  return (
    told.repository !== undefined && told.repository === entry?.repository.url.replace(/(\.git)?\/*$/, '')
  );
}
