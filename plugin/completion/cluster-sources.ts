import { findSets } from '../../core/apply/find-sets.ts';
import { readRecord } from '../../core/apply/read-record.ts';
import { findResource } from '../../core/kube/resource-name.ts';
import type { Cluster, Discovery, Resource } from '../../core/model/cluster.ts';
import type { KubeObject } from '../../core/model/object.ts';
import type { RecordData } from '../../core/model/record.ts';
import { chooseAgents, labelsOf } from '../agents/choose-agents.ts';
import { type AgentObjects, findAgentObjects, groupAgents } from '../agents/find-agents.ts';
import { chooseSet } from '../choose-set.ts';
import type { Io } from '../io.ts';
import { openCluster } from '../open-cluster.ts';
import { Progress } from '../progress.ts';
import type { Candidate, Source, Surroundings } from './source.ts';

const MOST = 500;

interface Seen extends Surroundings {
  cluster: Cluster;
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
      return await use({ ...around, cluster, namespace: connection.namespace });
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

export const namespaces = fromCluster(async (seen) => {
  const resource = findResource(await seen.cluster.discover(), 'namespaces');
  return resource ? (await listNames(seen, resource)).map((value) => ({ value })) : [];
});

/** In the namespace that is named, else in all: those of others than the context's with their namespace. */
export const applySets = fromCluster(async ({ cluster, connection, namespace }) => {
  const discovery = await cluster.discover();
  const named = connection.namespace ? namespace : undefined;
  const everywhere = await findSets(cluster, discovery, { namespace: named });
  const found = 'failure' in everywhere ? await findSets(cluster, discovery, { namespace }) : everywhere;
  if ('failure' in found) return [];
  return found.sets.map(({ set, live }) => ({
    value: set.namespace === namespace ? set.name : `${set.namespace}/${set.name}`,
    describe: readRecord(live.data).status?.message ?? '',
  }));
});

/** By their number in `history`, of the set that the flags and the words before name. */
async function syncsOf(seen: Seen): Promise<Candidate[]> {
  const { cluster, flags, namespace, positionals, connection } = seen;
  const { live } = await chooseSet(cluster, await cluster.discover(), {
    applyset: flags.get('applyset')?.at(-1),
    words: positionals,
    namespace,
    namespaceGiven: Boolean(connection.namespace),
    command: 'history',
  });
  return readRecord(live.data).history.map(({ revision = '', result, startedAt }, index) => ({
    value: String(index + 1),
    describe: [result, revision.slice(0, 12), startedAt].filter((word) => word !== '').join(' '),
  }));
}

export const syncs = fromCluster(syncsOf);

/** `KIND/`, and behind it, or as a word of its own behind `KIND`, the names of that kind. */
export const objects = fromCluster(async (seen) => {
  const { cluster, positionals, prefix, namespace } = seen;
  const discovery = await cluster.discover();
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

/** Agents, and their projects, which name them as well. */
export const agents = fromCluster(async (seen) => {
  // Beside a set no agent is named: the word is what would follow it.
  if (seen.flags.has('applyset')) return await syncsOf(seen);
  const found = groupAgents(await agentObjects(seen));
  return [
    ...found.map(({ name, namespace }) => ({ value: name, describe: `agent in the namespace ${namespace}` })),
    ...projectsOf(found),
  ];
});

/** Of the agent that is named, else of all. */
export const projects = fromCluster(async (seen) => projectsOf(chosen(seen, await agentObjects(seen))));

/** The revisions that agents want, have applied, or had. */
export const knownCommits = fromCluster(async (seen) => {
  const objects = await agentObjects(seen);
  return chosen(seen, objects).flatMap(({ entries }) =>
    entries.flatMap(({ project, set, status }) => {
      const parent = objects.find(
        ({ metadata }) => metadata.name === set.name && metadata.namespace === set.namespace,
      );
      const { history } = readRecord((parent?.data ?? {}) as RecordData);
      return [
        { value: status?.wanted?.revision ?? '', describe: `wanted, ${project}` },
        { value: status?.applied?.revision ?? '', describe: `applied, ${project}` },
        ...history.map(({ revision = '', result, startedAt }) => ({
          value: revision,
          describe: `${result} ${startedAt}, ${project}`,
        })),
      ];
    }),
  );
});

async function agentObjects({ cluster, namespace, connection, flags }: Seen): Promise<KubeObject[]> {
  const isGiven = Boolean(connection.namespace) && !flags.has('all-namespaces');
  return (await findAgentObjects(cluster, { namespace, isGiven })).objects;
}

/** What the words before name; all where they name nothing. */
function chosen({ positionals }: Seen, objects: readonly KubeObject[]): AgentObjects[] {
  const found = groupAgents(objects);
  try {
    return chooseAgents(found, positionals.slice(0, 2));
  } catch {
    return found;
  }
}

/** By their projects, and by the names of their entries where one has several. */
function projectsOf(found: readonly AgentObjects[]): Candidate[] {
  return found.flatMap(({ name: agent, entries }) =>
    labelsOf(entries).map((value) => ({ value, describe: `project of the agent ${agent}` })),
  );
}
