import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { diffExitCode, summarize } from '../../core/model/plan.ts';
import { formatProblem, type Problem, ProblemError } from '../../core/model/problem.ts';
import { escapeUnsafe } from '../../core/report/escape.ts';
import type { Format } from '../../core/report/render.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents } from '../agents/choose-agents.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import { withAgents } from '../agents/with-agents.ts';
import type { DiffFlags } from '../commands/diff.ts';
import { type Io, wantsColor } from '../io.ts';
import { type Compared, comparedText, compareEntry } from './compare-entry.ts';
import { splitRange } from './revisions.ts';

/** Runs `diff` of agents' own projects and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runAgentDiff(flags: DiffFlags, io: Io): Promise<number> {
  checkFlags(flags);
  const [word] = wordsOf(flags);
  if (word !== undefined && /^\.|\.(ya?ml|json)$/.test(word)) throw noFiles(word);
  const color = wantsColor(io, flags.color);
  return withAgents(flags, io, async ({ cluster, agents, progress }) => {
    const chosen = choose(agents, wordsOf(flags), io);
    const entries = chosen.flatMap((agent) => agent.entries.map((entry) => ({ agent: agent.name, entry })));
    if (entries.length === 0)
      throw new ProblemError({
        code: 'NoProject',
        message: 'no agent has a manifest project',
        hint: 'kubectl gitlab-agent status tells how they are',
      });
    if (flags.rev !== undefined && entries.length > 1)
      throw new ProblemError({
        code: 'Usage',
        message: '--rev is for one project at a time',
        hint: `name it: kubectl gitlab-agent diff ${entries[0]!.agent} ${entries[0]!.entry.name} --rev ${flags.rev}`,
      });
    const compared: Compared[] = [];
    for (const { agent, entry } of entries) {
      io.signal.throwIfAborted();
      progress.update(`reading ${entry.project} …`);
      compared.push(
        await compareEntry(
          cluster,
          agent,
          entry,
          { rev: flags.rev, secretPath: flags.secretPath },
          io,
          progress,
        ),
      );
    }
    progress.end();
    for (const { entry, problems } of compared)
      for (const problem of problems)
        io.err(`${escapeUnsafe(formatProblem(naming(entry.project, problem)))}\n`);
    io.out(comparedText(compared, flags.output as Format, { color, width: io.columns, now: new Date() }));
    const codes = compared.map(({ changes, problems }) =>
      problems.length > 0 ? 2 : diffExitCode(summarize(changes)),
    );
    return Math.max(...codes);
  });
}

/** A sentence that begins with the project names it already. */
function naming(project: string, problem: Problem): Problem {
  const { message } = problem;
  return message.startsWith(`${project} `) ? problem : { ...problem, message: `${project}: ${message}` };
}

function noFiles(word: string): ProblemError {
  return new ProblemError({
    code: 'Usage',
    message: `diff takes files by -f, and ${JSON.stringify(word)} names an agent`,
    hint: `did you mean -f ${word}?`,
  });
}

/** A word that names no agent may be a path. */
function choose(agents: readonly AgentObjects[], words: readonly string[], { cwd }: Io): AgentObjects[] {
  try {
    return chooseAgents(agents, words);
  } catch (error) {
    const [word] = words;
    if (word !== undefined && words.length === 1 && existsSync(resolve(cwd, word))) throw noFiles(word);
    throw error;
  }
}

/** Refuses what only makes sense of manifests at hand. */
function checkFlags(flags: DiffFlags): void {
  const refuse = (message: string, hint: string): never => {
    throw new ProblemError({ code: 'Usage', message, hint });
  };
  const { recursive, ignoreFile, takeOver, conflicts, replace, applyset, prune, output, out } = flags;
  const idle = Object.entries({
    '-R': recursive,
    '--ignore-file': ignoreFile,
    '--take-over': takeOver,
    '--conflicts': conflicts,
    '--replace': replace,
    '--applyset': applyset,
    '--prune': prune,
    '-o plan': output === 'plan',
    '--out': out,
  }).find(([, given]) => given);
  if (idle)
    refuse(
      `${idle[0]} is for manifests at hand, and none are named`,
      'name them by -f or -k; agents go by their configuration',
    );
  if (flags.rev === '') refuse('the revision after --rev is empty', 'is a variable of the script not set?');
  if (splitRange(flags.rev))
    refuse('two revisions are compared of manifests at hand', 'name them by -f or -k, in a clone');
}
