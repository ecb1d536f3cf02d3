import { parsePath } from '../model/path.ts';
import { ProblemError } from '../model/problem.ts';
import type { SecretPath } from './secret-gate.ts';

const HINT = 'write KIND[.GROUP]:PATH, such as ConfigMap:data.token or Database.example.org:spec.password';

/** Reads `KIND[.GROUP]:PATH`. Throws ProblemError for what is written otherwise. */
export function parseSecretPath(text: string): SecretPath {
  const match = /^([A-Za-z][A-Za-z0-9]*)(?:\.([a-z0-9.-]+))?:(.+)$/s.exec(text);
  if (!match)
    throw new ProblemError({
      code: 'Usage',
      message: `can't read the secret path ${JSON.stringify(text)}`,
      hint: HINT,
    });
  try {
    return { kind: match[1]!, group: match[2] ?? '', path: parsePath(match[3]!) };
  } catch (error) {
    const message = `can't read the secret path ${JSON.stringify(text)}: ${(error as Error).message}`;
    throw new ProblemError({ code: 'Usage', message, hint: HINT });
  }
}
