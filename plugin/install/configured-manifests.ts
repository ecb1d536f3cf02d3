import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connections } from '../../core/git/connections.ts';
import { openRepository } from '../../core/git/revision-source.ts';
import { wantedCommit, wantedRef } from '../../core/git/wanted-commit.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { openGitLab } from '../../core/gitlab/gitlab.ts';
import type { ManifestEntry } from '../../core/model/agent-config.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Attempt } from '../../core/model/source.ts';
import { oneLine } from '../../core/report/escape.ts';
import { readEntry } from '../../core/sync.ts';
import { gitlabProblem } from '../gitlab/access.ts';
import type { Io } from '../io.ts';
import type { Progress } from '../progress.ts';
import type { Wanted } from './generated-rules.ts';

/**
 * The manifests of the entries of a configuration as they are now, read with the token of the person at hand. Throws
 * ProblemError where one of them can't be read.
 */
export async function configuredManifests(
  entries: readonly ManifestEntry[],
  access: GitLabOptions,
  io: Io,
  progress: Progress,
): Promise<Wanted[]> {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'kubectl-gitlab-agent-'));
  const connections = new Connections({ env: io.env });
  try {
    const wanted: Wanted[] = [];
    for (const entry of entries) {
      progress.update(`reading the manifests of ${entry.name} …`);
      const url = await urlOf(entry, access);
      // A token goes to its own GitLab and nowhere else.
      const isOurs = url.startsWith(`${access.url}/`);
      const opened = openRepository({
        url,
        credential: async () => (isOurs ? { username: 'oauth2', token: await access.token() } : undefined),
        connections,
        env: io.env,
        cacheDirectory,
        userAgent: access.userAgent,
      });
      const source = opened.ok ? opened.source : refuse(entry, opened);
      const name = wantedRef(entry.ref);
      const refs = taken(entry, await source.refs(name === undefined ? [] : [name], io.signal));
      const { commit } = taken(entry, wantedCommit(refs, entry.ref));
      taken(entry, await source.fetch(commit, io.signal));
      const open = async () => taken(entry, await source.open(commit, io.signal)).tree;
      const read = await readEntry({
        entry,
        open,
        signal: io.signal,
        env: io.env,
        onNotice: (text) => progress.say(`notice: ${oneLine(text)}`),
      });
      if (!read.ok) throw new ProblemError(...read.problems);
      wanted.push({ manifests: read.manifests, defaultNamespace: entry.defaultNamespace });
    }
    return wanted;
  } finally {
    connections.close();
    rmSync(cacheDirectory, { recursive: true, force: true });
  }
}

async function urlOf({ name, repository }: ManifestEntry, access: GitLabOptions): Promise<string> {
  if ('url' in repository) return repository.url;
  const found = await openGitLab(access).project(String(repository.projectId));
  if (!found.ok) throw gitlabProblem(`the project of the entry ${name} can't be found`, found.failure);
  return `${access.url}/${found.value.path}.git`;
}

function taken<T>(entry: ManifestEntry, attempt: Attempt<T>): { ok: true } & T {
  return attempt.ok ? attempt : refuse(entry, attempt);
}

function refuse(
  { name }: ManifestEntry,
  { failure }: { failure: ConstructorParameters<typeof ProblemError>[0] },
): never {
  const { message, ...rest } = failure!;
  throw new ProblemError({
    ...rest,
    message: `the manifests of the entry ${name} can't be read: ${message}`,
  });
}
