import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiCall } from '../test/support/control-plane/api.ts';
import { createNamespaces, lists } from './cluster.ts';
import { contest, type Result } from './contest.ts';
import { checkNames, namedByReport } from './contestants.ts';
import { judgeApply } from './figures.ts';
import { measure } from './measure.ts';
import { changedNames, generate, type Item, itemName } from './objects.ts';
import { printConditions, printFigures, resultTable } from './report.ts';
import { type RawRequest, sendAll } from './requests.ts';
import { makeSets, type Sets } from './sets.ts';
import { onStage, type Stage, type StageOptions, versions } from './stage.ts';
import { type Course, layOut, TURNS, type Turn, teams } from './turns.ts';

export interface ApplyBench extends StageOptions {
  objects: number;
  /** How many differ in the third turn, and how many are gone in the fourth. */
  changed: number;
  seed: number;
  /** Whose kubectl takes part: also the one with apply sets, only the plain one, or none. */
  kubectl: 'all' | 'server-side' | 'none';
}

const SELECTOR = new URLSearchParams({ labelSelector: 'app.kubernetes.io/part-of=shop' }).toString();

/** Sets everything up, checks that ours does what it should, measures, prints, and leaves nothing behind. */
export function benchApply(options: ApplyBench): Promise<void> {
  return onStage(options, async (stage) => {
    const { say, signal, cluster, kubectl, env } = stage;
    const { objects, changed } = options;
    const items = generate(options, cluster.prefix);
    await createNamespaces(cluster.server, items, signal);
    const course = layOut(stage, 'all', items, changed);
    const sets = await makeSets(cluster);
    const clean = async (): Promise<void> => {
      await removeAll(stage, items);
      await sets.renew();
    };
    say('checking what is done (and filling the caches)');
    await clean();
    await checkTurns(stage, course, sets);
    execFileSync(kubectl, ['api-resources'], { env, stdio: 'ignore' });
    const everybody = teams(stage, course, sets, { kubectl: options.kubectl, clean });
    const results = await contest(everybody, { ...stage, env: { ...env, KUBECTL_APPLYSET: 'true' } });
    await removeAll(stage, items);
    await sets.remove();
    printConditions({ ...options, ...versions(stage), cluster: cluster.description });
    for (const turn of TURNS) process.stdout.write(`${tableOf(results, turn, changed)}\n`);
    const note = objects === 1_000 && changed === 50 ? '' : ' (set for 1,000 objects, 50 changed)';
    printFigures(judgeApply(results, objects), note);
  });
}

function tableOf(results: ReadonlyMap<string, Result>, turn: Turn, changed: number): string {
  const titles: Record<Turn, string> = {
    first: 'all new',
    again: 'nothing changed',
    changed: `${changed} changed`,
    gone: `${changed} left the set`,
  };
  const own = [...results].filter(([id]) => id.endsWith(`-${turn}`)).map(([, result]) => result);
  const ours = results.get(`ours-${turn}`) ?? results.get(`set-${turn}`)!;
  return resultTable(own, ours, undefined, titles[turn]);
}

/** A fast apply counts only if it does what it should: what it reports of every turn, and what is live after it. */
async function checkTurns(stage: Stage, { items, gone, manifests }: Course, sets: Sets): Promise<void> {
  const files = { stdout: join(stage.directory, 'answer.json'), stderr: join(stage.directory, 'answer.err') };
  const namesOf = (some: readonly Item[]): Set<string> => new Set(some.map(itemName));
  const expected: Record<Turn, [action: string, names: Set<string>]> = {
    first: ['create', namesOf(items)],
    again: ['update', new Set()],
    changed: ['update', changedNames(items)],
    gone: ['delete', namesOf(gone)],
  };
  let before = new Map<string, string>();
  for (const turn of TURNS) {
    const command = [process.execPath, stage.plugin, 'apply', '-R', '-f', manifests[turn], '-o', 'json'];
    const { code } = await measure([...command, ...sets.ours], files, stage);
    if (code !== 0)
      throw new Error(`apply: exit code ${code}\n${readFileSync(files.stderr, 'utf8').slice(0, 1_000)}`);
    const [action, names] = expected[turn];
    checkNames(`apply (${turn})`, namedByReport(readFileSync(files.stdout, 'utf8')), action, names);
    const live = await liveVersions(stage, items);
    const written = [...live].filter(([name, version]) => before.get(name) !== version).length;
    const deleted = [...before.keys()].filter((name) => !live.has(name)).length;
    const [writes, deletes] = turn === 'gone' ? [0, names.size] : [names.size, 0];
    if (written !== writes || deleted !== deletes)
      throw new Error(
        `apply (${turn}) wrote ${written} objects and deleted ${deleted}, not ${writes} and ${deletes}`,
      );
    before = live;
  }
}

/** The version of every object that is there, by its path. */
async function liveVersions({ cluster }: Stage, items: readonly Item[]): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const { path } of lists(items)) {
    const list: { items: { metadata: { name: string; resourceVersion: string } }[] } = await apiCall(
      cluster.server,
      'GET',
      `${path}?${SELECTOR}`,
    );
    for (const { metadata } of list.items) versions.set(`${path}/${metadata.name}`, metadata.resourceVersion);
  }
  return versions;
}

async function removeAll({ cluster, signal }: Stage, items: readonly Item[]): Promise<void> {
  const collections = lists(items).map(
    ({ path }): RawRequest => ({ method: 'DELETE', path: `${path}?${SELECTOR}` }),
  );
  await sendAll(cluster.server, collections, { signal });
}
