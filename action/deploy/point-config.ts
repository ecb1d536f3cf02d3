import { type EntrySelector, setRef } from '../../core/config/set-ref.ts';
import { editFile } from '../../core/gitlab/edit-file.ts';
import { proposeChanges } from '../../core/gitlab/propose-changes.ts';
import type { ManifestRef } from '../../core/model/agent-config.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import { type Desk, demand, problemOf } from '../desk.ts';
import { type Configuration, entryIn, noFile, selectorOf } from '../entry.ts';
import { askedFor } from './asked-for.ts';
import { commitOf, earlierTarget, type Target, targetOf } from './earlier-target.ts';

/** `moved`: by this job. `already`: by somebody else. `proposed`: by a merge request that is open. */
export interface Pointed {
  state: 'moved' | 'already' | 'proposed';
  /** The commit that the agent was to be at before, where that is known. */
  previous?: string;
}

/**
 * Sets the `ref` of the entry in the agent's config.yaml by a commit, and nothing else in it. Throws ProblemError
 * where that can't be done.
 */
export async function pointConfig(
  desk: Desk,
  configuration: Configuration,
  manifests: string,
  commit: string,
): Promise<Pointed> {
  const { inputs, host, gitlab, now, deadline, sleep, random } = desk;
  const { project, branch, file, context } = configuration;
  const ref: ManifestRef = inputs.tag
    ? { tag: inputs.tag }
    : inputs.branch
      ? { branch: inputs.branch }
      : { commit };
  const selector = selectorOf(desk);
  const pointed = async (state: Pointed['state'], target: Target | undefined): Promise<Pointed> => {
    const previous = await commitOf(desk, manifests, target);
    return { state, ...(previous !== undefined && { previous }) };
  };
  const message = messageOf(desk, { manifests, commit, ref });
  let before: Target | undefined;
  const changed = await editFile({
    gitlab,
    project,
    branch,
    path: file,
    message: `${message.title}\n\n${message.body}`,
    edit: (text, found) => {
      before = targetOf(entryIn(desk, configuration, found).entry);
      return setRef(text, selector, ref, context);
    },
    missing: noFile(file, project, branch).problems[0]!,
    hasTime: () => now() < deadline,
    now,
    sleep,
    random,
  });
  switch (changed.state) {
    case 'committed':
      host.say(`${file} of ${project} points there by commit ${changed.commit.id.slice(0, 12)}`);
      return await pointed('moved', before);
    case 'already':
      host.say(`${file} of ${project} points there already`);
      return await pointed('already', await earlierTarget(desk, configuration, ref));
    case 'problems':
      throw new ProblemError(...changed.problems);
    case 'failed':
      throw new ProblemError(problemOf(`${file} of ${project} was not changed`, changed.failure));
    case 'protected': {
      if (!inputs.mergeRequest)
        throw new ProblemError(
          problemOf(
            `${file} of ${project} was not changed`,
            changed.failure,
            `the token must be allowed to push to the protected branch ${branch} (often Maintainer); or say merge_request: true`,
          ),
        );
      const value = 'commit' in ref ? ref.commit.slice(0, 12) : Object.values(ref)[0]!;
      const proposed = await proposeChanges({
        gitlab,
        project,
        target: branch,
        branch: `gitlab-agent/${inputs.agent}/${nameOf(selector)}-${value}`,
        title: message.title,
        description: message.body,
        updates: changed.updates,
      });
      const { webUrl } = demand(`no merge request could be opened in ${project}`, proposed);
      host.warn(`${branch} of ${project} is protected: nothing changes until ${webUrl} is merged`);
      host.output({ merge_request_url: webUrl });
      return { state: 'proposed' };
    }
  }
}

function nameOf(selector: EntrySelector): string {
  return 'name' in selector ? selector.name : selector.project.replace(/[^A-Za-z0-9]+/g, '-');
}

/** What is done, by whom, from which pipeline. */
function messageOf(
  { inputs, job }: Desk,
  { manifests, commit, ref }: { manifests: string; commit: string; ref: ManifestRef },
): { title: string; body: string } {
  const [[kind, value]] = Object.entries(ref) as [[string, string]];
  const what = `${inputs.agent}${inputs.entry ? `/${inputs.entry}` : ''}`;
  const at = kind === 'commit' ? value.slice(0, 12) : `${kind} ${value}`;
  const body = [`${manifests}@${commit}`, ...askedFor(job)].join('\n');
  return { title: `Point ${what} at ${oneLine(at)}`, body };
}
