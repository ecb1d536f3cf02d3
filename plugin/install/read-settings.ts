import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDnsLabel } from '../../core/model/dns-label.ts';
import { parseKasAddress } from '../../core/model/kas-address.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import type { Io } from '../io.ts';
import type { LiveInstall } from './live-install.ts';
import { type InstallSettings, type Rights, USUAL_NAMESPACE } from './settings.ts';

/** The flags that say what an installation is. */
export type SettingsFlags = {
  [F in
    | 'agentName'
    | 'configProject'
    | 'gitlabUrl'
    | 'gitlabCaFile'
    | 'image'
    | 'kasAddress'
    | 'kasCaCertFile'
    | 'rbac']?: string | undefined;
} & { replicas?: number | undefined; namespace?: string | undefined; impersonate?: boolean | undefined };

/** Rights as they were asked for; what `generated` means follows from manifests. */
export type WantedRights = Exclude<Rights, { mode: 'generated' }> | { mode: 'generated' };

export type WantedInstall = Omit<InstallSettings, 'rights'> & { rights: WantedRights };

/** What the flags say, with what is installed already where they are silent. Throws ProblemError with all that is wrong. */
export function readSettings(
  flags: SettingsFlags,
  live: Omit<LiveInstall, 'secrets' | 'foreign'>,
  io: Pick<Io, 'env' | 'cwd'>,
): WantedInstall {
  const problems: Problem[] = [];
  const refuse = (message: string, hint: string): void => {
    problems.push({ code: 'Usage', message, hint });
  };
  const needed = (name: string, value: string | undefined, hint: string): string => {
    if (!value) refuse(value === '' ? `the value of --${name} is empty` : `--${name} is missing`, hint);
    return value ?? '';
  };
  const agentName = needed('agent-name', flags.agentName ?? live.agentName, '--agent-name production');
  if (agentName && !isDnsLabel(agentName))
    refuse(
      `--agent-name can't be ${JSON.stringify(agentName)}`,
      'lower case letters, digits and dashes, at most 63, as GitLab names agents',
    );
  if (live.agentName !== undefined && agentName && agentName !== live.agentName)
    refuse(
      `the agent in this namespace is ${live.agentName}, and its name is what its objects belong to`,
      `another agent has a namespace of its own: -n gitlab-agent-${agentName}`,
    );
  const kasAddress = flags.kasAddress ?? live.kasAddress;
  const parsed = kasAddress === undefined ? undefined : parseKasAddress(kasAddress);
  if (parsed && 'code' in parsed) problems.push(parsed);
  if (flags.kasCaCertFile !== undefined && kasAddress === undefined)
    refuse('--kas-ca-cert-file has no --kas-address', '--kas-address grpcs://kas.example.com:8150');
  if (flags.impersonate && kasAddress === undefined)
    refuse('--impersonate has no --kas-address', 'nobody else comes through an agent that reads Git');
  // What an agent server says need not be said here.
  const wanted = (name: string, value: string | undefined, hint: string): string | undefined =>
    kasAddress !== undefined && value === undefined ? undefined : needed(name, value, hint);
  const configProject = wanted(
    'config-project',
    flags.configProject ?? live.configProject,
    '--config-project group/agents',
  );
  if (configProject && !/^[^/\s]+(\/[^/\s]+)+$/.test(configProject))
    refuse(`--config-project is no full path: ${JSON.stringify(configProject)}`, 'write it as group/project');
  const gitlabUrl = wanted(
    'gitlab-url',
    flags.gitlabUrl ?? live.gitlabUrl ?? hostUrl(io.env.GITLAB_HOST),
    '--gitlab-url https://gitlab.example.com',
  );
  if (gitlabUrl && !isUrl(gitlabUrl))
    refuse(
      `--gitlab-url is no plain URL: ${JSON.stringify(withoutUser(gitlabUrl))}`,
      '--gitlab-url https://gitlab.example.com',
    );
  const image = needed(
    'image',
    flags.image ?? live.image ?? (io.env.GITLAB_AGENT_IMAGE || undefined),
    'no image is published: docker build -f deploy/Dockerfile -t REGISTRY/gitlab-agent:VERSION . and push it',
  );
  const { replicas = live.replicas ?? 1 } = flags;
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > 10)
    refuse(`--replicas can't be ${replicas}`, 'one works, and one or two more may stand by');
  const namespace = flags.namespace || USUAL_NAMESPACE;
  if (!isDnsLabel(namespace))
    refuse(`-n can't be ${JSON.stringify(namespace)}`, 'a namespace has a DNS label for a name');
  let rights: WantedRights = { mode: 'cluster' };
  let { ca, kasCa } = live;
  try {
    rights = parseRights(flags.rbac ?? live.rights ?? 'cluster');
    if (flags.gitlabCaFile !== undefined)
      ca = readAuthorities(flags.gitlabCaFile, '--gitlab-ca-file', io.cwd);
    if (flags.kasCaCertFile !== undefined)
      kasCa = readAuthorities(flags.kasCaCertFile, '--kas-ca-cert-file', io.cwd);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length > 0) throw new ProblemError(...problems);
  return {
    namespace,
    agentName,
    ...(gitlabUrl !== undefined && { gitlabUrl: gitlabUrl.replace(/\/+$/, '') }),
    ...(configProject !== undefined && { configProject }),
    ...(kasAddress !== undefined && {
      kas: {
        address: kasAddress,
        impersonates: flags.impersonate ?? live.impersonates ?? false,
        ...(kasCa !== undefined && { ca: kasCa }),
      },
    }),
    image,
    replicas,
    rights,
    ...(ca !== undefined && { ca }),
  };
}

