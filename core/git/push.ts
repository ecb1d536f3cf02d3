import { mkdir } from 'node:fs/promises';
import type { CredentialReader, SourceFailure } from '../model/source.ts';
import { fetchEnvironment, REMOTE, writeTrustFile } from './cache-environment.ts';
import { runOnCache } from './cache-process.ts';
import type { Connections, Environment } from './connections.ts';
import { fetchFailure, lastWords } from './fetch-failure.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { pushRefusal } from './push-refusal.ts';
import type { Context } from './remote-failure.ts';
import { mayCarryToken, parseRepositoryUrl, quoteForeign } from './repository-url.ts';

export interface PushOptions {
  url: string;
  credential: CredentialReader;
  connections: Connections;
  env: Environment;
  /** An empty directory; whoever gave it removes it. */
  directory: string;
  /** One that the repository has already. */
  commit: string;
  branch: string;
  /** Where the branch is; absent where there is none yet. If it is elsewhere by then, nothing is pushed. */
  expected?: string;
  signal: AbortSignal;
}

/** `moved`: the branch is no longer where it was expected. `refused`: by a rule or for a missing right. */
export type Pushed =
  | { ok: true }
  | { ok: false; kind: 'moved' | 'refused' | 'failed'; failure: SourceFailure };

/** Points a branch of a repository at a commit that is there, with the git program: no other way moves a branch. */
export async function pushBranch(options: PushOptions): Promise<Pushed> {
  const { directory, connections, env, commit, branch, expected = '', signal } = options;
  const url = parseRepositoryUrl(options.url);
  if (!(url instanceof URL)) return { ok: false, kind: 'failed', failure: url };
  const credential = await options.credential();
  if (credential && !mayCarryToken(url))
    return failed(
      'UrlInvalid',
      `${url.origin} would get the token unencrypted`,
      'write the URL with https://',
    );
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const trustFile = await writeTrustFile(directory, connections.trusted);
  const place = { env, home: directory, fileBytes: Number.MAX_SAFE_INTEGER - 1, url };
  const run = (args: readonly string[]) =>
    runOnCache(args, {
      cwd: directory,
      env: fetchEnvironment(place, connections, credential, trustFile),
      memoryBytes: DEFAULT_LIMITS.memoryBytes,
      signal,
    });
  const format = commit.length === 64 ? 'sha256' : 'sha1';
  const context: Context = { url, credential };
  const steps = [
    ['init', '--quiet', '--bare', `--object-format=${format}`, '.'],
    // With the branch's own commit, git knows what need not be sent.
    [
      'fetch',
      '--quiet',
      '--depth=1',
      '--no-tags',
      '--no-write-fetch-head',
      REMOTE,
      commit,
      ...(expected ? [expected] : []),
    ],
  ];
  for (const step of steps) {
    const { code, stderr } = await run(step);
    if (code !== 0) return { ok: false, kind: 'failed', failure: failureOf(stderr, commit, context) };
  }
  const ref = `refs/heads/${branch}`;
  const { code, stdout, stderr } = await run([
    'push',
    '--porcelain',
    '--no-verify',
    `--force-with-lease=${ref}:${expected}`,
    REMOTE,
    `${commit}:${ref}`,
  ]);
  if (code === 0) return { ok: true };
  return judge(`${stdout.toString('utf8')}\n${stderr}`, commit, context);
}

function judge(output: string, commit: string, context: Context): Pushed {
  const refusal = pushRefusal(output);
  if (refusal?.kind === 'moved')
    return {
      ok: false,
      kind: 'moved',
      failure: { code: 'GitFailed', message: 'the branch was moved meanwhile' },
    };
  if (refusal) {
    const why = quoteForeign(refusal.said, context.credential);
    return {
      ok: false,
      kind: 'refused',
      failure: { code: 'Forbidden', message: `GitLab refuses the push: ${why}` },
    };
  }
  return { ok: false, kind: 'failed', failure: failureOf(output, commit, context) };
}

function failureOf(output: string, commit: string, context: Context): SourceFailure {
  return (
    fetchFailure(output, commit, context) ?? {
      code: 'GitFailed',
      message: `git failed: ${quoteForeign(lastWords(output), context.credential)}`,
    }
  );
}

function failed(code: SourceFailure['code'], message: string, hint: string): Pushed {
  return { ok: false, kind: 'failed', failure: { code, message, hint } };
}
