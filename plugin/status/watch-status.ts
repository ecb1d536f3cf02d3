import type { AgentStatus } from '../../core/model/agent-status.ts';
import { oneLine } from '../../core/report/escape.ts';
import { type StatusStyle, statusLines } from '../../core/report/status-table.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents } from '../agents/choose-agents.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';
import type { StatusFlags } from '../commands/status.ts';
import { type Io, wantsColor } from '../io.ts';
import { pause } from '../pause.ts';
import { Screen } from '../screen.ts';
import { AgentFollower } from './follow-agents.ts';
import { statusText } from './run-status.ts';

/** What comes in one go is shown in one go; ages change with the time. In ms. */
const DEBOUNCE = 100;
const TICK = 1_000;

/** Shows the status as it changes until the signal ends, which it rejects with. */
export async function watchStatus(sight: AgentsInSight, flags: StatusFlags, io: Io): Promise<never> {
  const words = wordsOf(flags);
  // Names that fit nothing are refused at once; later an agent may go and come back.
  chooseAgents(sight.agents, words);
  sight.progress.end();
  let failure: unknown;
  let wake: () => void = () => undefined;
  const ended = (error: unknown): void => {
    failure ??= error;
    wake();
  };
  await using following = new AgentFollower(
    sight,
    { signal: io.signal, random: Math.random },
    { onChange: () => wake(), onError: ended },
  );
  await using objects = flags.output === 'tree' ? await openObjects(sight, io, () => wake()) : undefined;
  const isScreen = io.stdoutIsTty && io.env.TERM !== 'dumb' && isDrawn(flags.output);
  const show = isScreen ? screenOf(io) : appender(io);
  for (;;) {
    io.signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    const agents = chosen(following, words, io.version);
    const style = { color: wantsColor(io, flags.color), width: io.columns, now: new Date() };
    objects?.expect(agents, (set) => following.parentOf(set));
    // What is written can't be taken back: it waits until it is known who leads.
    if (isScreen || following.isComplete) show(flags.output, agents, style, following.troubles, objects);
    await pause(TICK, io.signal, (stop) => {
      wake = stop;
    });
    await sight.clock.sleep(DEBOUNCE);
  }
}

type Shown = Awaited<ReturnType<typeof openObjects>>;
type Show = (
  format: StatusFlags['output'],
  agents: AgentStatus[],
  style: StatusStyle,
  troubles: readonly string[],
  objects: Shown | undefined,
) => void;

async function openObjects(sight: AgentsInSight, io: Io, onChange: () => void) {
  const { ObjectFollower } = await import('./follow-objects.ts');
  return ObjectFollower.open(sight, { signal: io.signal, random: Math.random }, onChange);
}

function isDrawn(format: StatusFlags['output']): boolean {
  return format === 'table' || format === 'wide' || format === 'tree';
}

/** Agents that are there by now, of those that are named. */
function chosen(following: AgentFollower, words: readonly string[], version: string): AgentStatus[] {
  try {
    return chooseAgents(following.agents, words).map((agent) => following.statusOf(agent, version));
  } catch {
    return [];
  }
}

/** Draws over what is there. */
function screenOf(io: Io): Show {
  const screen = new Screen(io);
  return (format, agents, style, troubles, objects) => {
    const warnings = troubles.map((text) => `warning: ${oneLine(text)}`);
    const text =
      format === 'tree'
        ? objects!.text(agents, style)
        : statusText(format as 'table' | 'wide', agents, style);
    screen.draw([...warnings, ...text.trimEnd().split('\n')]);
  };
}

/** Writes what has changed below what is there: a line for each project, or a document. */
function appender(io: Io): Show {
  let last = new Map<string, string>();
  let lastTroubles = '';
  let begun: Date | undefined;
  return (format, agents, style, troubles, objects) => {
    const said = troubles.map((text) => `warning: ${oneLine(text)}\n`).join('');
    if (said !== lastTroubles) io.err(said);
    lastTroubles = said;
    const isLines = format === 'table' || format === 'wide';
    begun ??= style.now;
    // That all is a second older is no change: whole texts are compared as of one time.
    const parts = isLines
      ? new Map(statusLines(agents).map(({ key, text }) => [key, `${text}\n`]))
      : new Map([['', wholeText(format, agents, { ...style, now: begun }, objects)]]);
    const stamp = `${style.now.toISOString().slice(0, 19)}Z `;
    for (const [key, text] of parts)
      if (last.get(key) !== text) io.out(isLines ? stamp + text : wholeText(format, agents, style, objects));
    for (const key of last.keys()) if (!parts.has(key)) io.out(`${stamp}${key} is gone\n`);
    last = parts;
  };
}

function wholeText(
  format: 'json' | 'yaml' | 'tree',
  agents: AgentStatus[],
  style: StatusStyle,
  objects: Shown | undefined,
): string {
  if (format === 'tree') return `${objects!.text(agents, style)}\n`;
  // The heartbeat alone is no change.
  const still = agents.map(({ leadership, ...agent }) => ({
    ...agent,
    ...(leadership?.holder !== undefined && { leadership: { holder: leadership.holder } }),
  }));
  const text = statusText(format, still, style);
  return format === 'yaml' ? `---\n${text}` : text;
}
