import { FIELD_MANAGER } from '../core/model/cluster.ts';
import type { Contestant } from './contest.ts';
import { nameOf } from './objects.ts';

export interface Places {
  plugin: string;
  kubectl: string;
  /** The manifests: all of them; 1,000 of them where there are more; a single unchanged one. */
  all: string;
  part?: string;
  one: string;
  /** Commands of the floor program: what has to be asked, and everything. */
  floor: { changed: string[]; full: string[] };
}

export interface ContestantOptions {
  objects: number;
  changed: number;
  /** Whose kubectl diffs take part: all, all but the plain one, or none. */
  kubectl: 'all' | 'server-side' | 'none';
}

/** All that take part, in the order of the table. */
export function contestants(places: Places, options: ContestantOptions): Contestant[] {
  const { plugin, kubectl, floor } = places;
  const node = process.execPath;
  const differs = options.changed > 0 ? 1 : 0;
  const diff = (id: string, label: string, path: string, ...flags: string[]): Contestant => ({
    id,
    label,
    command: [node, plugin, 'diff', '-R', '-f', path, ...flags],
    exitCode: id === 'one' ? 0 : differs,
  });
  const theirs = (id: string, label: string, ...flags: string[]): Contestant => ({
    id,
    label,
    command: [kubectl, 'diff', '-R', '-f', places.all, ...flags],
    exitCode: differs,
    named: namedByKubectl,
  });
  const serverSide = ['--server-side', '--force-conflicts', `--field-manager=${FIELD_MANAGER}`];
  const list = [
    diff('ours', 'gitlab-agent diff', places.all),
    diff('full', 'gitlab-agent diff --full', places.all, '--full'),
    {
      id: 'floor',
      label: `floor: lists, ${options.changed} raw dry runs`,
      command: floor.changed,
      exitCode: 0,
    },
    {
      id: 'floor-full',
      label: `floor: ${options.objects} raw dry runs`,
      command: floor.full,
      exitCode: 0,
    },
  ];
  if (places.part) list.push(diff('part', 'gitlab-agent diff, 1,000 of them', places.part));
  if (options.kubectl !== 'none') {
    list.push(
      theirs('server-side', 'kubectl diff --server-side', ...serverSide, '--concurrency=1'),
      theirs('server-side-16', '  with --concurrency=16', ...serverSide, '--concurrency=16'),
    );
  }
  if (options.kubectl === 'all') list.push(theirs('client-side', 'kubectl diff'));
  list.push(
    diff('one', 'gitlab-agent diff, 1 unchanged', places.one),
    { id: 'help', label: 'gitlab-agent --help', command: [node, plugin, '--help'], exitCode: 0 },
    { id: 'version', label: 'gitlab-agent version', command: [node, plugin, 'version'], exitCode: 0 },
    { id: 'node', label: 'node -e 0', command: [node, '-e', '0'], exitCode: 0 },
  );
  return list;
}

/** kubectl shows its files by `diff -u -N …/LIVE-123/GROUP.VERSION.KIND.NAMESPACE.NAME …/MERGED-456/…`. */
function namedByKubectl(stdout: string): Set<string> {
  return new Set([...stdout.matchAll(/^diff -u -N \S*\/LIVE-\d+\/(\S+) /gm)].map((match) => match[1]!));
}

/** The objects that a report of ours calls anything but unchanged, with their actions. */
export function namedByReport(json: string): Map<string, string> {
  const report: {
    changes: {
      group: string;
      version: string;
      kind: string;
      namespace: string;
      name: string;
      action: string;
    }[];
  } = JSON.parse(json);
  const differing = report.changes.filter(({ action }) => action !== 'unchanged');
  return new Map(
    differing.map(({ group, version, kind, namespace, name, action }) => [
      nameOf(group === '' ? version : `${group}/${version}`, kind, namespace, name),
      action,
    ]),
  );
}

/** Throws where a report names others than these, or with another action. */
export function checkNames(
  label: string,
  named: ReadonlyMap<string, string>,
  action: string,
  expected: ReadonlySet<string>,
): void {
  const missing = [...expected].filter((name) => named.get(name) !== action);
  const extra = [...named.keys()].filter((name) => !expected.has(name));
  if (missing.length + extra.length === 0) return;
  throw new Error(
    `${label} is wrong: ${missing.length} objects are no ${action} (${missing.slice(0, 3).join(', ')}), ` +
      `${extra.length} others are named (${extra.slice(0, 3).join(', ')})`,
  );
}
