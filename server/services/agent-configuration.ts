import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { parseAgentConfig } from '../../core/config/agent-config.ts';
import {
  type AgentConfiguration,
  type ConfigurationResponse,
  ConfigurationResponseSchema,
} from '../../core/grpc/generated/agent_configuration_pb.ts';
import { AgentConfigurationSchema } from '../../core/grpc/generated/agentcfg_pb.ts';
import { placeOf } from '../../core/model/problem.ts';
import type { AgentIdentity } from '../access/directory.ts';
import type { ServerConfig } from '../configuration/server-config.ts';
import { broken, configurationFileName, readConfigurationFile } from '../projects/configuration-file.ts';
import { sourceError } from '../projects/failures.ts';
import { configurationMessage } from './configuration-message.ts';
import { callerOf, type ServiceDesk } from './desk.ts';
import { followRevision } from './follow-revision.ts';

/** `gitlab.agent.agent_configuration.rpc.AgentConfiguration`: what an agent has to do. */
export function agentConfigurationService(desk: ServiceDesk): ServiceImpl<typeof AgentConfiguration> {
  const { projects, connected, reports, checkEvery, config } = desk;
  return {
    async *getConfiguration(request, context) {
      const { access, connection, stop } = callerOf(context);
      const { agent } = access;
      const log = desk.log.with({
        agent: agent.name,
        agent_id: String(agent.id),
        project: agent.project.path,
      });
      const leave = request.skipRegister ? () => {} : connected.add(agent, request.agentMeta, connection);
      try {
        using feed = projects.lease(agent.project.path);
        let last = request.commitId;
        const revision = feed.value.watch.revision(undefined);
        const check = (signal: AbortSignal): Promise<void> => access.check(signal);
        for await (const seen of followRevision({ revision, check, checkEvery, stop })) {
          if (!seen.ok) throw sourceError(`configuration project ${agent.project.path}`, seen.failure);
          if (seen.commit === last) continue;
          const file = await feed.value.withTree(seen.commit, (tree) =>
            readConfigurationFile(tree, agent, config.configuration.maxBytes),
          );
          log.debug('Config: new commit', { commit: seen.commit });
          reports?.tell(agent, seen.commit, file);
          yield request.wholeFile ? wholeFile(file, seen, agent, config) : parsed(file, seen, agent, config);
          last = seen.commit;
        }
      } finally {
        leave();
      }
    },
  };
}

interface Commit {
  commit: string;
  ref?: string;
}

/** For agents of this project: they read the file, and say where it is wrong. */
function wholeFile(
  file: Buffer | undefined,
  { commit, ref }: Commit,
  agent: AgentIdentity,
  config: ServerConfig,
): ConfigurationResponse {
  return create(ConfigurationResponseSchema, {
    commitId: commit,
    configuration: {
      ...identityMessage(agent, config),
      ...(file && { configFile: file }),
      ...(ref !== undefined && { ref }),
    },
  });
}

/** For GitLab's own agents. A broken file ends the stream with what is wrong, and where. */
function parsed(
  file: Buffer | undefined,
  { commit }: Commit,
  agent: AgentIdentity,
  config: ServerConfig,
): ConfigurationResponse {
  const read = parseAgentConfig(file, {
    file: configurationFileName(agent),
    configProject: agent.project.path,
    gitlabUrl: config.externalUrl,
    maxBytes: config.configuration.maxBytes,
  });
  if (!read.config) {
    const all = read.problems.map((problem) => `${placeOf(problem)}: ${problem.message}`);
    throw broken(all.slice(0, MOST_TOLD).join('; '));
  }
  return create(ConfigurationResponseSchema, {
    commitId: commit,
    configuration: { ...configurationMessage(read.config), ...identityMessage(agent, config) },
  });
}

/** Of the problems of one file. */
const MOST_TOLD = 10;

function identityMessage({ id, name, project }: AgentIdentity, { externalUrl }: ServerConfig) {
  const { agentId, projectId, projectPath, gitlabExternalUrl, agentName } = create(AgentConfigurationSchema, {
    agentId: id,
    projectId: project.id,
    projectPath: project.path,
    gitlabExternalUrl: externalUrl,
    agentName: name,
  });
  return { agentId, projectId, projectPath, gitlabExternalUrl, agentName };
}
