// Loaded before anything else, also for `version` alone: it imports nothing.

const WORDS: Record<string, string> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file is too large',
  EIO: 'the disk or terminal fails (EIO)',
};

/** Ends the program with 2 and a sentence where its output can't be written; a reader that went away is no error. */
export function watchOutput(streams: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'exit'>): void {
  for (const stream of [streams.stdout, streams.stderr]) {
    stream.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      // `diff … | head` closes the pipe early: nobody reads on, but the exit code still tells what was found.
      if (code === 'EPIPE') return;
      streams.stderr.write(`error: the output can't be written: ${WORDS[code] ?? code}\n`);
      streams.exit(2);
    });
  }
}
