import type { ReadResult } from '../../core/manifest/read.ts';
import type { Plan } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { compareSets } from '../../core/plan/compare.ts';
import type { SecretGate } from '../../core/plan/secret-gate.ts';

/** Two states to compare; without `to` the second one is the work tree. */
export interface RevisionRange {
  from: string;
  to?: string;
}

/** Splits `A..B` and `A..`; undefined where `--rev` names one revision, or none. */
export function splitRange(rev: string | undefined): RevisionRange | undefined {
  if (!rev?.includes('..')) return undefined;
  const [from, to, ...more] = rev.split('..') as [string, string, ...string[]];
  if (from === '' || more.length > 0 || to.startsWith('.')) {
    throw new ProblemError({
      code: 'Usage',
      message: `can't read the revisions ${JSON.stringify(rev)}`,
      hint: 'write A..B for two revisions, or A.. for a revision and the work tree',
    });
  }
  return to === '' ? { from } : { from, to };
}

/**
 * Compares what two revisions want, without a cluster. A path that only one of them has is empty in the other; one
 * that neither has is a mistake.
 */
export async function compareRevisions(
  { from, to }: RevisionRange,
  gate: SecretGate,
  read: (revision: string | undefined, allowAbsent: boolean) => Promise<ReadResult>,
  what: 'path' | 'kustomization',
): Promise<Plan> {
  const [before, after] = [await read(from, true), await read(to, true)];
  const nowhere = before.absent.filter((path) => after.absent.includes(path));
  if (nowhere.length > 0) {
    const sides = to === undefined ? `${from} nor the work tree has` : `${from} nor ${to} has`;
    throw new ProblemError(
      ...nowhere.map((path) => ({
        code: 'NoSuchPath',
        message: `neither ${sides} this ${what}`,
        file: path,
      })),
    );
  }
  return compareSets(before.manifests, after.manifests, gate);
}
