/** `POST /projects/:id/repository/commits`. */
import { json } from '../answer.ts';
import { type Action, commitActions, Refused } from '../commit-actions.ts';
import { commitAt } from '../commit-log.ts';
import { mayPush } from '../protected-branches.ts';
import { forbidden, notFound, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { commitDetail } from './commit-entities.ts';
import { exclusive, Parameters, type Rule, required, requiredPresent } from './parameters.ts';
import type { Route } from './router.ts';

const ACTIONS = ['create', 'update', 'move', 'delete', 'chmod'];

/** The rules of each action; the names of what is wrong carry its place. */
const actionRules: Rule = (parameters) => {
  const problems = parameters.list('actions').flatMap((value, index) => {
    const at = `actions[${index}]`;
    if (typeof value !== 'object' || value === null) return [`${at} is invalid`];
    const action = new Parameters(value as Record<string, unknown>);
    const kind = action.text('action');
    const lacking = (name: string): string[] =>
      action.present(name) === undefined ? [`${at}[${name}] is missing`] : [];
    if (kind === undefined) return [`${at}[action] is missing`];
    if (!ACTIONS.includes(kind)) return [`${at}[action] does not have a valid value`];
    return [
      ...lacking('file_path'),
      ...(kind === 'move' ? lacking('previous_path') : []),
      ...(kind === 'update' && !action.has('content') ? [`${at}[content] is missing`] : []),
      ...(kind === 'chmod' ? lacking('execute_filemode') : []),
    ];
  });
  return problems.length > 0 ? problems.join(', ') : undefined;
};

export function contentOf(parameters: Parameters): Buffer | undefined {
  const content = parameters.text('content');
  const encoding = parameters.text('encoding') === 'base64' ? 'base64' : 'utf8';
  return content === undefined ? undefined : Buffer.from(content, encoding);
}

function readAction(value: unknown): Action {
  const parameters = new Parameters(value as Record<string, unknown>);
  const action = parameters.text('action') as Action['action'];
  return {
    action,
    path: parameters.text('file_path')!,
    previousPath: parameters.present('previous_path'),
    content: contentOf(parameters),
    lastCommitId: parameters.present('last_commit_id'),
    executable: parameters.has('execute_filemode') ? parameters.flag('execute_filemode') : undefined,
  };
}

async function create(call: Call) {
  const { project, parameters, user, world } = call;
  const branch = parameters.text('branch')!;
  if (project.archived || !mayPush(project.protectedBranches, branch, call.level(project)))
    throw forbidden('You are not allowed to push into this branch');
  const start = parameters.present('start_project');
  if (start !== undefined && start !== project.path && Number(start) !== project.id) {
    const other = world.projectAt(start) ?? world.projects.find(({ id }) => id === Number(start));
    if (!other) throw notFound('Project');
    const name = other.path.split('/').join(' / ');
    throw forbidden(`Project is not included in the fork network for ${name}`);
  }
  try {
    const sha = await commitActions(world, project, user, {
      branch,
      message: parameters.text('commit_message')!,
      actions: parameters.list('actions').map(readAction),
      startBranch: parameters.present('start_branch'),
      startSha: parameters.present('start_sha'),
      force: parameters.flag('force'),
      authorName: parameters.present('author_name'),
      authorEmail: parameters.present('author_email'),
    });
    const commit = (await commitAt(project, sha))!;
    return json(201, await commitDetail(project, commit, parameters.flag('stats', true)));
  } catch (error) {
    if (error instanceof Refused) throw renderError(400, error.message);
    throw error;
  }
}

export const commitCreateRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/projects/:id/repository/commits',
    login: true,
    rules: [
      requiredPresent('branch'),
      requiredPresent('commit_message'),
      required('actions'),
      exclusive('start_branch', 'start_sha'),
      actionRules,
    ],
    handle: create,
  },
];
