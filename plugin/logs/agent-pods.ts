import type { Cluster } from '../../core/model/cluster.ts';
import { dig, isObject, type Json } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import { PODS } from '../agents/lease-sight.ts';

const MOST = 500;

/**
 * The newest Pod that was started as this agent: where nobody leads, it is the one that may say why. A Lease that was
 * given back does not tell who had it. Undefined where there is none, or no right to list Pods.
 */
export async function newestPod(
  cluster: Pick<Cluster, 'list'>,
  { name, namespace }: AgentObjects,
): Promise<string | undefined> {
  const answer = await cluster.list(PODS, { namespace, limit: MOST });
  const pods = answer.ok ? answer.value.items.filter((pod) => isStartedAs(pod, name)) : [];
  return pods.sort((a, b) => madeAt(b) - madeAt(a))[0]?.metadata.name;
}

function isStartedAs(pod: KubeObject, agent: string): boolean {
  const containers = dig(pod, 'spec', 'containers') as Json | undefined;
  return (Array.isArray(containers) ? containers : []).filter(isObject).some(({ command, args }) => {
    const words = [command, args].flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
    return words.some(
      (word, index) =>
        word === `--agent-name=${agent}` || (word === '--agent-name' && words[index + 1] === agent),
    );
  });
}

function madeAt({ metadata }: KubeObject): number {
  return Date.parse(String(metadata.creationTimestamp ?? '')) || 0;
}
