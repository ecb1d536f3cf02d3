import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connections } from '../core/git/connections.ts';
import { openRepository } from '../core/git/revision-source.ts';
import { ProblemError } from '../core/model/problem.ts';
import type { CredentialReader, RevisionSource } from '../core/model/source.ts';
import type { Desk } from './desk.ts';

/** A project's repository for the time of a job, over HTTPS with the job's or the given token. */
export interface JobRepository extends AsyncDisposable {
  url: string;
  credential: CredentialReader;
  connections: Connections;
  /** Gone at the end. */
  directory: string;
  source: RevisionSource;
}

/** Opens it. Throws ProblemError where the URL can't be one. */
export async function openJobRepository(desk: Desk, project: string): Promise<JobRepository> {
  const { env, gitlabUrl, token, job, version } = desk;
  const url = `${gitlabUrl}/${project}.git`;
  const value = token ?? (job.jobToken === undefined ? undefined : { value: job.jobToken, kind: 'job' });
  const username = value?.kind === 'job' ? 'gitlab-ci-token' : 'oauth2';
  const credential: CredentialReader = async () => value && { username, token: value.value };
  const directory = await mkdtemp(join(tmpdir(), 'gitlab-agent-ci-'));
  const connections = new Connections({ env });
  const end = async (): Promise<void> => {
    connections.close();
    await rm(directory, { recursive: true, force: true });
  };
  const opened = openRepository({
    url,
    credential,
    connections,
    env,
    cacheDirectory: join(directory, 'cache'),
    userAgent: `gitlab-agent-ci/${version}`,
  });
  if (opened.ok)
    return { url, credential, connections, directory, source: opened.source, [Symbol.asyncDispose]: end };
  await end();
  throw new ProblemError(opened.failure);
}
