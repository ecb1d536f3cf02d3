/** A stand-in GitLab for a test, and repositories of it as the agent reads them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Connections } from '../../../core/git/connections.ts';
import { openRepository, type RepositoryOptions } from '../../../core/git/revision-source.ts';
import { wantedCommit, wantedRef } from '../../../core/git/wanted-commit.ts';
import type { ManifestRef } from '../../../core/model/agent-config.ts';
import type { Attempt, Credential, RevisionSource } from '../../../core/model/source.ts';
import { type GitLab, type GitLabOptions, startGitLab } from '../../support/gitlab/gitlab.ts';
import type { Project } from '../../support/gitlab/project.ts';

/** Ends nothing: for calls that are not interrupted. */
export const calm = new AbortController().signal;

export async function gitlabFor(t: ExecutionContext, options?: GitLabOptions): Promise<GitLab> {
  const gitlab = await startGitLab(options);
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  return gitlab;
}

export async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'git-cache-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export function connectionsFor(
  t: ExecutionContext,
  options: { ca?: string; env?: Record<string, string> } = {},
): Connections {
  const connections = new Connections({ env: {}, ...options });
  t.teardown(() => connections.close());
  return connections;
}

export interface SourceOptions extends Partial<RepositoryOptions> {
  token?: Credential;
}

/** Reads the project with a deploy token of its own, unless told otherwise. */
export async function sourceOf(
  t: ExecutionContext,
  project: Project,
  options: SourceOptions = {},
): Promise<RevisionSource> {
  const token = options.token ?? readToken(project);
  const opened = openRepository({
    url: project.url,
    credential: async () => token,
    connections: options.connections ?? connectionsFor(t),
    env: process.env,
    cacheDirectory: options.cacheDirectory ?? (await temporary(t)),
    userAgent: 'gitlab-agent/test',
    ...options,
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.source;
}

export function readToken(project: Project): Credential {
  const { username, value } = project.createDeployToken();
  return { username, token: value };
}

/** What the agent does at every poll. */
export async function follow(
  source: RevisionSource,
  wanted?: ManifestRef,
): Promise<Attempt<{ commit: string; name?: string }>> {
  const name = wantedRef(wanted);
  const refs = await source.refs(name === undefined ? [] : [name], calm);
  return refs.ok ? wantedCommit(refs, wanted) : refs;
}

/** The text of a file of a commit. */
export async function readAt(source: RevisionSource, commit: string, path: string): Promise<string> {
  const opened = await source.open(commit, calm);
  if (!opened.ok) throw new Error(`${opened.failure.code}: ${opened.failure.message}`);
  try {
    return (await opened.tree.read(path, 1_000_000)).toString('utf8');
  } finally {
    await opened.tree.close();
  }
}
