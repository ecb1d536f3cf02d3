import { existsSync } from 'node:fs';
import type { Auth } from './connection.ts';
import type { ExecEntry, UserEntry } from './kubeconfig-file.ts';
import { problem } from './problems.ts';

/** What stands above the kubeconfig's user: `--token`, and `user:password@` in the server's URL, which stands below. */
export interface UserFlags {
  token?: string;
  userInfo?: { username: string; password: string };
}

/** As `Auth`, but what runs elsewhere is not yet told of its surroundings. */
export type ChosenAuth =
  | Exclude<Auth, { kind: 'exec' | 'provider' }>
  | { kind: 'exec'; entry: ExecEntry }
  | { kind: 'provider'; entry: NonNullable<UserEntry['authProvider']> };

/**
 * Which one of a user's credentials counts: a token (file before text), basic authentication, an exec plugin, an
 * auth provider; a client certificate is sent beside them. Throws ProblemError for a user that kubectl refuses
 * (client-go `validateAuthInfo`).
 */
export function chooseAuth(user: UserEntry, flags: UserFlags, whose: string): ChosenAuth {
  if (flags.token) return { kind: 'token', token: flags.token };
  const basic = user.username || user.password;
  if (user.token && basic) {
    throw problem(
      'AuthAmbiguous',
      `${whose} has both a token and a password`,
      'keep one of them in the kubeconfig',
    );
  }
  if (user.exec && user.authProvider) {
    throw problem(
      'AuthAmbiguous',
      `${whose} has both an exec plugin and an auth-provider`,
      'keep one of them in the kubeconfig',
    );
  }
  if (user.tokenFile) {
    if (!user.token && !existsSync(user.tokenFile)) {
      throw problem('TokenFileMissing', `the token file ${user.tokenFile} of ${whose} does not exist`);
    }
    return { kind: 'tokenFile', file: user.tokenFile, ...(user.token ? { fallback: user.token } : {}) };
  }
  if (user.token) return { kind: 'token', token: user.token };
  if (basic) return { kind: 'basic', username: user.username ?? '', password: user.password ?? '' };
  // A client certificate is enough: the plugin would only be asked for what the user has already.
  if (user.exec && !hasCertificate(user)) return { kind: 'exec', entry: checkedExec(user.exec, whose) };
  if (user.authProvider) return { kind: 'provider', entry: user.authProvider };
  return flags.userInfo ? { kind: 'basic', ...flags.userInfo } : { kind: 'none' };
}

function hasCertificate(user: UserEntry): boolean {
  return Boolean(user.clientCertificate || user.clientCertificateData);
}

const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
const MODES = ['Never', 'IfAvailable', 'Always'];

function checkedExec(exec: ExecEntry, whose: string): ExecEntry {
  const wrong = (message: string, hint?: string) =>
    problem('ExecPluginInvalid', `the exec plugin of ${whose} ${message}`, hint);
  if (!exec.command) throw wrong('has no command');
  if (!VERSIONS.includes(exec.apiVersion)) {
    const said = exec.apiVersion
      ? `has the apiVersion ${JSON.stringify(exec.apiVersion)}`
      : 'has no apiVersion';
    throw wrong(
      said,
      `the kubeconfig must say ${VERSIONS.join(' or ')}; newer versions of the plugin support them`,
    );
  }
  if (exec.env.some((item) => !item.name)) throw wrong('has an environment variable without a name');
  // Only v1 insists on a mode.
  const mode = exec.interactiveMode ?? (exec.apiVersion.endsWith('/v1beta1') ? 'IfAvailable' : '');
  if (!MODES.includes(mode)) {
    throw wrong(
      mode ? `has the interactiveMode ${JSON.stringify(mode)}` : 'has no interactiveMode',
      `it is one of ${MODES.join(', ')}`,
    );
  }
  return { ...exec, interactiveMode: mode };
}
