import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credential } from '../model/source.ts';
import type { Connections, Environment } from './connections.ts';
import { basicAuthorization } from './repository-url.ts';

// Of the program's environment only what git needs to run: nothing may point it elsewhere, trace, or ask.
const KEPT = ['PATH', 'TMPDIR', 'GIT_EXEC_PATH', 'LD_LIBRARY_PATH', 'SystemRoot'];

type Setting = [name: string, value: string];

const SETTINGS: readonly Setting[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['credential.helper', ''],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  // As many objects as there are: a pack is complete or absent, and one file.
  ['fetch.unpackLimit', '1'],
  ['fetch.recurseSubmodules', 'false'],
  ['fetch.writeCommitGraph', 'false'],
  ['fetch.fsckObjects', 'true'],
  // Mistakes of old commits, which GitLab's own servers let pass (Gitaly, "fsck" configuration).
  ['fetch.fsck.badTimezone', 'ignore'],
  ['fetch.fsck.missingSpaceBeforeDate', 'ignore'],
  ['fetch.fsck.zeroPaddedFilemode', 'ignore'],
  ['pack.threads', '1'],
  ['pack.windowMemory', '64m'],
  ['pack.deltaCacheSize', '16m'],
  ['core.bigFileThreshold', '16m'],
  ['core.packedGitWindowSize', '16m'],
  ['core.packedGitLimit', '128m'],
  ['http.followRedirects', 'false'],
  // As Node does it: the password in the URL, without waiting to be asked for it.
  ['http.proxyAuthMethod', 'basic'],
  ['http.lowSpeedLimit', '100'],
  ['http.lowSpeedTime', '30'],
];

/** The name that fetches use for the repository; it is configured by the environment only. */
export const REMOTE = 'source';

export interface CacheEnvironmentOptions {
  env: Environment;
  /** The directory of all caches, which has no configuration files. */
  home: string;
  /** Larger files are not fetched, where the server can leave them out. */
  fileBytes: number;
  url: URL;
}

/** Git that reads a bare cache: no way out of this machine, and what was not fetched is simply not there. */
export function readingEnvironment(options: CacheEnvironmentOptions): Record<string, string> {
  return environment(options, [['protocol.allow', 'never']], { GIT_NO_LAZY_FETCH: '1' });
}

/** Git that keeps a bare cache in order: it knows that what is missing may have been left out on purpose. */
export function housekeepingEnvironment(options: CacheEnvironmentOptions): Record<string, string> {
  return environment(options, [...remoteSettings(options), ['protocol.allow', 'never']], {
    GIT_NO_LAZY_FETCH: '1',
  });
}

/** Git that fetches. The token is in the environment of git and of what it starts, and nowhere else. */
export function fetchEnvironment(
  options: CacheEnvironmentOptions,
  connections: Connections,
  credential: Credential | undefined,
  trustFile: string,
): Record<string, string> {
  const { url } = options;
  const settings = [
    ...remoteSettings(options),
    ['protocol.version', '2'],
    ['http.sslCAInfo', trustFile],
    // Bound to the origin: no redirect can carry it elsewhere.
    ...(credential
      ? [[`http.${url.origin}/.extraHeader`, `Authorization: ${basicAuthorization(credential)}`]]
      : []),
  ] as Setting[];
  return environment(options, settings, {
    ...connections.proxyEnv,
    GIT_ALLOW_PROTOCOL: url.protocol.slice(0, -1),
  });
}

function remoteSettings({ url, fileBytes }: CacheEnvironmentOptions): Setting[] {
  return [
    [`remote.${REMOTE}.url`, url.href],
    [`remote.${REMOTE}.promisor`, 'true'],
    [`remote.${REMOTE}.partialclonefilter`, `blob:limit=${fileBytes + 1}`],
  ];
}

function environment(
  { env, home }: CacheEnvironmentOptions,
  more: readonly Setting[],
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const settings = [...SETTINGS, ...more];
  const kept = KEPT.flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  const configured = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    ...(Object.fromEntries([...kept, ...configured]) as Record<string, string>),
    GIT_CONFIG_COUNT: String(settings.length),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_DEFAULT_REF_FORMAT: 'files',
    // A cache that is broken must not make git look for a repository above it.
    GIT_CEILING_DIRECTORIES: home,
    // Neither a .netrc nor a configuration file is found there.
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C',
    ...variables,
  };
}

/** Writes the authorities that are trusted to a file in the directory, once for all repositories; its path. */
export async function writeTrustFile(directory: string, pem: string): Promise<string> {
  const name = createHash('sha256').update(pem).digest('hex').slice(0, 16);
  const file = join(directory, `trusted-${name}.pem`);
  if (existsSync(file)) return file;
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, pem);
  await rename(temporary, file);
  return file;
}
