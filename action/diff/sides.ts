import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, hasOwnManifests, wantedCommit } from '../desk.ts';
import type { ConfiguredEntry } from '../entry.ts';
import { appliedRevision } from './applied.ts';
import type { LiveCluster } from './live.ts';

/** What is compared: a commit with another one, or with a cluster, or with both. */
export interface Sides {
  head: string;
  base?: string;
  cluster?: LiveCluster;
  /** For people: `a1b2c3 with d4e5f6`. */
  words: string;
  /** The heading's first words. */
  title: string;
}

/** By the inputs, and by what the job is for. Throws ProblemError where there is nothing to compare with. */
export async function sidesOf(desk: Desk, configured: ConfiguredEntry | undefined): Promise<Sides> {
  const { inputs, job } = desk;
  const { against, agent, environment } = inputs;
  const isOwn = hasOwnManifests(desk) && inputs.commit === undefined;
  const change = isOwn ? job.change : undefined;
  const head = change?.head ?? wantedCommit(desk);
  const cluster = against === undefined || against === 'live' ? await liveCluster(desk) : undefined;
  const knowsApplied = agent !== undefined || environment !== undefined;
  const base = await baseOf();
  const who = agent === undefined ? '' : ` for \`${agent}${inputs.entry ? `/${inputs.entry}` : ''}\``;
  const withWhat = [
    ...(cluster === undefined ? [] : [`cluster ${cluster.name}`]),
    ...(base === undefined || cluster !== undefined ? [] : [base.slice(0, 12)]),
  ].join(' and ');
  return {
    head,
    ...(base !== undefined && { base }),
    ...(cluster !== undefined && { cluster }),
    words: `${head.slice(0, 12)} with ${withWhat}`,
    title: `Kubernetes diff${who}`,
  };

  async function baseOf(): Promise<string | undefined> {
    if (against === 'applied') return await appliedRevision(desk, configured);
    if (change) return change.base;
    // Against a cluster, the other revision only says what left the manifests.
    if (cluster !== undefined) return undefined;
    if (against === 'base' || !knowsApplied)
      throw new ProblemError({
        code: 'NothingToCompare',
        message: 'there is nothing to compare with: this is no pipeline of a merge request',
        hint: 'name the agent or its environment to compare with what it has applied',
      });
    return await appliedRevision(desk, configured);
  }
}

async function liveCluster(desk: Desk): Promise<LiveCluster | undefined> {
  const { env, inputs } = desk;
  const isNamed = inputs.kubeContext !== undefined || inputs.agentServer !== undefined;
  if (!env.KUBECONFIG && !isNamed && inputs.against !== 'live') return undefined;
  return (await import('./live.ts')).chooseCluster(desk);
}
