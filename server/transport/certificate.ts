import { readFileSync } from 'node:fs';
import type { Server } from 'node:tls';
import type { Log } from '../../core/daemon/log.ts';
import { ProblemError } from '../../core/model/problem.ts';

/** PEM. */
export interface CertificatePair {
  cert: string;
  key: string;
}

/**
 * Reads the pair anew for each connection, so that a renewed one counts without a restart. One that can't be used, or of
 * which only half is there yet, changes nothing.
 */
export function keepRenewed(server: Server, read: () => CertificatePair, log: Log): void {
  let last = textOf(read());
  // Before the server itself begins the handshake.
  server.prependListener('connection', () => {
    try {
      const pair = read();
      if (textOf(pair) === last) return;
      server.setSecureContext(pair);
      last = textOf(pair);
      log.info('The certificate was read again');
    } catch (error) {
      const { message } = error as Error;
      log.warn("The certificate can't be used, the last good one stays in force", { error: message });
    }
  });
}

function textOf({ cert, key }: CertificatePair): string {
  return `${cert}\n${key}`;
}

/** Throws ProblemError. */
export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({ code: 'Certificate', message: `the file can't be read: ${code}`, file });
  }
}
