import { recentCommits, refNames } from '../../core/git/names.ts';
import { loadKubeconfig } from '../../core/kube/kubeconfig.ts';
import { agents, applySets, knownCommits, namespaces, objects, projects, syncs } from './cluster-sources.ts';
import type { Candidate, Source, Surroundings } from './source.ts';

/** Where the values of a flag or a positional come from, by its name, in whichever command it is. */
export const SOURCES: Readonly<Record<string, Source>> = {
  context: (around) => names(kubeconfigOf(around).contexts),
  cluster: (around) => names(kubeconfigOf(around).clusters),
  user: (around) => names(kubeconfigOf(around).users),
  namespace: namespaces,
  applyset: applySets,
  sync: syncs,
  object: objects,
  agent: agents,
  'agent-name': agents,
  project: projects,
  commit: commits,
  revision: commits,
  rev: revisions,
};

function kubeconfigOf({ connection, io }: Surroundings): ReturnType<typeof loadKubeconfig>['config'] {
  return loadKubeconfig(connection.kubeconfig, io.env, io.homedir).config;
}

function names(map: ReadonlyMap<string, unknown>): Candidate[] {
  return [...map.keys()].map((value) => ({ value }));
}

/** What agents know, and what is new in the repository around us. */
async function commits(around: Surroundings): Promise<Candidate[]> {
  const { io, signal } = around;
  const local = recentCommits({ cwd: io.cwd, env: io.env, signal }).then((found) =>
    found.map(({ commit, subject }) => ({ value: commit, describe: subject })),
  );
  const both = await Promise.allSettled([knownCommits(around), local]);
  return both.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
}

/** Branches and tags; after `A..` the second one. */
async function revisions({ io, signal, prefix }: Surroundings): Promise<Candidate[]> {
  const range = /^.*\.\./s.exec(prefix)?.[0] ?? '';
  const refs = await refNames({ cwd: io.cwd, env: io.env, signal });
  return refs.map((name) => ({ value: `${range}${name}` }));
}
