import type { GitLabAnswer } from '../model/gitlab.ts';
import { isObject } from '../model/json.ts';
import { answer } from './answer.ts';
import type { GitLabOptions } from './connection.ts';
import { jsonRequests } from './json-requests.ts';

/**
 * Where GitLab's agent server answers for the APIs of clusters ("Metadata API"); undefined where GitLab has no agent
 * server, or none that can be told from what it says. Before 17.6 it says only where agents connect to: beside a
 * WebSocket the API is below the same address.
 */
export function clusterApiUrl(options: GitLabOptions): Promise<GitLabAnswer<string | undefined>> {
  const ask = jsonRequests(options);
  return answer(async () => {
    const { body } = await ask('GET', 'v4/metadata');
    const kas = isObject(body) && isObject(body.kas) ? body.kas : {};
    if (kas.enabled === false) return undefined;
    if (typeof kas.externalK8sProxyUrl === 'string' && kas.externalK8sProxyUrl !== '')
      return kas.externalK8sProxyUrl;
    const agents = typeof kas.externalUrl === 'string' ? URL.parse(kas.externalUrl) : null;
    if (!agents || !/^wss?:$/.test(agents.protocol)) return undefined;
    const scheme = agents.protocol === 'wss:' ? 'https' : 'http';
    return `${scheme}://${agents.host}${agents.pathname.replace(/\/*$/, '/')}k8s-proxy/`;
  });
}
