import { ProblemError } from '../../core/model/problem.ts';
import type { InstallFlags } from '../commands/install.ts';
import type { Io } from '../io.ts';
import type { Tokens } from '../read-token.ts';
import type { LiveInstall } from './live-install.ts';
import { hasAgentToken, type SecretData } from './secrets.ts';
import { type InstallSettings, type KasSettings, SECRETS } from './settings.ts';

type SecretFlags = Pick<InstallFlags, 'gitTokenFile' | 'gitUsername' | 'apiTokenFile' | 'tokenFile'>;

/** A credential that the agent would not use must not get into the cluster. Throws ProblemError. */
export function checkSecretFlags(flags: SecretFlags, { kas }: Pick<InstallSettings, 'kas'>): void {
  if (kas && flags.gitTokenFile !== undefined)
    throw new ProblemError({
      code: 'Usage',
      message: '--git-token-file is not for an agent of a server, which reads the repositories for it',
      hint: 'leave it out: repositories.credentials_dir of the server has it',
    });
  if (!kas && flags.tokenFile !== undefined)
    throw new ProblemError({
      code: 'Usage',
      message: '--token-file is for an agent server, and none is said',
      hint: '--kas-address grpcs://kas.example.com:8150; a token for reading repositories is --git-token-file',
    });
}

/** What is handed over for the Secrets, by their names. Real values: never print them. */
export async function givenSecrets(
  flags: SecretFlags,
  tokens: Tokens,
  io: Pick<Io, 'env'>,
): Promise<Record<string, SecretData>> {
  const git = await tokens.read({
    flag: '--git-token-file',
    file: flags.gitTokenFile,
    variable: 'GITLAB_AGENT_GIT_TOKEN',
  });
  const api = await tokens.read({
    flag: '--api-token-file',
    file: flags.apiTokenFile,
    variable: 'GITLAB_AGENT_API_TOKEN',
  });
  const agent = await tokens.read({
    flag: '--token-file',
    file: flags.tokenFile,
    variable: 'GITLAB_AGENT_TOKEN',
  });
  const username = flags.gitUsername ?? io.env.GITLAB_AGENT_GIT_USERNAME;
  if (flags.gitUsername !== undefined && git === undefined)
    throw new ProblemError({
      code: 'Usage',
      message: '--git-username belongs to a token, and there is none',
      hint: '--git-token-file FILE, or - for standard input',
    });
  return {
    // Without a name of its own it is an access token, which takes any: an older name must not stay.
    ...(git !== undefined && { [SECRETS.git]: { username: username || 'gitlab-agent', token: git } }),
    ...(api !== undefined && { [SECRETS.api]: { token: api } }),
    ...(agent !== undefined && { [SECRETS.agent]: { token: agent } }),
  };
}

/** The token for an agent server, of the person at hand, where there is none yet. */
export async function askForAgentToken(
  { kas }: { kas?: Pick<KasSettings, 'address'> },
  live: Pick<LiveInstall, 'secrets' | 'foreign'>,
  given: Readonly<Record<string, SecretData>>,
  io: Io,
): Promise<Record<string, SecretData>> {
  if (!kas || !io.stdinIsTty || hasAgentToken(live, given)) return {};
  io.err(`token of the agent for ${kas.address}: `);
  const token = (await io.line({ hidden: true })).trim();
  return token === '' ? {} : { [SECRETS.agent]: { token } };
}
