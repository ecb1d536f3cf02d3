export interface Progress {
  /** Ends it with the time it took. */
  done(): void;
  /** Ends it without a word: the error that follows says what happened. */
  fail(): void;
}

const TTY_MS = 1_000;
// A CI log is read afterwards: often enough to show life, seldom enough not to fill pages.
const PLAIN_MS = 20_000;

/** Says on stderr that `what` goes on: one line that counts on a terminal, else a line every 20 seconds. */
export function startProgress(what: string, hint: string): Progress {
  const terminal = process.stderr.isTTY === true;
  const start = Date.now();
  const line = (): string => `${what} … ${formatDuration(Date.now() - start)}${hint ? `, ${hint}` : ''}`;
  const show = (): void => {
    process.stderr.write(terminal ? `\r\x1b[K${line()}` : `${line()}\n`);
  };
  show();
  const timer = setInterval(show, terminal ? TTY_MS : PLAIN_MS);
  const end = (text: string): void => {
    clearInterval(timer);
    process.stderr.write(`${terminal ? '\r\x1b[K' : ''}${text}`);
  };
  return {
    done: () => end(`${what}: done in ${formatDuration(Date.now() - start)}\n`),
    fail: () => end(''),
  };
}

/** `7s`, `2m10s`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
