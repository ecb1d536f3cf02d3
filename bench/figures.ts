import type { Result } from './contest.ts';
import { formatSeconds } from './table.ts';

/** A goal with what was measured for it. */
export interface Figure {
  goal: string;
  measured: string;
  reached: boolean;
}

/** What the project set itself to reach; those whose contestants did not run are left out. */
export function judge(results: ReadonlyMap<string, Result>, objects: number): Figure[] {
  const figures: Figure[] = [];
  const seconds = (id: string): number | undefined => results.get(id)?.seconds;

  const faster = (than: string, label: string, times: number): void => {
    const [ours, theirs] = [seconds('ours'), seconds(than)];
    if (ours === undefined || theirs === undefined) return;
    const ratio = theirs / ours;
    figures.push({
      goal: `at least ${times} times faster than ${label}`,
      measured: `${ratio.toFixed(1)} times`,
      reached: ratio >= times,
    });
  };
  const atMost = (id: string, label: string, times: number, base: string, baseLabel: string): void => {
    const [one, other] = [seconds(id), seconds(base)];
    if (one === undefined || other === undefined) return;
    figures.push({
      goal: `${label}: at most ${Number(times.toFixed(1))} times ${baseLabel}`,
      measured: `${(one / other).toFixed(2)} times (${formatSeconds(one)} s and ${formatSeconds(other)} s)`,
      reached: one / other <= times,
    });
  };

  faster('server-side', 'kubectl diff --server-side', 12);
  faster('server-side-16', 'it with --concurrency=16', 6);
  faster('client-side', 'plain kubectl diff', 60);
  atMost('full', '--full', 1.3, 'floor-full', 'the raw dry runs of all');
  // 11 times for ten times the objects; the same line for other sizes.
  atMost('ours', 'the whole set', 1.1 * (objects / 1000), 'part', 'the time of 1,000 objects');
  const peak = results.get('ours')?.peakMegabytes;
  if (peak !== undefined) {
    figures.push({
      goal: 'at most 600 MB resident',
      measured: `${Math.round(peak)} MB`,
      reached: peak <= 600,
    });
  }
  atMost('version', 'version', 1.5, 'node', 'node -e 0');
  atMost('help', '--help', 3, 'node', 'node -e 0');
  // 0.3 s where `node -e 0` takes 0.03 s: slower machines get more.
  atMost('one', 'one unchanged object', 10, 'node', 'node -e 0');
  return figures;
}
