import { cpus, totalmem } from 'node:os';
import type { Result } from './contest.ts';
import { judge } from './figures.ts';
import { formatSeconds, formatTable } from './table.ts';

export interface ReportOptions {
  objects: number;
  changed: number;
  seed: number;
  cluster: string;
  kubectlVersion: string;
  serverVersion: string;
  /** The objects that a right answer names. */
  expected: ReadonlySet<string>;
}

/** Prints the conditions, the table and the figures. */
export function printReport(results: ReadonlyMap<string, Result>, options: ReportOptions): void {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const lines = [
    '',
    `${options.objects} objects, ${options.changed} changed, seed ${options.seed}; all answers of ours are right`,
    `machine: ${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'}, ${memory} GiB, ${process.platform}`,
    `Node ${process.version}, kubectl ${options.kubectlVersion}, Kubernetes ${options.serverVersion}`,
    `cluster: ${options.cluster}`,
    '',
    '',
  ];
  process.stdout.write(lines.join('\n'));
  process.stdout.write(resultTable(results, options.expected));
  const note =
    options.objects === 1_000 && options.changed === 50 ? '' : ' (set for 1,000 objects, 50 changed)';
  process.stdout.write(`\nfigures${note}\n`);
  for (const { goal, measured, reached } of judge(results, options.objects)) {
    process.stdout.write(`  ${reached ? 'reached' : 'MISSED '}  ${goal}: ${measured}\n`);
  }
}

function resultTable(results: ReadonlyMap<string, Result>, expected: ReadonlySet<string>): string {
  const ours = results.get('ours')!.seconds;
  const rows = [...results.values()].map(
    ({ contestant, runs, seconds, best, cpuSeconds, peakMegabytes, code, named }) => [
      contestant.label,
      String(runs),
      formatSeconds(seconds),
      formatSeconds(best),
      (seconds / ours).toFixed(2),
      cpuSeconds.toFixed(2),
      peakMegabytes === undefined ? '-' : String(Math.round(peakMegabytes)),
      String(code),
      named ? answer(named, expected) : '',
    ],
  );
  return formatTable(['', 'runs', 'median', 'best', '× ours', 'CPU s', 'peak MB', 'exit', 'names'], rows);
}

/** What kubectl calls changed, beside what is. */
function answer(named: ReadonlySet<string>, expected: ReadonlySet<string>): string {
  const right = [...named].filter((name) => expected.has(name)).length;
  return right === expected.size && named.size === right ? 'the same' : `${named.size} (${right} right)`;
}
