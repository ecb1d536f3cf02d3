import { PRUNE_ALLOW, SHORTEST_COMMIT, SYNC_REQUESTED } from '../../core/apply/agent-parent.ts';
import { entryEnd } from '../../core/apply/entry-end.ts';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import { shortRevision } from '../../core/report/history-report.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents, theOnly } from '../agents/choose-agents.ts';
import { type AgentsInSight, withAgents } from '../agents/with-agents.ts';
import type { SyncFlags } from '../commands/sync.ts';
import type { Io } from '../io.ts';
import { followToEnd, type Standing } from '../wait/follow-to-end.ts';
import { readWait } from '../wait-flags.ts';
import { writeWishes } from './write-wishes.ts';

/** Runs `sync` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runSync(flags: SyncFlags, io: Io): Promise<number> {
  const waiting = readWait(flags);
  return withAgents(flags, io, async (sight) => {
    const { cluster, agents, progress } = sight;
    const agent = theOnly(chooseAgents(agents, wordsOf(flags)), 'sync');
    const allowed = allowedCommit(flags.pruneAllow, agent.entries);
    const asked = new Map<string, string>();
    for (const { name, project, sync, set, status, entry, wishes } of agent.entries) {
      const say = (text: string): void => progress.say(`notice: ${oneLine(`${project}: ${text}`)}`);
      if (sync === 'Suspended') {
        say(`suspended, and left alone: ${wishes.suspended ?? 'by the configuration'}`);
        continue;
      }
      // It has no ConfigMap before its first pass, which needs no wish.
      if (!status && !entry) {
        say('nothing has been done for it yet, and the agent is about to');
        continue;
      }
      const at = new Date().toISOString();
      await writeWishes(cluster, set, {
        [SYNC_REQUESTED]: at,
        ...(allowed !== undefined && { [PRUNE_ALLOW]: allowed }),
      });
      asked.set(name, at);
      if (!waiting) progress.aside(() => io.out(`${oneLine(project)}: asked for a pass\n`));
    }
    if (asked.size === 0)
      throw new ProblemError({
        code: 'NothingAsked',
        message: `nothing was asked of the agent ${agent.name}`,
        hint:
          agent.entries.length === 0
            ? 'it has no manifest projects'
            : 'kubectl gitlab-agent resume lets it go on',
      });
    if (!waiting) return await sayWhetherItRuns(sight, agent);
    return await followToEnd(sight, io, {
      agent,
      entries: [...asked.keys()],
      timeout: waiting.timeout,
      judge: (entry) => judge(entry, asked.get(entry.name)!),
      color: flags.color,
    });
  });
}

/** A wish that nobody reads is worth a word. */
async function sayWhetherItRuns(
  { cluster, clock, progress }: AgentsInSight,
  agent: { name: string; namespace: string },
): Promise<number> {
  const { judgeLease } = await import('../agents/lease-sight.ts');
  const { notes } = await judgeLease(cluster, agent, clock);
  for (const { reason, message } of notes)
    if (reason === 'NotRunning' || reason === 'NoLeader')
      progress.say(`warning: ${oneLine(`${agent.name}: ${message}; the wish waits for it`)}`);
  return 0;
}

function judge(entry: EntryStatus, asked: string): Standing {
  const end = entryEnd(entry);
  if (entry.sync !== 'Suspended' && entry.status?.requestedAt !== asked)
    return { state: 'waiting', message: 'the agent has not begun yet' };
  if (end.end === 'well') {
    const { status } = entry;
    return { state: 'done', message: `synced and healthy at ${shortRevision(status?.applied?.revision)}` };
  }
  if (end.end === 'failed') return { state: 'failed', message: end.message, code: end.held ? 1 : 2 };
  return { state: 'waiting', message: end.message };
}

/** The whole commit that may delete whatever it leaves out: it has to be the one that the agent is at. */
function allowedCommit(given: string | undefined, entries: readonly EntryStatus[]): string | undefined {
  if (given === undefined) return undefined;
  const refuse = (message: string, hint: string): never => {
    throw new ProblemError({ code: 'Usage', message, hint });
  };
  if (entries.length !== 1)
    refuse('--prune-allow is for one project at a time', 'name it: kubectl gitlab-agent sync AGENT PROJECT');
  if (given.length < SHORTEST_COMMIT || !/^[0-9a-f]+$/i.test(given))
    refuse(
      `--prune-allow takes a commit, not ${JSON.stringify(given)}`,
      `at least its first ${SHORTEST_COMMIT} characters`,
    );
  const { status, project } = entries[0]!;
  const known = [status?.observed?.revision, status?.wanted?.revision].filter((one) => one !== undefined);
  const meant = known.find((revision) => revision.startsWith(given.toLowerCase()));
  if (meant === undefined)
    refuse(
      `${project} is not at the commit ${given}`,
      known.length === 0 ? 'nothing was read of it yet' : `it is at ${shortRevision(known[0])}`,
    );
  return meant;
}
