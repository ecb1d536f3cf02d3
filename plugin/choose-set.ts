import { agentRecordName } from '../core/apply/agent-parent.ts';
import { findSets, type LiveSet } from '../core/apply/find-sets.ts';
import { findSet } from '../core/apply/parent.ts';
import type { Cluster, Discovery } from '../core/model/cluster.ts';
import { ProblemError } from '../core/model/problem.ts';
import { chooseAgents, theOnlyEntry } from './agents/choose-agents.ts';
import {
  type FoundAgents,
  findAgentObjects,
  groupAgents,
  noAgent,
  type Where,
} from './agents/find-agents.ts';
import { readSetName } from './read-set.ts';

/** How a set is named: by its parent, or as a project of an agent. */
export interface SetChoice {
  applyset?: string | undefined;
  /** `[AGENT] [PROJECT]`. */
  words?: readonly string[];
  namespace: string;
  namespaceGiven?: boolean;
  /** What the person typed, for hints. */
  command: string;
}

/**
 * The set that is named, else the only one in the namespace, else that of the only project of the only agent. Throws
 * ProblemError where there is no such set.
 */
export async function chooseSet(
  cluster: Cluster,
  discovery: Discovery,
  { applyset, words = [], namespace, namespaceGiven = false, command }: SetChoice,
): Promise<LiveSet> {
  if (applyset !== undefined) {
    if (words.length > 0)
      throw new ProblemError({
        code: 'Usage',
        message: `--applyset names a set, and ${JSON.stringify(words[0])} an agent`,
        hint: 'leave one of the two out',
      });
    const { set, live } = await findSet(cluster, discovery, readSetName(applyset, namespace), new Set());
    if (live) return { set, live };
    throw new ProblemError({
      code: 'NoApplySet',
      message: `there is no apply set ${set.name} in the namespace ${set.namespace}`,
      hint: `kubectl get configmaps -A -l applyset.kubernetes.io/id lists the sets`,
    });
  }
  const where = { namespace, isGiven: namespaceGiven };
  if (words.length > 0) return await setOfAgent(cluster, discovery, where, words, command);
  const found = await findSets(cluster, discovery, { namespace });
  if ('failure' in found) {
    const message = `the apply sets of the namespace ${namespace} can't be listed: ${found.failure.message}`;
    throw new ProblemError({ code: 'Forbidden', message, hint: 'name one: --applyset [NAMESPACE/]NAME' });
  }
  const [only, ...more] = found.sets;
  if (!only) {
    const agents = namespaceGiven ? undefined : await findAgentObjects(cluster, where).catch(noAgents);
    if (agents && agents.objects.length > 0)
      return await setOfAgent(cluster, discovery, where, words, command, agents);
    const message = `there is no apply set in the namespace ${namespace}`;
    throw new ProblemError({
      code: 'NoApplySet',
      message,
      hint: 'name one: --applyset NAMESPACE/NAME, or -n NAMESPACE; or an agent and a project',
    });
  }
  if (more.length === 0) return only;
  // In an agent's namespace the project is the name that people know.
  if (found.sets.every(({ set }) => set.name.startsWith(agentRecordName(''))))
    return await setOfAgent(cluster, discovery, { namespace, isGiven: true }, words, command);
  const names = found.sets.map(({ set }) => `--applyset ${set.name}`);
  throw new ProblemError({
    code: 'ManyApplySets',
    message: `there are ${names.length} apply sets in the namespace ${namespace}`,
    hint: `name one: ${names.join(', ')}`,
  });
}

/** What could not be looked for is as good as not there: the namespace is what was asked about. */
function noAgents(error: unknown): undefined {
  if (!(error instanceof ProblemError)) throw error;
}

/** The set of one project of an agent. */
async function setOfAgent(
  cluster: Cluster,
  discovery: Discovery,
  where: Where,
  words: readonly string[],
  command: string,
  known?: FoundAgents,
): Promise<LiveSet> {
  const found = known ?? (await findAgentObjects(cluster, where));
  const agents = groupAgents(found.objects);
  if (agents.length === 0) throw noAgent(found, where);
  const [agent, entry] = theOnlyEntry(chooseAgents(agents, words), command);
  const { set, live } = await findSet(cluster, discovery, entry.set, new Set());
  if (live) return { set, live };
  throw new ProblemError({
    code: 'NoApplySet',
    message: `the agent ${agent.name} has not done anything for ${entry.project} yet`,
    hint: 'kubectl gitlab-agent status says whether it runs',
  });
}
