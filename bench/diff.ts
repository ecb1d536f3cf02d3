import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyAll, lists, patch } from './cluster.ts';
import { contest } from './contest.ts';
import {
  type ContestantOptions,
  checkNames,
  contestants,
  namedByReport,
  type Places,
} from './contestants.ts';
import { judgeDiff } from './figures.ts';
import { writeManifests } from './files.ts';
import { measure } from './measure.ts';
import { changedNames, generate, type Item, isChanged } from './objects.ts';
import { printConditions, printFigures, resultTable } from './report.ts';
import { onStage, type Stage, type StageOptions, versions } from './stage.ts';

const PART = 1_000;

export interface DiffBench extends ContestantOptions, StageOptions {
  seed: number;
}

/** Sets everything up, checks that our answers are right, measures, prints, and leaves nothing behind. */
export function benchDiff(options: DiffBench): Promise<void> {
  return onStage(options, async (stage) => {
    const { say, signal, cluster, kubectl, env } = stage;
    const { objects, changed } = options;
    const items = generate(options, cluster.prefix);
    say(`applying ${objects} objects, of which ${changed} change afterwards`);
    await applyAll(cluster.server, items, signal);
    const places = layOut(stage, items);
    say('checking the answers (and filling the caches)');
    await checkAnswers(stage, places, items);
    execFileSync(kubectl, ['api-resources'], { env, stdio: 'ignore' });
    const teams = contestants(places, options).map((one) => [one]);
    const results = await contest(teams, stage);
    printConditions({ ...options, ...versions(stage), cluster: cluster.description });
    process.stdout.write(resultTable([...results.values()], results.get('ours')!, changedNames(items)));
    const note = objects === 1_000 && changed === 50 ? '' : ' (set for 1,000 objects, 50 changed)';
    printFigures(judgeDiff(results, objects), note);
  });
}

/** Writes the manifests and the floor's jobs. */
function layOut({ directory, plugin, kubectl, floor }: Stage, items: readonly Item[]): Places {
  const all = join(directory, 'manifests');
  const part = join(all, 'part-0');
  writeManifests(part, items.slice(0, PART));
  writeManifests(join(all, 'part-1'), items.slice(PART));
  const one = join(directory, 'one');
  const unchanged = items.find((item) => item.resource.kind === 'Deployment' && !isChanged(item));
  if (!unchanged) throw new Error('no Deployment is left unchanged: take more objects or fewer changes');
  writeManifests(one, [unchanged]);
  const dryRuns = (asked: readonly Item[]) => asked.map((item) => patch(item, item.wanted, true));
  return {
    plugin,
    kubectl,
    all,
    ...(items.length > PART && { part }),
    one,
    floor: {
      changed: floor('floor-changed.json', [lists(items), dryRuns(items.filter(isChanged))]),
      full: floor('floor-full.json', [dryRuns(items)]),
    },
  };
}

/** A fast answer counts only if it is right: exactly the changed objects, each an update, proven or asked. */
async function checkAnswers(stage: Stage, places: Places, items: readonly Item[]): Promise<void> {
  const expected = changedNames(items);
  for (const flags of [[], ['--full']]) {
    const files = {
      stdout: join(stage.directory, 'answer.json'),
      stderr: join(stage.directory, 'answer.err'),
    };
    const label = ['gitlab-agent diff', ...flags].join(' ');
    const command = [process.execPath, places.plugin, 'diff', '-R', '-f', places.all, '-o', 'json', ...flags];
    const { code } = await measure(command, files, stage);
    if (code > 1) {
      throw new Error(`${label}: exit code ${code}\n${readFileSync(files.stderr, 'utf8').slice(0, 1_000)}`);
    }
    checkNames(label, namedByReport(readFileSync(files.stdout, 'utf8')), 'update', expected);
  }
}
