import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { checkCommit, checkRefName } from '../../core/config/checks.ts';
import type { GitRefCF } from '../../core/grpc/generated/agentcfg_pb.ts';
import {
  type Gitops,
  type ObjectsToSynchronizeRequest,
  Reading,
} from '../../core/grpc/generated/gitops_pb.ts';
import type { ManifestRef } from '../../core/model/agent-config.ts';
import type { Wanted } from '../projects/batch.ts';
import { headerOf, trailer } from '../projects/batch-messages.ts';
import { sourceError } from '../projects/failures.ts';
import { PREPARED } from '../transport/prepared-messages.ts';
import { callerOf, type ServiceDesk } from './desk.ts';
import { followRevision } from './follow-revision.ts';

/** Longest path or glob. */
const MOST_CHARACTERS = 4096;

/** `gitlab.agent.gitops.rpc.Gitops`: what is to be applied. */
export function gitopsService(desk: ServiceDesk): ServiceImpl<typeof Gitops> {
  const { projects, checkEvery, metrics, config } = desk;
  return {
    async *getObjectsToSynchronize(request, context) {
      const { access, stop } = callerOf(context);
      const ref = refOf(request.ref);
      const wanted = wantedOf(request, config.gitops.paths);
      const project = await access.project(checkedProject(request.projectId), context.signal);
      const log = desk.log.with({
        agent: access.agent.name,
        agent_id: String(access.agent.id),
        project: project.path,
      });
      using feed = projects.lease(project.path);
      if (request.lookNow) await feed.value.watch.look();
      for await (const seen of followRevision({
        revision: feed.value.watch.revision(ref),
        // The project first: whoever may read it has a good token.
        check: async (signal) => {
          await access.project(request.projectId, signal);
          await access.check(signal);
        },
        checkEvery,
        stop,
      })) {
        if (!seen.ok) throw sourceError(`project ${project.path}`, seen.failure);
        if (seen.commit === request.commitId) {
          if (request.lookNow) return;
          continue;
        }
        const objects = await feed.value.batch(seen.commit, wanted);
        log.debug('GitOps: new commit', { commit: seen.commit, number_of_objects: objects.count });
        metrics.batches.inc();
        yield headerOf({ commitId: seen.commit, projectId: project.id, ref: seen.ref ?? '' });
        context.values.set(PREPARED, objects);
        yield trailer();
        return;
      }
    },
  };
}

function checkedProject(project: string): string {
  if (
    project !== '' &&
    project.length <= 1000 &&
    /^[\w./-]+$/.test(project) &&
    !/(^|\/)\.{1,2}(\/|$)/.test(project)
  )
    return project;
  throw invalid('project_id is no path and no number of a project');
}

function refOf(ref: GitRefCF | undefined): ManifestRef | undefined {
  const { case: kind, value } = ref?.ref ?? { case: undefined };
  if (kind === undefined) return undefined;
  const fault = kind === 'commit' ? checkCommit(value) : checkRefName(value);
  if (fault) throw invalid(`ref.${kind} ${fault.message}`);
  if (kind === 'commit') return { commit: value.toLowerCase() };
  return kind === 'tag' ? { tag: value } : { branch: value };
}

function wantedOf({ paths, reading }: ObjectsToSynchronizeRequest, most: number): Wanted {
  if (paths.length === 0) throw invalid('paths are missing');
  if (paths.length > most) throw invalid(`there are more than ${most} paths`);
  const given = paths.map(({ path }) => {
    if (path.case === undefined || path.value === '' || path.value.length > MOST_CHARACTERS)
      throw invalid('a path is empty or too long');
    if (path.value.split('/').includes('..') || path.value.includes('\0'))
      throw invalid(`the path ${JSON.stringify(path.value)} leads out of the repository`);
    return path;
  });
  if (reading === Reading.TREE) return { reading: 'tree' };
  if (reading === Reading.PATHS) return { reading: 'paths', paths: given.map(({ value }) => value) };
  return {
    reading: 'globs',
    paths: given.map(({ case: kind, value }) => (kind === 'file' ? { file: value } : { glob: value })),
  };
}

function invalid(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
