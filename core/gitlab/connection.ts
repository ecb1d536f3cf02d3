import type { BaseResourceOptions } from '@gitbeaker/requester-utils';
import type { TokenKind } from '../model/gitlab-projects.ts';
import { createRequester, type RequesterOptions } from './requester.ts';

export interface GitLabOptions extends RequesterOptions {
  /** `https://gitlab.example.com`, with a path where GitLab is below one. */
  url: string;
  /** Read again for each request, so that a rotated token counts at once. */
  token: () => Promise<string>;
  /** An access token where not said. */
  tokenKind?: TokenKind;
}

/** What gitbeaker's resources are made with. */
export function resourceOptions({
  url,
  token,
  tokenKind = 'access',
  ...options
}: GitLabOptions): BaseResourceOptions<false> {
  const base = { host: url.replace(/\/+$/, ''), requesterFn: createRequester(options) };
  if (tokenKind === 'job') return { ...base, jobToken: token };
  return tokenKind === 'oauth' ? { ...base, oauthToken: token } : { ...base, token };
}
