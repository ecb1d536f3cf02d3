import { allowsPruning } from '../../core/apply/agent-parent.ts';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import type { Change } from '../../core/model/plan.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { oneLine } from '../../core/report/escape.ts';
import { shortRevision } from '../../core/report/history-report.ts';
import { type Format, render } from '../../core/report/render.ts';
import { painter } from '../../core/report/terminal.ts';
import { planRevision } from '../../core/sync.ts';
import type { Io } from '../io.ts';
import type { Progress } from '../progress.ts';
import { openPersonRepository } from '../repositories/open-person-repository.ts';
import { entryRevision } from './entry-revision.ts';

/** An entry as it was compared, or why it could not be. */
export interface Compared {
  entry: EntryStatus;
  agent: string;
  revision?: string;
  changes: readonly Change[];
  problems: readonly Problem[];
}

/** One entry after the other: what can't be read of one hides nothing of the others. */
export async function compareEntry(
  cluster: Cluster,
  agent: string,
  status: EntryStatus,
  flags: { rev: string | undefined; secretPath: string[] | undefined },
  io: Io,
  progress: Progress,
): Promise<Compared> {
  const { entry, set, project } = status;
  const nothing = { entry: status, agent, changes: [] };
  try {
    if (!entry)
      throw new ProblemError({
        code: 'NoEntry',
        message: 'the agent has not told yet how it reads this project',
        hint: 'it does with its first pass: kubectl gitlab-agent status',
      });
    const repository = openPersonRepository(entry.repository.url, io);
    const revision = await entryRevision(repository, status, flags.rev);
    const result = await planRevision(cluster, {
      entry,
      set,
      open: () => repository.open(revision),
      version: io.version,
      pruneAll: allowsPruning(status.wishes, revision),
      signal: io.signal,
      env: io.env,
      gate: new SecretGate((flags.secretPath ?? []).map(parseSecretPath)),
      onNotice: (text) => progress.say(`notice: ${oneLine(`${project}: ${text}`)}`),
      onProgress: (done, total) => progress.update(`${project}: comparing ${done} of ${total} objects …`),
    });
    if (!result.ok) return { ...nothing, revision, problems: result.problems };
    return { ...nothing, revision, changes: result.changes, problems: [] };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { ...nothing, problems: error.problems };
  }
}

/** What was compared as text; in `unified` and `summary` with a line about each project. */
export function comparedText(
  compared: readonly Compared[],
  format: Format,
  style: { color: boolean; width: number; now: Date },
): string {
  if (format !== 'unified' && format !== 'summary')
    return render(
      format,
      compared.flatMap(({ changes }) => changes),
      style,
    );
  const paint = painter(style.color);
  return compared
    .filter(({ problems }) => problems.length === 0)
    .map(({ changes, ...about }) => `${paint('bold', headOf(about))}\n${render(format, changes, style)}`)
    .join('\n');
}

/** `production group/shop at 1a2b3c4d, which is applied`. */
function headOf({ agent, entry, revision }: Omit<Compared, 'changes'>): string {
  const applied = entry.status?.applied?.revision;
  const now =
    applied === undefined
      ? 'nothing is applied yet'
      : applied === revision
        ? 'which is applied: what differs is drift'
        : `where ${shortRevision(applied)} is applied`;
  const paused = entry.sync === 'Suspended' ? '; suspended' : '';
  return oneLine(`${agent} ${entry.project} at ${shortRevision(revision)}, ${now}${paused}`);
}
