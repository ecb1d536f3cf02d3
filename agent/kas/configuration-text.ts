import { toJson } from '@bufbuild/protobuf';
import { type AgentConfiguration, AgentConfigurationSchema } from '../../core/grpc/generated/agentcfg_pb.ts';
import { dig, isObject, type Json, type JsonObject } from '../../core/model/json.ts';

/**
 * The file that a server sent; undefined where there is none. GitLab's own servers send what they made of it: the same
 * as a file, so that it is read like any other.
 */
export function configurationText(configuration: AgentConfiguration): Buffer | undefined {
  if (isOurs(configuration))
    return configuration.configFile === undefined ? undefined : Buffer.from(configuration.configFile);
  const { gitops, observability } = toJson(AgentConfigurationSchema, configuration, {
    useProtoFieldName: true,
  }) as JsonObject;
  const file = { ...(gitops && { gitops: withGlobs(gitops) }), ...(observability && { observability }) };
  return Buffer.from(JSON.stringify(file));
}

/** Whether the server is of this project. */
export function isOurs({ agentName }: AgentConfiguration): boolean {
  return agentName !== '';
}

/** A path that is a file (since 15.x) is a glob without wildcards. */
function withGlobs(gitops: Json): Json {
  const projects = dig(gitops, 'manifest_projects');
  if (!Array.isArray(projects)) return gitops;
  return {
    manifest_projects: projects.map((project) => {
      if (!isObject(project) || !Array.isArray(project.paths)) return project;
      const paths = project.paths.map((path) => {
        const file = dig(path, 'file');
        return typeof file === 'string' ? { glob: file.replace(/[\\*?[\]{}]/g, '\\$&') } : path;
      });
      return { ...project, paths };
    }),
  };
}
