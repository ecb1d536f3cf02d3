import type { GitLabProjects, RepositoryFile } from '../model/gitlab-projects.ts';
import type { Problem } from '../model/problem.ts';
import { type Changed, type ChangeOptions, commitChanges } from './commit-changes.ts';

export interface EditOptions extends Omit<ChangeOptions, 'gitlab' | 'propose'> {
  gitlab: Pick<GitLabProjects, 'file' | 'createCommit'>;
  path: string;
  /** The text that the file should have; worked out anew for each attempt. The same text is no change. */
  edit: (text: string, found: RepositoryFile) => { text: string } | { problems: readonly Problem[] };
  /** What is said where there is no such file. */
  missing: Problem;
}

/** Changes the text of a file by a commit, as `commitChanges` does: nobody's change of it is lost. */
export function editFile({ path, edit, missing, ...options }: EditOptions): Promise<Changed> {
  const { gitlab, project, branch } = options;
  return commitChanges({
    ...options,
    propose: async () => {
      const found = await gitlab.file(project, path, branch);
      if (!found.ok) return found;
      if (!found.value) return { ok: true, value: { problems: [missing] } };
      const text = found.value.content.toString('utf8');
      const edited = edit(text, found.value);
      if ('problems' in edited) return { ok: true, value: edited };
      const { lastCommit } = found.value;
      const updates = edited.text === text ? [] : [{ path, content: Buffer.from(edited.text), lastCommit }];
      return { ok: true, value: { updates } };
    },
  });
}
