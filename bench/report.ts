import { cpus, totalmem } from 'node:os';
import type { Result } from './contest.ts';
import type { Figure } from './figures.ts';
import { formatSeconds, formatTable } from './table.ts';

export interface Conditions {
  objects: number;
  changed: number;
  seed: number;
  cluster: string;
  kubectlVersion: string;
  serverVersion: string;
}

export function printConditions(conditions: Conditions): void {
  const { objects, changed, seed, cluster, kubectlVersion, serverVersion } = conditions;
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const lines = [
    '',
    `${objects} objects, ${changed} changed, seed ${seed}; all answers of ours are right`,
    `machine: ${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'}, ${memory} GiB, ${process.platform}`,
    `Node ${process.version}, kubectl ${kubectlVersion}, Kubernetes ${serverVersion}`,
    `cluster: ${cluster}`,
    '',
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

/** Medians, beside those of `ours`; `expected` are the objects that a right answer names. */
export function resultTable(
  results: readonly Result[],
  ours: Result,
  expected?: ReadonlySet<string>,
  title = '',
): string {
  const rows = results.map(({ contestant, runs, seconds, best, cpuSeconds, peakMegabytes, code, named }) => [
    contestant.label,
    String(runs),
    formatSeconds(seconds),
    formatSeconds(best),
    (seconds / ours.seconds).toFixed(2),
    cpuSeconds.toFixed(2),
    peakMegabytes === undefined ? '-' : String(Math.round(peakMegabytes)),
    String(code),
    ...(expected ? [named ? answer(named, expected) : ''] : []),
  ]);
  const header = [title, 'runs', 'median', 'best', '× ours', 'CPU s', 'peak MB', 'exit'];
  return formatTable(expected ? [...header, 'names'] : header, rows);
}

export function printFigures(figures: readonly Figure[], note: string): void {
  process.stdout.write(`\nfigures${note}\n`);
  for (const { goal, measured, reached } of figures)
    process.stdout.write(`  ${reached ? 'reached' : 'MISSED '}  ${goal}: ${measured}\n`);
}

/** What kubectl calls changed, beside what is. */
function answer(named: ReadonlySet<string>, expected: ReadonlySet<string>): string {
  const right = [...named].filter((name) => expected.has(name)).length;
  return right === expected.size && named.size === right ? 'the same' : `${named.size} (${right} right)`;
}
