import { LEVELS, type Level } from '../model/log-level.ts';
import { escapeJsonText } from '../report/escape.ts';

/** What a line says beside its message: `project`, `commit`, `error`, … Never a secret. */
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Where lines go, from which level on (it changes with the configuration), and what time it is. */
export interface LogSink {
  write: (line: string) => void;
  level: Level;
  now: () => Date;
}

/** One JSON object a line: level, time, msg, then the fields of where it is said, then its own. */
export class Log {
  readonly #sink: LogSink;
  readonly #fields: Fields;

  constructor(sink: LogSink, fields: Fields = {}) {
    this.#sink = sink;
    this.#fields = fields;
  }

  with(fields: Fields): Log {
    return new Log(this.#sink, { ...this.#fields, ...fields });
  }

  debug(msg: string, fields?: Fields): void {
    this.#say('debug', msg, fields);
  }

  info(msg: string, fields?: Fields): void {
    this.#say('info', msg, fields);
  }

  warn(msg: string, fields?: Fields): void {
    this.#say('warn', msg, fields);
  }

  error(msg: string, fields?: Fields): void {
    this.#say('error', msg, fields);
  }

  #say(level: Level, msg: string, fields: Fields = {}): void {
    const { write, level: least, now } = this.#sink;
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    write(
      `${escapeJsonText(JSON.stringify({ level, time: now().toISOString(), msg, ...this.#fields, ...fields }))}\n`,
    );
  }
}
