import { SUSPEND } from '../../core/apply/agent-parent.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import { type AgentFlags, wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents, theOnly } from '../agents/choose-agents.ts';
import { withAgents } from '../agents/with-agents.ts';
import type { SuspendFlags } from '../commands/suspend.ts';
import type { ConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';
import { userName } from '../user-name.ts';
import { writeWishes } from './write-wishes.ts';

/** Runs `suspend` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runSuspend(flags: SuspendFlags, io: Io): Promise<number> {
  const { reason } = flags;
  if (reason !== undefined && (reason.trim() === '' || reason === 'false'))
    throw new ProblemError({
      code: 'Usage',
      message: '--reason needs words',
      hint: '--reason "the migration is running"',
    });
  return withAgents(flags, io, async ({ cluster, agents, progress }) => {
    const agent = theOnly(chooseAgents(agents, wordsOf(flags)), 'suspend');
    const since = new Date().toISOString().slice(0, 16);
    const words = reason === undefined ? `by ${userName(io) ?? 'somebody'} since ${since}Z` : oneLine(reason);
    for (const { set, project } of agent.entries) {
      await writeWishes(cluster, set, { [SUSPEND]: words });
      progress.aside(() => io.out(`${oneLine(project)}: suspended\n`));
    }
    return 0;
  });
}

/** Runs `resume` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runResume(flags: AgentFlags & ConnectionFlags, io: Io): Promise<number> {
  return withAgents(flags, io, async ({ cluster, agents, progress }) => {
    const agent = theOnly(chooseAgents(agents, wordsOf(flags)), 'resume');
    for (const { set, project, entry, wishes } of agent.entries) {
      const say = (text: string): void => progress.aside(() => io.out(`${oneLine(project)}: ${text}\n`));
      if (wishes.suspended !== undefined) await writeWishes(cluster, set, { [SUSPEND]: undefined });
      if (entry?.suspend) say('still suspended by the configuration: set suspend: false there');
      else say(wishes.suspended === undefined ? 'was not suspended' : 'resumed');
    }
    return 0;
  });
}
