import type { Result } from './contest.ts';
import { formatSeconds } from './table.ts';

/** A goal with what was measured for it. */
export interface Figure {
  goal: string;
  measured: string;
  reached: boolean;
}

type Results = ReadonlyMap<string, Result>;

/** What the project set itself to reach for `diff`; those whose contestants did not run are left out. */
export function judgeDiff(results: Results, objects: number): Figure[] {
  const peak = results.get('ours')?.peakMegabytes;
  return [
    faster(results, 'ours', 'server-side', 12, 'kubectl diff --server-side'),
    faster(results, 'ours', 'server-side-16', 6, 'it with --concurrency=16'),
    faster(results, 'ours', 'client-side', 60, 'plain kubectl diff'),
    atMost(results, 'full', 'floor-full', 1.3, '--full', 'the raw dry runs of all'),
    // 11 times for ten times the objects; the same line for other sizes.
    atMost(results, 'ours', 'part', 1.1 * (objects / 1000), 'the whole set', 'the time of 1,000 objects'),
    peak === undefined
      ? []
      : { goal: 'at most 600 MB resident', measured: `${Math.round(peak)} MB`, reached: peak <= 600 },
    atMost(results, 'version', 'node', 1.5, 'version', 'node -e 0'),
    atMost(results, 'help', 'node', 3, '--help', 'node -e 0'),
    // 0.3 s where `node -e 0` takes 0.03 s: slower machines get more.
    atMost(results, 'one', 'node', 10, 'one unchanged object', 'node -e 0'),
  ].flat();
}

/** The same for the start of the single executable. */
export function judgeStart(results: Results): Figure[] {
  return [
    atMost(results, 'version', 'node', 1.3, 'version', 'node -e 0'),
    atMost(results, 'help', 'node', 2.5, '--help', 'node -e 0'),
    atMost(results, 'version', 'kubectl', 1, 'version', 'kubectl version --client'),
  ].flat();
}

/** The same for `apply`. That an apply of what is unchanged writes nothing is checked before anything is measured. */
export function judgeApply(results: Results, objects: number): Figure[] {
  const scale = 1.2 * (objects / 1000);
  return [
    atMost(results, 'ours-first', 'floor-first', 1.5, 'new objects', 'the raw PATCHes'),
    atMost(results, 'set-first', 'floor-first', 1.5, 'new members of a set', 'the raw PATCHes'),
    faster(results, 'ours-first', 'server-side-first', 8, 'kubectl apply --server-side, all new'),
    faster(results, 'ours-again', 'server-side-again', 30, 'kubectl apply --server-side, nothing changed'),
    // 12 times for ten times the objects; the same line for other sizes.
    atMost(results, 'ours-first', 'part-first', scale, 'all new', 'the time of 1,000 objects'),
    atMost(results, 'ours-again', 'part-again', scale, 'nothing changed', 'the time of 1,000 objects'),
  ].flat();
}

/** The same for the diff job, from its start until its note is there. */
export function judgeJob(results: Results): Figure[] {
  return [faster(results, 'live', 'server-side', 5, 'kubectl diff --server-side')].flat();
}

function faster(results: Results, id: string, than: string, times: number, label: string): Figure | [] {
  const [ours, theirs] = [results.get(id)?.seconds, results.get(than)?.seconds];
  if (ours === undefined || theirs === undefined) return [];
  const ratio = theirs / ours;
  return {
    goal: `at least ${times} times faster than ${label}`,
    measured: `${ratio.toFixed(1)} times`,
    reached: ratio >= times,
  };
}

function atMost(
  results: Results,
  id: string,
  base: string,
  times: number,
  label: string,
  baseLabel: string,
): Figure | [] {
  const [one, other] = [results.get(id)?.seconds, results.get(base)?.seconds];
  if (one === undefined || other === undefined) return [];
  return {
    goal: `${label}: at most ${Number(times.toFixed(1))} times ${baseLabel}`,
    measured: `${(one / other).toFixed(2)} times (${formatSeconds(one)} s and ${formatSeconds(other)} s)`,
    reached: one / other <= times,
  };
}
