/** What a program of ours prints: lines of JSON, and whatever else. */
import type { ChildProcess } from 'node:child_process';

/** One line of a program's log. */
export interface LogLine {
  level: string;
  time: string;
  msg: string;
  [field: string]: unknown;
}

export class ProgramLog {
  readonly lines: LogLine[] = [];
  /** What it printed that is no line of the log. */
  readonly noise: string[] = [];

  /** Reads both of its streams, which have to be pipes. */
  constructor(child: ChildProcess) {
    for (const stream of [child.stdout!, child.stderr!]) this.#read(stream);
  }

  /** The first line that says it; those before `after` don't count. */
  find(msg: string, fields: Record<string, unknown>, after = 0): LogLine | undefined {
    return this.lines
      .slice(after)
      .find(
        (line) => line.msg === msg && Object.entries(fields).every(([name, value]) => line[name] === value),
      );
  }

  /** The last lines, for the message of a test that failed. */
  tail(): string {
    return [...this.lines.slice(-30).map((line) => JSON.stringify(line)), ...this.noise.slice(-30)].join(
      '\n',
    );
  }

  #read(stream: NodeJS.ReadableStream): void {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine);
        else this.noise.push(line);
      }
    });
  }
}
