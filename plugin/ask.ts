import { ProblemError } from '../core/model/problem.ts';
import type { Io } from './io.ts';

/**
 * Asks a person on stderr; the answer without blanks around it. Where nobody is there to answer it throws a ProblemError
 * with `otherwise` as its hint.
 */
export async function ask(question: string, otherwise: string, io: Io): Promise<string> {
  demandPerson(question, otherwise, io);
  io.err(`${question} `);
  return (await io.line()).trim();
}

/** Whether a person says yes; anything else is no. */
export async function confirm(question: string, io: Io): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N]`, '--yes where nobody is asked', io));
}

function demandPerson(question: string, hint: string, io: Io): void {
  if (io.stdinIsTty) return;
  const message = `nobody is there to be asked: ${question.replace(/ \[y\/N\]$/, '')}`;
  throw new ProblemError({ code: 'NoTerminal', message, hint });
}
