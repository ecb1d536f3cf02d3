import { readFileSync } from 'node:fs';
import type { Server } from 'node:tls';
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
export function keepRenewed(server: Server, read: () => CertificatePair): void {
  let last = '';
  // Before the server itself begins the handshake.
  server.prependListener('connection', () => {
    try {
      const pair = read();
      const text = `${pair.cert}\n${pair.key}`;
      if (text === last) return;
      server.setSecureContext(pair);
      last = text;
    } catch {
      // The last good one stays in force.
    }
  });
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
