import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import { type Change, diffExitCode, summarize } from '../../core/model/plan.ts';
import { formatProblem, type Problem, ProblemError } from '../../core/model/problem.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { escapeUnsafe, oneLine } from '../../core/report/escape.ts';
import { shortRevision } from '../../core/report/history-report.ts';
import { render } from '../../core/report/render.ts';
import { painter } from '../../core/report/terminal.ts';
import { planRevision } from '../../core/sync.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents } from '../agents/choose-agents.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import { withAgents } from '../agents/with-agents.ts';
import type { DiffFlags } from '../commands/diff.ts';
import { type Io, wantsColor } from '../io.ts';
import type { Progress } from '../progress.ts';
import { openPersonRepository } from '../repositories/open-person-repository.ts';
import { entryRevision } from './entry-revision.ts';
import { splitRange } from './revisions.ts';

/** An entry as it was compared, or why it could not be. */
interface Compared {
  entry: EntryStatus;
  agent: string;
  revision?: string;
  changes: readonly Change[];
  problems: readonly Problem[];
}

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
        hint: 'kubectl gitlab-agent status',
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
      compared.push(await compareEntry(cluster, agent, entry, flags, io, progress));
    }
    progress.end();
    for (const { entry, problems } of compared)
      for (const problem of problems)
        io.err(
          `${escapeUnsafe(formatProblem({ ...problem, message: `${entry.project}: ${problem.message}` }))}\n`,
        );
    io.out(textOf(compared, flags, { color, width: io.columns, now: new Date() }));
    const codes = compared.map(({ changes, problems }) =>
      problems.length > 0 ? 2 : diffExitCode(summarize(changes)),
    );
    return Math.max(...codes);
  });
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

/** One entry after the other: what can't be read of one hides nothing of the others. */
async function compareEntry(
  cluster: Cluster,
  agent: string,
  status: EntryStatus,
  flags: DiffFlags,
  io: Io,
  progress: Progress,
): Promise<Compared> {
  const { entry, set, project } = status;
  const nothing = { entry: status, agent, changes: [] };
  try {
    if (!entry)
      throw new ProblemError({
        code: 'NoEntry',
        message: 'the agent has not told yet how it reads this project',
        hint: 'it does with its first pass: kubectl gitlab-agent status',
      });
    const repository = openPersonRepository(entry.repository.url, io);
    const revision = await entryRevision(repository, status, flags.rev);
    const result = await planRevision(cluster, {
      entry,
      set,
      open: () => repository.open(revision),
      version: io.version,
      pruneAll: status.wishes.pruneAllow !== undefined && revision.startsWith(status.wishes.pruneAllow),
      signal: io.signal,
      env: io.env,
      gate: new SecretGate((flags.secretPath ?? []).map(parseSecretPath)),
      onNotice: (text) => progress.say(`notice: ${oneLine(`${project}: ${text}`)}`),
      onProgress: (done, total) => progress.update(`${project}: comparing ${done} of ${total} objects …`),
    });
    if (!result.ok) return { ...nothing, revision, problems: result.problems };
    return { ...nothing, revision, changes: result.changes, problems: [] };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { ...nothing, problems: error.problems };
  }
}

function textOf(
  compared: readonly Compared[],
  { output }: DiffFlags,
  style: { color: boolean; width: number; now: Date },
): string {
  const format = output as Exclude<DiffFlags['output'], 'plan'>;
  if (format !== 'unified' && format !== 'summary')
    return render(
      format,
      compared.flatMap(({ changes }) => changes),
      style,
    );
  const paint = painter(style.color);
  return compared
    .filter(({ problems }) => problems.length === 0)
    .map(({ changes, ...about }) => `${paint('bold', headOf(about))}\n${render(format, changes, style)}`)
    .join('\n');
}

/** `production group/shop at 1a2b3c4d, which is applied`. */
function headOf({ agent, entry, revision }: Omit<Compared, 'changes'>): string {
  const applied = entry.status?.applied?.revision;
  const now =
    applied === undefined
      ? 'nothing is applied yet'
      : applied === revision
        ? 'which is applied: what differs is drift'
        : `where ${shortRevision(applied)} is applied`;
  const paused = entry.sync === 'Suspended' ? '; suspended' : '';
  return oneLine(`${agent} ${entry.project} at ${shortRevision(revision)}, ${now}${paused}`);
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