/** The same where GitLab is asked by us, whatever an agent server may say of it. Throws ProblemError. */
export function withGitLab({
  configProject,
  gitlabUrl,
}: Pick<WantedInstall, 'configProject' | 'gitlabUrl'>): { configProject: string; gitlabUrl: string } {
  const missing = (name: string, hint: string): Problem => ({
    code: 'Usage',
    message: `--${name} is missing`,
    hint,
  });
  if (configProject !== undefined && gitlabUrl !== undefined) return { configProject, gitlabUrl };
  throw new ProblemError(
    ...(configProject === undefined ? [missing('config-project', '--config-project group/agents')] : []),
    ...(gitlabUrl === undefined ? [missing('gitlab-url', '--gitlab-url https://gitlab.example.com')] : []),
  );
}

/** Reads the value of `--rbac`. Throws ProblemError. */
export function parseRights(text: string): WantedRights {
  const [mode, list] = text.split('=', 2);
  if ((mode === 'cluster' || mode === 'escalate' || mode === 'generated') && list === undefined)
    return { mode };
  const namespaces = [
    ...new Set(
      (list ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    ),
  ];
  if (mode === 'namespaces' && namespaces.length > 0 && namespaces.every(isDnsLabel))
    return { mode, namespaces };
  throw new ProblemError({
    code: 'Usage',
    message: `--rbac can't be ${JSON.stringify(text)}`,
    hint: 'it is one of cluster, namespaces=A,B, generated, escalate',
  });
}

/** glab's GITLAB_HOST may be a name alone. */
export function hostUrl(host: string | undefined): string | undefined {
  if (!host) return undefined;
  return /^https?:/.test(host) ? host : `https://${host}`;
}

export function isUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    !url.username &&
    !url.password &&
    !url.search &&
    !url.hash
  );
}

/** What somebody wrote into the URL before the host may be a password. */
function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//…@');
}

function readAuthorities(file: string, flag: string, cwd: string): string {
  const problem = (message: string): ProblemError =>
    new ProblemError({ code: 'CaFile', message, file, hint: `${flag} takes a PEM file` });
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw problem(`the CA file can't be read: ${code === 'ENOENT' ? 'there is no such file' : code}`);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!certificates) throw problem('the CA file holds no certificate');
  // Whatever else is in it, such as a private key, is nobody's business.
  return `${certificates.join('\n')}\n`;
}
