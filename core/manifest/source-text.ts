import type { Problem } from '../model/problem.ts';
import type { Fault } from './fault.ts';
import { LineTable } from './line-table.ts';
import { drawLine, mayHoldSecret } from './picture.ts';

/** One file's text with its name: makes faults into problems. Lines are counted only when they are asked for. */
export class SourceText {
  /** As the user named it; `-` is standard input. */
  readonly file: string;
  readonly text: string;
  private readonly lines: LineTable;
  private secretive: boolean | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.lines = new LineTable(text);
  }

  place(offset: number): { line: number; column: number } {
    return this.lines.at(offset);
  }

  problem(fault: Fault): Problem {
    const { line, column } = this.place(fault.offset);
    this.secretive ??= mayHoldSecret(this.text);
    let { message } = fault;
    if (fault.other !== undefined) {
      const first = this.place(fault.other);
      message += `; the first is at line ${first.line}, column ${first.column}`;
    }
    const picture = drawLine(this.lines.line(line), line, column, this.secretive);
    return {
      code: fault.code,
      message,
      file: this.file,
      line,
      column,
      picture,
      ...(fault.hint ? { hint: fault.hint } : {}),
    };
  }
}
