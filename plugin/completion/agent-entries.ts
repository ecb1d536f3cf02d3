import { configMaps } from '../../core/apply/parent-object.ts';
import { readRecord } from '../../core/apply/read-record.ts';
import type { Cluster, Discovery } from '../../core/model/cluster.ts';
import type { SetRecord } from '../../core/model/record.ts';

/** What a ConfigMap of an agent tells: of the agent itself, without a project, or of one of its manifest projects. */
export interface AgentEntry {
  agent: string;
  namespace: string;
  project?: string;
  record: SetRecord;
}

const AGENT_LABEL = 'agent.gitlab.com/name';
const PROJECT_ANNOTATION = 'agent.gitlab.com/project-path';
const USUAL_NAMESPACE = 'gitlab-agent';
const MOST = 500;

/** Of the agents in a namespace, else in all, else, where that is forbidden, in those where agents usually are. */
export async function agentEntries(
  { cluster, discovery, namespace }: { cluster: Cluster; discovery: Discovery; namespace: string },
  named: string | undefined,
): Promise<AgentEntry[]> {
  const places = named === undefined ? [undefined, namespace, USUAL_NAMESPACE] : [named];
  for (const place of places) {
    const answer = await cluster.list(configMaps(discovery), {
      ...(place !== undefined && { namespace: place }),
      labelSelector: AGENT_LABEL,
      limit: MOST,
    });
    if (!answer.ok || answer.value.items.length === 0) continue;
    return answer.value.items.map(({ metadata, data }) => {
      const labels = metadata.labels as Record<string, string>;
      const annotations = (metadata.annotations ?? {}) as Record<string, string>;
      const project = annotations[PROJECT_ANNOTATION];
      return {
        agent: labels[AGENT_LABEL]!,
        namespace: String(metadata.namespace),
        ...(project !== undefined && { project }),
        record: readRecord((data ?? {}) as Record<string, string>),
      };
    });
  }
  return [];
}
