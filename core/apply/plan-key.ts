import { ProblemError } from '../model/problem.ts';

/** The environment variable that may hold the key of a plan file. */
export const PLAN_KEY_VARIABLE = 'GITLAB_AGENT_PLAN_KEY';
export const PLAN_KEY_BYTES = 32;
/** What makes a key. */
export const NEW_PLAN_KEY = `head -c ${PLAN_KEY_BYTES} /dev/urandom | base64`;

/** The key that a text is; `where` it stands. Throws ProblemError for anything but all of its bytes in base64. */
export function decodePlanKey(text: string, where: string): Buffer {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length === PLAN_KEY_BYTES && bytes.toString('base64') === text.trim()) return bytes;
  throw new ProblemError({
    code: 'PlanKey',
    message: `${where} is no key: it has to be ${PLAN_KEY_BYTES} random bytes in base64`,
    hint: `such a key is made by: ${NEW_PLAN_KEY}`,
  });
}
