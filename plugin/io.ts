/** What a command may touch of the process: given by `main`, replaced in tests. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  homedir: string;
  /** Standard input, whole; rejects when the signal ends. */
  stdin: () => Promise<Buffer>;
  /** One line that a person writes; '' where they end the input. `hidden`: it does not appear on the screen. */
  line: (options?: { hidden?: boolean }) => Promise<string>;
  stdinIsTty: boolean;
  /** Writes to stdout; a reader that went away is no error. */
  out(text: string): void;
  /** Resolves when standard output takes more: at once where its reader keeps up, or has gone away. */
  drained(): Promise<void>;
  /** Ends where nobody reads standard output any more. */
  unread: AbortSignal;
  err(text: string): void;
  stdoutIsTty: boolean;
  stderrIsTty: boolean;
  /** Width of the terminal in columns; 80 where there is none. */
  columns: number;
  /** The size of the terminal at stderr, as it is now. */
  screen(): { columns: number; rows: number };
  /** Ends on Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  version: string;
}

/** Whether to colour: `--color` wins, then NO_COLOR (no-color.org) and TERM=dumb, then whether it is a terminal. */
export function wantsColor(io: Pick<Io, 'env' | 'stdoutIsTty'>, flag: 'auto' | 'always' | 'never'): boolean {
  if (flag !== 'auto') return flag === 'always';
  return io.stdoutIsTty && !io.env.NO_COLOR && io.env.TERM !== 'dumb';
}
