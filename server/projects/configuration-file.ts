import { Code, ConnectError } from '@connectrpc/connect';
import { pause } from '../../core/daemon/time.ts';
import type { Seen } from '../../core/follow/followed-revision.ts';
import type { RevisionTree } from '../../core/model/file-tree.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { AgentIdentity } from '../access/directory.ts';
import { sourceError } from './failures.ts';
import type { Projects } from './projects.ts';

export function configurationFileName({ name }: AgentIdentity): string {
  return `.gitlab/agents/${name}/config.yaml`;
}

/** Of an agent, at one revision of its configuration project. Undefined where there is no such file. Rejects with ConnectError. */
export async function readConfigurationFile(
  tree: RevisionTree,
  agent: AgentIdentity,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const file = configurationFileName(agent);
  try {
    const entry = await tree.real(file);
    if (entry === undefined) return undefined;
    if (entry.kind !== 'file') throw broken(`${file}: the configuration is no file`);
    const bytes = await tree.read(file, maxBytes);
    if (bytes.length > maxBytes) throw broken(`${file}: the file has more than ${maxBytes} bytes`);
    return bytes;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    throw new ConnectError(`Config: ${error.problems[0]!.message}`, Code.Unavailable);
  }
}

/** In ms. */
const FIRST_LOOK = 20_000;

/** The file as it is now, or was at the last look. Rejects with ConnectError. */
export async function newestConfiguration(
  projects: Projects,
  agent: AgentIdentity,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const { path } = agent.project;
  using feed = projects.lease(path);
  const seen = await firstOf(feed.value.watch.revision(undefined));
  if (!seen) throw new ConnectError(`configuration project ${path} can't be read in time`, Code.Unavailable);
  if (!seen.ok) throw sourceError(`configuration project ${path}`, seen.failure);
  return await feed.value.withTree(seen.commit, (tree) => readConfigurationFile(tree, agent, maxBytes));
}

async function firstOf(revision: {
  follow: (tell: (seen: Seen) => void) => () => void;
}): Promise<Seen | undefined> {
  const told = new AbortController();
  let first: Seen | undefined;
  const stop = revision.follow((seen) => {
    first ??= seen;
    told.abort();
  });
  try {
    await pause(FIRST_LOOK, told.signal);
    return first;
  } finally {
    stop();
  }
}

export function broken(message: string): ConnectError {
  return new ConnectError(`Config: ${message}`, Code.FailedPrecondition);
}
