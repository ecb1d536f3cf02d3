import { createClient, type Transport } from '@connectrpc/connect';
import { OBJECT_ID } from '../../core/git/wanted-commit.ts';
import {
  AgentConfiguration,
  type ConfigurationResponse,
} from '../../core/grpc/generated/agent_configuration_pb.ts';
import type { AgentMeta } from '../../core/grpc/generated/modshared_pb.ts';
import type { Attempt } from '../../core/model/source.ts';
import type { Batch } from './batch.ts';
import { batchReader } from './batch-reader.ts';
import { configurationText } from './configuration-text.ts';
import { ProtocolError } from './kas-failure.ts';
import { PushedRevision, type PushedRevisionOptions } from './pushed-revision.ts';

export interface ConfigurationRevisionOptions
  extends Pick<PushedRevisionOptions, 'address' | 'signal' | 'random' | 'log' | 'onEnd'> {
  transport: Transport;
  meta: AgentMeta;
  /** Of the agent: where its file is. */
  agent: string;
  scratch: string;
}

/** The configuration as an agent server sends it: each commit as a tree with nothing but the agent's file. */
export function configurationRevision(options: ConfigurationRevisionOptions): PushedRevision {
  const { transport, meta, agent, scratch } = options;
  const client = createClient(AgentConfiguration, transport);
  let last: Batch | undefined;
  const find = (commit: string): Attempt<{ batch: Batch }> =>
    last?.commit === commit
      ? { ok: true, batch: last }
      : { ok: false, failure: { code: 'Unavailable', message: 'a newer configuration was sent' } };
  return new PushedRevision({
    ...options,
    stream: async (tell, ending) => {
      const request = { commitId: last?.commit ?? '', agentMeta: meta, wholeFile: true, skipRegister: true };
      for await (const response of client.getConfiguration(request, { signal: ending })) {
        last = batchOf(response, agent);
        const { commit, ref } = last;
        tell({ commit, ...(ref !== undefined && { ref }) });
      }
    },
    // A server that has something new says so.
    look: async () => {},
    reader: batchReader(find, scratch),
  });
}

function batchOf({ commitId, configuration }: ConfigurationResponse, agent: string): Batch {
  if (!OBJECT_ID.test(commitId)) throw new ProtocolError('the commit is no whole commit id');
  if (!configuration) throw new ProtocolError('there is no configuration in the answer');
  const data = configurationText(configuration);
  const { ref } = configuration;
  return {
    commit: commitId,
    ...(ref !== '' && { ref }),
    nodes: new Map(data && [[`.gitlab/agents/${agent}/config.yaml`, { data }]]),
  };
}
