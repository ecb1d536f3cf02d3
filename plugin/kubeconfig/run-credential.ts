import { ProblemError } from '../../core/model/problem.ts';
import type { CredentialFlags } from '../commands/credential.ts';
import { gitlabAddress, tokenAt } from '../gitlab/access.ts';
import { checkedAgentId } from '../gitlab/agent-name.ts';
import type { Io } from '../io.ts';
import { Tokens } from '../read-token.ts';
import { EXEC_VERSION } from './context-entries.ts';

/** kubectl keeps a credential while it runs: in a long watch, a token that was renewed counts after so many ms. */
const GOOD_FOR = 15 * 60_000;

/** Prints an ExecCredential and returns the exit code. Throws ProblemError where there is no token. */
export async function runCredential(flags: CredentialFlags, io: Io): Promise<number> {
  const id = checkedAgentId(flags.agentId);
  const address = gitlabAddress(flags, io);
  const token = await tokenAt(address, flags.gitlabTokenFile, new Tokens(io), io);
  if (token === undefined)
    throw new ProblemError({
      code: 'Token',
      message: `there is no token for ${address}`,
      hint: tokenHint(address),
    });
  const expirationTimestamp = new Date(Date.now() + GOOD_FOR).toISOString();
  const status = { token: `pat:${id}:${token}`, expirationTimestamp };
  io.out(`${JSON.stringify({ apiVersion: EXEC_VERSION, kind: 'ExecCredential', status })}\n`);
  return 0;
}

/** Where the token of a context is looked for. */
export function tokenHint(address: string): string {
  return `glab auth login, or GITLAB_TOKEN with GITLAB_HOST=${new URL(address).host}`;
}
