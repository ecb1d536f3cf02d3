// Loaded before anything else, also for `version` alone: it imports nothing.

const WORDS: Record<string, string> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file is too large',
  EIO: 'the disk or terminal fails (EIO)',
};

/**
 * Ends the program with 2 and a sentence where its output can't be written. A reader that went away is no error:
 * `onUnread` is told that it reads standard output no more.
 */
export function watchOutput(
  streams: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'exit'>,
  onUnread: () => void = () => {},
): void {
  for (const stream of [streams.stdout, streams.stderr]) {
    stream.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      // `diff … | head` closes the pipe early: nobody reads on, but the exit code still tells what was found.
      if (code === 'EPIPE') return stream === streams.stdout ? onUnread() : undefined;
      streams.stderr.write(`error: the output can't be written: ${WORDS[code] ?? code}\n`);
      streams.exit(2);
    });
  }
}
