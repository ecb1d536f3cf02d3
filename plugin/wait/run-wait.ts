import { resolveCommit } from '../../core/git/repository.ts';
import { OBJECT_ID } from '../../core/git/wanted-commit.ts';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { shortRevision } from '../../core/report/history-report.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents, theOnly } from '../agents/choose-agents.ts';
import { withAgents } from '../agents/with-agents.ts';
import type { WaitCommandFlags } from '../commands/wait.ts';
import type { Io } from '../io.ts';
import { readWait } from '../wait-flags.ts';
import { CommitRelations } from './commit-relation.ts';
import { followToEnd, type Standing } from './follow-to-end.ts';
import { standing } from './standing.ts';

/** Runs `wait` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runWait(flags: WaitCommandFlags, io: Io): Promise<number> {
  const { timeout } = readWait({ wait: true, timeout: flags.timeout })!;
  const commit = flags.commit === undefined ? undefined : await readCommit(flags.commit, io);
  return withAgents(flags, io, async (sight) => {
    const agent = theOnly(chooseAgents(sight.agents, wordsOf(flags)), 'wait');
    if (agent.entries.length === 0)
      throw new ProblemError({
        code: 'NoProject',
        message: `the agent ${agent.name} has no manifest projects`,
      });
    if (commit !== undefined && agent.entries.length > 1)
      throw new ProblemError({
        code: 'Usage',
        message: '--commit is for one project at a time',
        hint: `name it: kubectl gitlab-agent wait ${agent.name} ${agent.entries[0]!.name} --commit ${flags.commit}`,
      });
    const waiter =
      commit === undefined
        ? undefined
        : new CommitWaiter(commit, agent.entries[0]!.entry?.repository.url, io);
    return await followToEnd(sight, io, {
      agent,
      entries: agent.entries.map(({ name }) => name),
      timeout,
      judge: (entry) => (waiter ? waiter.judge(entry) : standing(entry, '')),
      color: flags.color,
    });
  });
}

/** A whole commit, or what the clone in the working directory calls one. */
async function readCommit(given: string, io: Io): Promise<string> {
  const plain = given.toLowerCase();
  if (OBJECT_ID.test(plain)) return plain;
  try {
    return await resolveCommit({ cwd: io.cwd, env: io.env, signal: io.signal }, given);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    // Enough to know it again in what the agent says.
    if (/^[0-9a-f]{7,}$/.test(plain)) return plain;
    throw new ProblemError({
      code: 'UnknownRevision',
      message: `${JSON.stringify(given)} is no commit that is known here`,
      hint: 'write the commit itself, or run this in a clone of the manifest project',
    });
  }
}

/** Judges one entry by a commit. */
class CommitWaiter {
  readonly #commit: string;
  readonly #relations: CommitRelations;
  /** Whether the agent was ever seen to be at it. */
  #wasMine = false;

  constructor(commit: string, url: string | undefined, io: Io) {
    this.#commit = commit;
    this.#relations = new CommitRelations(commit, url, io);
  }

  judge(entry: EntryStatus): Standing {
    const { status } = entry;
    const mine = shortRevision(this.#commit);
    if (entry.sync === 'Suspended') return standing(entry, '');
    // What a pass has read counts; what is only wanted may still fail to be read.
    const revision = status?.observed?.revision ?? status?.wanted?.revision;
    if (revision === undefined) return { state: 'waiting', message: `the agent has not seen ${mine} yet` };
    this.#wasMine ||= (entry.revisions ?? []).some((one) => one.startsWith(this.#commit));
    const relation = this.#relations.of(revision);
    const now = shortRevision(revision);
    switch (relation) {
      case 'same':
      case 'contains': {
        this.#wasMine = true;
        if (status?.applied?.revision !== revision && status?.state === 'Synced')
          return { state: 'waiting', message: `${now} is not applied yet` };
        return standing(entry, relation === 'same' ? '' : ` (${now} contains ${mine})`);
      }
      case 'older':
        if (!this.#wasMine) return { state: 'waiting', message: `the agent is still at ${now}` };
        return { state: 'failed', code: 1, message: `${mine} was superseded by ${now}, which is older` };
      case 'diverged':
        if (!this.#wasMine)
          return { state: 'waiting', message: `the agent is at ${now}, which does not contain ${mine}` };
        return {
          state: 'failed',
          code: 1,
          message: `${mine} was superseded by ${now}, which does not contain it`,
        };
      case 'unknown': {
        const { trouble } = this.#relations;
        const why = trouble === undefined ? '' : ` (${trouble})`;
        return {
          state: 'waiting',
          message: `the agent is at ${now}, and whether that contains ${mine} can't be told${why}`,
        };
      }
      case undefined:
        return { state: 'waiting', message: `asking whether ${now} contains ${mine}` };
    }
  }
}
