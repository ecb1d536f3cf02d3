import { type AgentStatus, type EntryStatus, isBlind } from '../../core/model/agent-status.ts';
import { oneLine } from '../../core/report/escape.ts';
import { statusTree } from '../../core/report/status-tree.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';
import { type Io, wantsColor } from '../io.ts';
import { pause } from '../pause.ts';
import { AgentFollower } from '../status/follow-agents.ts';

/** What is known of an entry that is waited for. `code` is the exit code where it ends like that. */
export type Standing =
  | { state: 'waiting'; message: string }
  | { state: 'done'; message: string }
  | { state: 'failed'; message: string; code: 1 | 2 };

export interface WaitOptions {
  /** The agent, and the names of its entries. */
  agent: { name: string; namespace: string };
  entries: readonly string[];
  /** In ms. */
  timeout: number;
  /** Of one entry, as it is seen; called whenever something may have changed. */
  judge: (entry: EntryStatus) => Standing;
  color: 'auto' | 'always' | 'never';
}

/** How often an entry is judged without anything that changed, in ms: what Git says comes in its own time. */
const TICK = 1_000;

/**
 * Waits until every entry is done, one has failed for good, or the time is over, and prints how that ended, with the
 * story of what is not well. Returns the exit code: 0, that of the failure, or 1 where the time is over; 2 where nobody
 * knows whether the agent runs.
 */
export async function followToEnd(sight: AgentsInSight, io: Io, options: WaitOptions): Promise<number> {
  const { clock, progress } = sight;
  const { agent, entries, timeout, judge } = options;
  const startedAt = clock.now();
  let failure: unknown;
  let wake: () => void = () => undefined;
  await using following = new AgentFollower(
    sight,
    { signal: io.signal, random: Math.random },
    {
      onChange: () => wake(),
      onError: (error) => {
        failure ??= error;
        wake();
      },
    },
  );
  for (;;) {
    io.signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    const found = following.agents.find(
      ({ name, namespace }) => name === agent.name && namespace === agent.namespace,
    );
    const status = found && following.statusOf(found, io.version);
    const standings = entries.map((name) => standingOf(status, name, judge));
    const blind = status?.notes.find(isBlind);
    const isOver = clock.now() - startedAt >= timeout;
    const failed = standings.find(({ standing }) => standing.state === 'failed');
    const waiting = standings.filter(({ standing }) => standing.state === 'waiting');
    if (failed || isOver || waiting.length === 0) {
      progress.end();
      for (const { project, standing } of standings) {
        const over = standing.state === 'waiting' && isOver ? 'the time is over: ' : '';
        io.out(`${oneLine(`${project}: ${over}${standing.message}`)}\n`);
      }
      if (blind && waiting.length > 0) io.out(`${oneLine(`${agent.name}: ${blind.message}`)}\n`);
      const stuck = standings.filter(({ standing }) => standing.state !== 'done');
      if (status && stuck.length > 0) io.out(await storyOf(sight, status, stuck, io, options));
      if (failed?.standing.state === 'failed') return failed.standing.code;
      return waiting.length === 0 ? 0 : blind ? 2 : 1;
    }
    const [first] = waiting;
    const about = blind ? `${agent.name}: ${blind.message}` : `${first!.project}: ${first!.standing.message}`;
    progress.update(`${oneLine(about)} …`);
    await pause(Math.min(TICK, timeout - (clock.now() - startedAt)), io.signal, (stop) => {
      wake = stop;
    });
  }
}

interface Standings {
  project: string;
  entry?: EntryStatus;
  standing: Standing;
}

function standingOf(status: AgentStatus | undefined, name: string, judge: WaitOptions['judge']): Standings {
  const entry = status?.entries.find((one) => one.name === name);
  if (entry) return { project: entry.project, entry, standing: judge(entry) };
  const message = 'the agent does not have it in its configuration by now';
  return { project: name, standing: { state: 'waiting', message } };
}

/** What the cluster says of the objects that are not well, as the tree of `status` shows it. */
async function storyOf(
  sight: AgentsInSight,
  agent: AgentStatus,
  stuck: readonly Standings[],
  io: Io,
  { color }: WaitOptions,
): Promise<string> {
  const entries = stuck.flatMap(({ entry }) => (entry ? [entry] : []));
  if (entries.length === 0) return '';
  const shown = { ...agent, entries, notes: agent.notes.filter((note) => !isBlind(note)) };
  const { lookAtObjects } = await import('../status/look-at-objects.ts');
  const seen = await lookAtObjects(sight, [shown], io.signal);
  sight.progress.end();
  return statusTree([shown], seen, { color: wantsColor(io, color), width: io.columns, now: new Date() });
}
