import type { Clock } from '../model/clock.ts';
import type { Cluster } from '../model/cluster.ts';
import type { StoryLine } from '../model/health.ts';
import type { Story } from './story.ts';

const LINES = 5;
/** A node that is gone must not hold up the report of what it did, in ms. */
const PATIENCE = 3000;

/** The last log lines of the container in trouble, as a part of its story. */
export async function lastWords(
  cluster: Pick<Cluster, 'logs'>,
  clock: Clock,
  { namespace, pod, container, previous, depth }: NonNullable<Story['log']>,
): Promise<StoryLine[]> {
  const late = new AbortController();
  const asked = cluster.logs({ namespace, name: pod }, { container, tailLines: LINES, previous });
  const answer = await Promise.race([
    asked,
    clock.sleep(PATIENCE, late.signal).then(
      () => undefined,
      () => undefined,
    ),
  ]).finally(() => late.abort());
  // Nobody waits for it any more, whatever comes of it.
  asked.catch(() => {});
  const log = `log of container ${container}${previous ? ' before its restart' : ''}`;
  if (!answer) return [{ depth, text: `${log}: no answer from its node` }];
  if (!answer.ok) return [{ depth, text: `${log}: can't be read: ${answer.failure.message}` }];
  const lines = answer.value.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return [];
  return [{ depth, head: `${log}:`, text: '' }, ...lines.map((text) => ({ depth: depth + 1, text }))];
}
