import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDocument } from 'yaml';
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
 * that host. `known` is the address where no flag says one. Throws ProblemError.
 */
export async function gitlabAccess(
  flags: AccessFlags,
  tokens: Tokens,
  io: Io,
  known?: string,
): Promise<GitLabOptions> {
  const url = flags.gitlabUrl ?? known ?? hostUrl(io.env.GITLAB_HOST);
  if (url === undefined || !isUrl(url))
    throw new ProblemError({
      code: 'Usage',
      message: url === undefined ? '--gitlab-url is missing' : '--gitlab-url is no plain URL',
      hint: '--gitlab-url https://gitlab.example.com',
    });
  const place = { flag: '--gitlab-token-file', file: flags.gitlabTokenFile, variable: 'GITLAB_TOKEN' };
  const token = (await tokens.read(place)) ?? glabToken(new URL(url).host, io);
  if (token === undefined)
    throw new ProblemError({
      code: 'Token',
      message: `there is no token for ${url}`,
      hint: 'GITLAB_TOKEN, --gitlab-token-file FILE (or - for stdin), or glab auth login; its scope is api',
    });
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
