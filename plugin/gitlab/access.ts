import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDocument } from 'yaml';
import { mayCarryToken } from '../../core/git/repository-url.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import type { GitLabFailure } from '../../core/model/gitlab.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { hostUrl, isUrl } from '../install/read-settings.ts';
import type { Io } from '../io.ts';
import type { Tokens } from '../read-token.ts';
import { glabConfig } from './glab-config.ts';

export interface AccessFlags {
  gitlabUrl?: string | undefined;
  gitlabTokenFile?: string | undefined;
}

/**
 * How the person at hand reaches GitLab: their token of `--gitlab-token-file`, GITLAB_TOKEN, or glab's configuration for
 * that host. `known` is the address where no flag says one: the cluster's word, which is trusted with a token only where
 * GITLAB_HOST says the same (see `accessAt`). Throws ProblemError.
 */
export async function gitlabAccess(
  flags: AccessFlags,
  tokens: Tokens,
  io: Io,
  known?: string,
): Promise<GitLabOptions> {
  const url = gitlabAddress(flags, io, known);
  const address = new URL(url);
  const place = { flag: '--gitlab-token-file', file: flags.gitlabTokenFile, variable: 'GITLAB_TOKEN' };
  const given = await tokens.read(place);
  const isSaid = flags.gitlabUrl !== undefined || address.host === tokenHost(io);
  const token = (isSaid ? given : undefined) ?? glabToken(address.host, io);
  if (token === undefined && given !== undefined)
    throw new ProblemError({
      code: 'Token',
      message: `the cluster says that its GitLab is ${url}, and your token may be for another`,
      hint: `--gitlab-url ${url} or GITLAB_HOST=${address.host} says that it is for this one`,
    });
  if (token === undefined)
    throw new ProblemError({
      code: 'Token',
      message: `there is no token for ${url}`,
      hint: 'GITLAB_TOKEN, --gitlab-token-file FILE (or - for stdin), or glab auth login; its scope is api',
    });
  return optionsOf(url, token, io);
}

/** Where GitLab is, by the flag, `known` or GITLAB_HOST: an address that a token may go to. Throws ProblemError. */
export function gitlabAddress(
  flags: Pick<AccessFlags, 'gitlabUrl'>,
  io: Pick<Io, 'env'>,
  known?: string,
): string {
  const url = flags.gitlabUrl ?? known ?? hostUrl(io.env.GITLAB_HOST);
  if (url === undefined || !isUrl(url))
    throw new ProblemError({
      code: 'Usage',
      message: url === undefined ? '--gitlab-url is missing' : '--gitlab-url is no plain URL',
      hint: '--gitlab-url https://gitlab.example.com',
    });
  if (!mayCarryToken(new URL(url)))
    throw new ProblemError({
      code: 'PlainHttp',
      message: `no token is sent to ${url} unencrypted`,
      hint: '--gitlab-url https://…',
    });
  return url.replace(/\/+$/, '');
}

/**
 * How the person at hand reaches a GitLab that the cluster names, where a token of theirs is for it. Anybody in the
 * cluster may have written that address: GITLAB_TOKEN goes to GITLAB_HOST only (as glab has it, gitlab.com where that is
 * not set), glab's tokens go to their own hosts, and none goes unencrypted to another machine.
 */
export function accessAt(address: string, io: Io): GitLabOptions | undefined {
  const url = URL.parse(address);
  if (!url || !mayCarryToken(url)) return undefined;
  const isNamed = url.host === tokenHost(io);
  const token = (isNamed && io.env.GITLAB_TOKEN) || glabToken(url.host, io);
  return token ? optionsOf(url.href, token, io) : undefined;
}

/**
 * The person's token for a GitLab that a file of theirs names, found as `accessAt` does; a file with a token comes first.
 * Throws ProblemError for what is no token.
 */
export async function tokenAt(
  address: string,
  file: string | undefined,
  tokens: Tokens,
  io: Io,
): Promise<string | undefined> {
  const { host } = new URL(address);
  const isNamed = file !== undefined || host === tokenHost(io);
  const place = { flag: '--gitlab-token-file', file, variable: 'GITLAB_TOKEN' };
  return (isNamed ? await tokens.read(place) : undefined) ?? glabToken(host, io);
}

/** The host that GITLAB_TOKEN is for. */
export function tokenHost({ env }: Pick<Io, 'env'>): string {
  return (env.GITLAB_HOST || 'gitlab.com').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function optionsOf(url: string, token: string, io: Io): GitLabOptions {
  return {
    url: url.replace(/\/+$/, ''),
    token: () => Promise.resolve(token),
    signal: io.signal,
    sleep: (ms) => pause(ms, undefined, { signal: io.signal }),
    random: Math.random,
    userAgent: `kubectl-gitlab-agent/${io.version}`,
  };
}

/** What `glab auth login` left behind; undefined where there is nothing of the kind. */
export function glabToken(host: string, io: Io): string | undefined {
  let text: string;
  try {
    text = readFileSync(glabConfig(io), 'utf8');
  } catch {
    return undefined;
  }
  // glab writes `token: !!null glpat-…`: every scalar is a text here.
  const token = parseDocument(text, { schema: 'failsafe' }).getIn(['hosts', host, 'token']);
  return typeof token === 'string' && token !== '' ? token : undefined;
}

/** A failure of GitLab as what a person has to mend. `what` is the beginning of the sentence. */
export function gitlabProblem(what: string, failure: GitLabFailure, right?: string): ProblemError {
  const hint = hintFor(failure, right);
  return new ProblemError({ code: 'GitLab', message: `${what}: ${failure.message}`, ...(hint && { hint }) });
}

function hintFor({ status, code }: GitLabFailure, right: string | undefined): string | undefined {
  if (code === 'unauthorized') return 'the token is wrong, expired or revoked';
  if (code === 'forbidden' || code === 'notFound') return right;
  if (code === 'throttled') return 'GitLab limits how often it may be asked: try again in a minute';
  if (code !== 'unavailable') return undefined;
  return status >= 500
    ? 'GitLab, or a proxy in front of it, is in trouble: try again later'
    : 'is the address of GitLab right (--gitlab-url), and are you in the right network or VPN?';
}
