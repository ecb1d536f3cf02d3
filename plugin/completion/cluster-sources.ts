import { findSets } from '../../core/apply/find-sets.ts';
import { readRecord } from '../../core/apply/read-record.ts';
import { findResource } from '../../core/kube/resource-name.ts';
import type { Cluster, Discovery, Resource } from '../../core/model/cluster.ts';
import type { Io } from '../io.ts';
import { openCluster } from '../open-cluster.ts';
import { Progress } from '../progress.ts';
import { type AgentEntry, agentEntries } from './agent-entries.ts';
import type { Candidate, Source, Surroundings } from './source.ts';

const MOST = 500;

interface Seen extends Surroundings {
  cluster: Cluster;
  discovery: Discovery;
  namespace: string;
}

/** A source that connects as the flags before it say, and says nothing of what goes wrong. */
function fromCluster(use: (seen: Seen) => Promise<Candidate[]>): Source {
  return async (around) => {
    const { connection: flags, io, signal } = around;
    const silent: Io = { ...io, out: () => undefined, err: () => undefined };
    const progress = new Progress(silent);
    const { connection, cluster } = openCluster(flags, silent, { progress, signal });
    try {
      return await use({
        ...around,
        cluster,
        discovery: await cluster.discover(),
        namespace: connection.namespace,
      });
    } finally {
      cluster.close();
      progress.end();
    }
  };
}

async function listNames({ cluster }: Seen, resource: Resource, namespace?: string): Promise<string[]> {
  const answer = await cluster.list(resource, { limit: MOST, ...(namespace !== undefined && { namespace }) });
  return answer.ok ? answer.value.items.map(({ metadata }) => metadata.name) : [];
}

export const namespaces = fromCluster(async (seen: Seen) => {
  const resource = findResource(seen.discovery, 'namespaces');
  return resource ? (await listNames(seen, resource)).map((value) => ({ value })) : [];
});

/** In the namespace that is named, else in all: those of others than the context's with their namespace. */
export const applySets = fromCluster(async ({ cluster, discovery, connection, namespace }: Seen) => {
  const named = connection.namespace ? namespace : undefined;
  const everywhere = await findSets(cluster, discovery, { namespace: named });
  const found = 'failure' in everywhere ? await findSets(cluster, discovery, { namespace }) : everywhere;
  if ('failure' in found) return [];
  return found.sets.map(({ set, live }) => ({
    value: set.namespace === namespace ? set.name : `${set.namespace}/${set.name}`,
    describe: readRecord(live.data).status?.message ?? '',
  }));
});

/** The syncs of the set that is named, or of the only one, by their number in `history`. */
export const syncs = fromCluster(async (seen: Seen) => {
  const { cluster, discovery, flags, namespace } = seen;
  const [within, name] = split(flags.get('applyset')?.at(-1) ?? '', namespace);
  const found = await findSets(cluster, discovery, { namespace: within });
  const sets = 'failure' in found ? [] : found.sets.filter(({ set }) => name === '' || set.name === name);
  const [only, ...more] = sets;
  if (!only || more.length > 0) return [];
  return readRecord(only.live.data).history.map(({ revision = '', result, startedAt }, index) => ({
    value: String(index + 1),
    describe: [result, revision.slice(0, 12), startedAt].filter((word) => word !== '').join(' '),
  }));
});

/** `KIND/`, and behind it, or as a word of its own behind `KIND`, the names of that kind. */
export const objects = fromCluster(async (seen: Seen) => {
  const { discovery, positionals, prefix, namespace } = seen;
  const slash = prefix.indexOf('/');
  const kind = positionals[0] ?? (slash < 0 ? undefined : prefix.slice(0, slash));
  if (kind === undefined) {
    const listed = discovery.resources.filter(({ verbs }) => verbs.includes('list') && verbs.includes('get'));
    return listed.map((resource) => ({
      value: spellingOf(discovery, resource),
      describe: resource.kind,
      goesOn: true,
    }));
  }
  const resource = findResource(discovery, kind);
  if (!resource || positionals.length > 1 || (positionals.length === 1 && slash >= 0)) return [];
  const found = await listNames(seen, resource, resource.namespaced ? namespace : undefined);
  return found.map((name) => ({ value: positionals.length === 1 ? name : `${kind}/${name}` }));
});

/** The plural name, with its group where another kind has the same. */
function spellingOf(discovery: Discovery, resource: Resource): string {
  const { plural, group } = resource;
  return findResource(discovery, plural) === resource ? plural : `${plural}.${group}`;
}

export const agents = fromCluster(async (seen: Seen) => {
  const entries = await agentEntries(seen, seen.connection.namespace ? seen.namespace : undefined);
  return entries.map(({ agent, namespace }) => ({ value: agent, describe: `in the namespace ${namespace}` }));
});

/** Of the agent that is named, else of all. */
export const projects = fromCluster(async (seen: Seen) => {
  return (await chosenEntries(seen)).flatMap(({ project, agent }) =>
    project === undefined ? [] : [{ value: project, describe: `of the agent ${agent}` }],
  );
});

async function chosenEntries(seen: Seen): Promise<AgentEntry[]> {
  const entries = await agentEntries(seen, seen.connection.namespace ? seen.namespace : undefined);
  const named = seen.flags.get('agent')?.at(-1) ?? seen.positionals[0];
  const chosen = entries.filter(
    ({ agent, namespace, project }) =>
      named === undefined || named === agent || named === `${namespace}/${agent}` || named === project,
  );
  return chosen.length > 0 ? chosen : entries;
}

/** The revisions that agents want, have applied, or had. */
export const knownCommits = fromCluster(async (seen) => {
  const entries = await chosenEntries(seen);
  return entries.flatMap(({ project = '', record: { status, history } }) => [
    ...(['wanted', 'applied'] as const).map((what) => ({
      value: status?.[what]?.revision ?? '',
      describe: `${what}, ${project}`,
    })),
    ...history.map(({ revision = '', result, startedAt }) => ({
      value: revision,
      describe: `${result} ${startedAt}, ${project}`,
    })),
  ]);
});

function split(applyset: string, namespace: string): [string, string] {
  const [first = '', second] = applyset.split('/');
  return second === undefined ? [namespace, first] : [first, second];
}
