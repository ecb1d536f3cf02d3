import { cutToWidth, widthOf } from '../core/report/width.ts';
import type { Io } from './io.ts';

/** Lines on standard output that are written over: at most a screen full, and only where they have changed. */
export class Screen {
  readonly #io: Pick<Io, 'out' | 'screen'>;
  #shown: string[] = [];

  constructor(io: Pick<Io, 'out' | 'screen'>) {
    this.#io = io;
  }

  /** Shows these lines instead of those before; what does not fit is counted. Colour codes take no room. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#io.screen();
    const room = Math.max(1, rows - 1);
    const more = lines.length - room;
    const kept = more > 0 ? [...lines.slice(0, room - 1), `… and ${more + 1} more lines`] : [...lines];
    const fitted = kept.map((line) => shortened(line, columns));
    if (fitted.length === this.#shown.length && fitted.every((line, index) => line === this.#shown[index]))
      return;
    const up = this.#shown.length > 0 ? `\x1b[${this.#shown.length}A` : '';
    this.#io.out(`${up}${fitted.map((line) => `\r${line}\x1b[K\n`).join('')}\x1b[J`);
    this.#shown = fitted;
  }
}

const CODE = /\x1b\[[0-9;]*m/g;

/** A line that the terminal would wrap is cut, without its colours. */
function shortened(line: string, columns: number): string {
  const plain = line.replace(CODE, '');
  return widthOf(plain) <= columns ? line : cutToWidth(plain, columns);
}
