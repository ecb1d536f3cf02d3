/** A program that fetches commits into a cache and reads a file of each, for tests that kill it or run several. */
import { Connections } from '../../../core/git/connections.ts';
import { openRepository } from '../../../core/git/revision-source.ts';

export interface FetchProgram {
  url: string;
  username: string;
  token: string;
  cacheDirectory: string;
  commits: string[];
}

const { url, username, token, cacheDirectory, commits } = JSON.parse(process.env.FETCH!) as FetchProgram;
const connections = new Connections({ env: {} });
const opened = openRepository({
  url,
  credential: async () => ({ username, token }),
  connections,
  env: process.env,
  cacheDirectory,
  userAgent: 'gitlab-agent/test',
});
if (!opened.ok) throw new Error(opened.failure.message);
const { signal } = new AbortController();
for (const commit of commits) {
  const answer = await opened.source.open(commit, signal);
  if (!answer.ok) throw new Error(`${answer.failure.code}: ${answer.failure.message}`);
  process.stdout.write(await answer.tree.read('a.yaml', 1000));
  await answer.tree.close();
}
connections.close();
