/** Comparing two revisions, and the base that revisions share. */
import { json } from '../answer.ts';
import { commitAt, log, mergeBase } from '../commit-log.ts';
import { gitText } from '../git-process.ts';
import type { Project } from '../project.ts';
import { badRequest, notFound, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { commitBasic } from './commit-entities.ts';
import { required } from './parameters.ts';
import type { Route } from './router.ts';

export interface FileDiff {
  old_path: string;
  new_path: string;
  a_mode: string;
  b_mode: string;
  diff: string;
  new_file: boolean;
  renamed_file: boolean;
  deleted_file: boolean;
}

/** What differs between two commits, file by file. */
export async function fileDiffs(project: Project, from: string, to: string): Promise<FileDiff[]> {
  const run = { cwd: project.directory };
  const raw = await gitText(['diff-tree', '-r', '-z', '-M', '--raw', from, to], run);
  const fields = raw.split('\0');
  const diffs: FileDiff[] = [];
  for (let at = 0; fields[at]?.startsWith(':'); ) {
    const [aMode, bMode, , , status] = fields[at]!.slice(1).split(' ') as [
      string,
      string,
      string,
      string,
      string,
    ];
    const renamed = /^[RC]/.test(status);
    const oldPath = fields[at + 1]!;
    const newPath = renamed ? fields[at + 2]! : oldPath;
    at += renamed ? 3 : 2;
    const patch = await gitText(['diff-tree', '-p', '-M', from, to, '--', oldPath, newPath], run);
    const hunks = patch.indexOf('\n@@');
    diffs.push({
      old_path: oldPath,
      new_path: newPath,
      a_mode: aMode,
      b_mode: bMode,
      diff: hunks < 0 ? '' : patch.slice(hunks + 1),
      new_file: status === 'A',
      renamed_file: renamed,
      deleted_file: status === 'D',
    });
  }
  return diffs;
}

async function compare(call: Call) {
  const project = call.code;
  const { parameters, world } = call;
  const [from, to] = await Promise.all(
    ['from', 'to'].map((name) => commitAt(project, parameters.text(name)!)),
  );
  if (!from || !to) throw notFound('Ref');
  const base = parameters.flag('straight') ? from.id : await mergeBase(project, [from.id, to.id]);
  if (base === undefined) throw notFound('Ref');
  const commits = await log(project, ['--reverse', `${base}..${to.id}`]);
  const newer = world.version.atLeast('18.4') ? { collapsed: false, too_large: false } : {};
  const diffs = (await fileDiffs(project, base, to.id)).map((diff) => ({ ...diff, ...newer }));
  const newest = commits.at(-1);
  return json(200, {
    commit: newest ? commitBasic(project, newest) : null,
    commits: commits.map((commit) => commitBasic(project, commit)),
    diffs,
    compare_timeout: false,
    compare_same_ref: from.id === to.id,
    web_url: `${project.webUrl}/-/compare/${from.id}...${to.id}`,
  });
}

export const compareRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/repository/compare',
    rules: [required('from'), required('to')],
    handle: compare,
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/merge_base',
    rules: [required('refs')],
    handle: async (call) => {
      const project = call.code;
      const names = call.parameters.list('refs').map(String);
      if (names.length < 2) throw badRequest('Provide exactly 2 refs');
      const commits = await Promise.all(names.map((name) => project.resolve(name)));
      const missing = names.filter((_, index) => commits[index] === undefined);
      if (missing.length > 0) throw renderError(400, `Could not find ref: ${missing.join(', ')}`);
      const base = await mergeBase(project, commits as string[]);
      const commit = base === undefined ? undefined : await commitAt(project, base);
      if (!commit) throw notFound('Merge Base');
      return json(200, commitBasic(project, commit));
    },
  },
];
