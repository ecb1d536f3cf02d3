import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Files, type Measurement, measure } from './measure.ts';
import { median } from './table.ts';

/** Something that is measured. */
export interface Contestant {
  /** For the figures that judge it. */
  id: string;
  /** For the table. */
  label: string;
  command: string[];
  exitCode: number;
  /** What has to be so before it runs; not measured. */
  prepare?: () => Promise<void>;
  /** Reads from its output which objects it calls changed. */
  named?: (stdout: string) => Set<string>;
}

/** Medians of the runs, the worst peak. */
export interface Result extends Measurement {
  contestant: Contestant;
  runs: number;
  /** Of the fastest run: a busy machine makes medians longer, and these less so. */
  best: number;
  named?: Set<string>;
}

/** Who run one after the other in a round, each on what the one before has left. */
export type Team = readonly Contestant[];

const MAX_RUNS = 7;
// Enough for a median of what takes seconds; what takes minutes runs once.
const BUDGET_SECONDS = 20;
const WORTH_A_LINE_SECONDS = 5;

export interface ContestOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** For output files. */
  directory: string;
  /** What goes on, for a person who waits. */
  say: (text: string) => void;
  /** 7 where not said: more for what takes milliseconds. */
  rounds?: number;
}

/**
 * Measures all in rounds, so that a slow minute of the machine hits everybody: each team runs in every round until
 * it has run 7 times or used 20 seconds. Throws where one ends with another exit code than it should.
 */
export async function contest(teams: readonly Team[], options: ContestOptions): Promise<Map<string, Result>> {
  const runs = new Map(teams.flat().map((contestant) => [contestant, [] as Measurement[]]));
  const files: Files = {
    stdout: join(options.directory, 'stdout'),
    stderr: join(options.directory, 'stderr'),
  };
  const named = new Map<Contestant, Set<string>>();
  const { rounds = MAX_RUNS } = options;
  for (let round = 0; round < rounds; round += 1) {
    options.say(`round ${round + 1} of ${rounds}`);
    for (const team of teams) {
      const own = team.map((one) => runs.get(one)!);
      const used = own.flat().reduce((sum, { seconds }) => sum + seconds, 0);
      // Not begun where it would go far beyond: half a budget more is the limit.
      if (used + used / Math.max(own[0]!.length, 1) > BUDGET_SECONDS * 1.5) continue;
      for (const contestant of team) {
        await contestant.prepare?.();
        const measurement = await measure(contestant.command, files, options);
        if (measurement.code !== contestant.exitCode) throw wrongExit(contestant, measurement.code, files);
        runs.get(contestant)!.push(measurement);
        if (contestant.named) named.set(contestant, contestant.named(readFileSync(files.stdout, 'utf8')));
        if (measurement.seconds > WORTH_A_LINE_SECONDS)
          options.say(`${contestant.label.trim()}: ${measurement.seconds.toFixed(1)} s`);
      }
    }
  }
  return new Map([...runs].map(([one, own]) => [one.id, summarize(one, own, named.get(one))]));
}

function summarize(contestant: Contestant, own: Measurement[], named: Set<string> | undefined): Result {
  const peaks = own.flatMap(({ peakMegabytes }) => peakMegabytes ?? []);
  return {
    contestant,
    runs: own.length,
    best: Math.min(...own.map(({ seconds }) => seconds)),
    seconds: median(own.map(({ seconds }) => seconds)),
    cpuSeconds: median(own.map(({ cpuSeconds }) => cpuSeconds)),
    ...(peaks.length > 0 && { peakMegabytes: Math.max(...peaks) }),
    code: contestant.exitCode,
    ...(named && { named }),
  };
}

function wrongExit(contestant: Contestant, code: number, files: Files): Error {
  const said = readFileSync(files.stderr, 'utf8').trim().slice(0, 1_000);
  return new Error(
    `${contestant.label} ended with exit code ${code}, not ${contestant.exitCode}${said ? `:\n${said}` : ''}`,
  );
}
