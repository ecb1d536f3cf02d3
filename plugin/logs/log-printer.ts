import { type LogText, logLine, rawLogLine, readLogText } from '../../core/report/log-line.ts';
import { labelsOf } from '../agents/choose-agents.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import type { LogsFlags } from '../commands/logs.ts';
import { type Io, wantsColor } from '../io.ts';
import { isWanted, type LineChoice } from './line-choice.ts';

/** Writes the lines that are wanted, no faster than they are read. */
export class LogPrinter {
  readonly #choice: LineChoice;
  readonly #isRaw: boolean;
  readonly #color: boolean;
  readonly #labels: ReadonlyMap<string, string>;
  readonly #io: Io;
  /** The last wanted lines, where only those are to be written. */
  #held: { lines: LogText[]; most: number } | undefined;

  constructor(agent: AgentObjects, choice: LineChoice, flags: Pick<LogsFlags, 'output' | 'color'>, io: Io) {
    const names = labelsOf(agent.entries);
    this.#choice = choice;
    this.#isRaw = flags.output === 'json';
    this.#color = wantsColor(io, flags.color);
    this.#labels = new Map(agent.entries.map(({ name }, index) => [name, names[index]!]));
    this.#io = io;
  }

  readonly take = (text: string): Promise<void> | void => {
    const line = readLogText(text);
    if (!isWanted(line, this.#choice)) return;
    if (!this.#held) return this.#write(line);
    this.#held.lines.push(line);
    if (this.#held.lines.length > this.#held.most) this.#held.lines.shift();
  };

  /** From here on lines are kept, the last `most` of them, until they are released. */
  hold(most: number): void {
    this.#held = { lines: [], most };
  }

  async release(): Promise<void> {
    const { lines } = this.#held ?? { lines: [] };
    this.#held = undefined;
    for (const line of lines) await this.#write(line);
  }

  #write(line: LogText): Promise<void> {
    const style = { color: this.#color, now: new Date(), labels: this.#labels };
    this.#io.out(`${this.#isRaw ? rawLogLine(line) : logLine(line, style)}\n`);
    return this.#io.drained();
  }
}
