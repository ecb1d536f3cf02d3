import { openRevision, resolveCommit } from '../../core/git/repository.ts';
import { ENTRY_LIMITS, entryInputs } from '../../core/manifest/entry-inputs.ts';
import { type ReadResult, readManifests } from '../../core/manifest/read.ts';
import type { ManifestEntry } from '../../core/model/agent-config.ts';
import type { OpenRevision } from '../../core/model/file-tree.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, hasOwnManifests, manifestProject } from '../desk.ts';
import { openJobRepository } from '../repository.ts';

/** What is read, at whichever revision. */
export interface Reading {
  /** Empty: what an agent reads where it is told nothing. */
  paths: string[];
  kustomize: boolean;
  namespace: string;
}

/** By the inputs where they name paths, else by the agent's entry. */
export function readingOf({ inputs }: Desk, entry: ManifestEntry | undefined): Reading {
  const { paths, kustomize } = inputs.paths.length > 0 ? inputs : (entry ?? inputs);
  return {
    paths,
    kustomize,
    namespace: inputs.namespace === 'default' ? (entry?.defaultNamespace ?? 'default') : inputs.namespace,
  };
}

/** Reads revisions of the manifest project, until it is disposed of. */
export interface ManifestReader extends AsyncDisposable {
  read(commit: string, reading: Reading, onManifest?: (manifest: Manifest) => void): Promise<ReadResult>;
}

/** Of the repository that is checked out where it has the commit, else over HTTPS. */
export async function openManifests(desk: Desk): Promise<ManifestReader> {
  const { job, env, signal } = desk;
  const isOwn = hasOwnManifests(desk);
  const git = { cwd: job.directory, env, signal };
  let remote: Awaited<ReturnType<typeof openJobRepository>> | undefined;
  const openLocal = openRevision(git);
  const openerOf = async (commit: string): Promise<OpenRevision> => {
    if (isOwn && (await isHere(git, commit))) return openLocal;
    remote ??= await openJobRepository(desk, manifestProject(desk));
    const { source } = remote;
    return async () => {
      const opened = await source.open(commit, signal);
      if (!opened.ok) throw new ProblemError(opened.failure);
      return opened.tree;
    };
  };
  return {
    read: async (commit, reading, onManifest) => {
      const open = await openerOf(commit);
      const inputs = await entryInputs(reading, () => open('.', commit));
      return await readManifests(
        { ...inputs, revision: commit },
        {
          cwd: job.directory,
          stdin: () => Promise.resolve(Buffer.alloc(0)),
          env,
          signal,
          openRevision: open,
          limits: ENTRY_LIMITS,
          defaultNamespace: reading.namespace,
          allowAbsent: true,
          ...(onManifest && { onManifest }),
        },
      );
    },
    [Symbol.asyncDispose]: async () => {
      await remote?.[Symbol.asyncDispose]();
    },
  };
}

async function isHere(git: Parameters<typeof resolveCommit>[0], commit: string): Promise<boolean> {
  try {
    return (await resolveCommit(git, commit)) === commit;
  } catch (error) {
    if (error instanceof ProblemError) return false;
    throw error;
  }
}
