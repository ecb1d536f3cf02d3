/** Notes of merge requests. */
import { type Answer, json } from '../answer.ts';
import { TOO_MANY } from '../faults.ts';
import { addNote, type MergeRequest, type Note } from '../merge-requests.ts';
import { extractQuickActions } from '../quick-actions.ts';
import { ROLES } from '../roles.ts';
import { ApiError, badRequest, forbidden, noRecord } from './api-error.ts';
import type { Call } from './call.ts';
import { databaseTime, userBasic } from './entities.ts';
import { mergeRequestOf } from './merge-requests.ts';
import { paginated } from './pagination.ts';
import { integer, oneOf, required } from './parameters.ts';
import type { Route } from './router.ts';

const PATH = '/projects/:id/merge_requests/:iid/notes';
const LONGEST = 1_000_000;

function show(call: Call, request: MergeRequest, note: Note): object {
  return {
    id: note.id,
    type: null,
    body: note.body,
    attachment: null,
    author: userBasic(call.world, note.author),
    created_at: databaseTime(note.createdAt),
    updated_at: databaseTime(note.updatedAt),
    system: note.system,
    noteable_id: request.id,
    noteable_type: 'MergeRequest',
    project_id: request.target.id,
    noteable_iid: request.iid,
    resolvable: false,
    confidential: note.internal,
    internal: note.internal,
    imported: false,
    imported_from: 'none',
  };
}

/** Internal notes begin at Reporter; who may not read one gets a page that is shorter. */
function readable(call: Call, request: MergeRequest, note: Note): boolean {
  return !note.internal || call.level(request.target) >= ROLES.reporter;
}

function noteOf(call: Call): { request: MergeRequest; note: Note } {
  const request = mergeRequestOf(call);
  const note = request.notes.find(({ id }) => id === call.parameters.integer('note_id'));
  if (!note || !readable(call, request, note)) throw noRecord();
  return { request, note };
}

function checked(body: string): string {
  if (body.trim() === '') throw badRequest('Note {:note=>["can\'t be blank"]}');
  if (body.length > LONGEST)
    throw badRequest(`Note {:note=>["is too long (maximum is ${LONGEST} characters)"]}`);
  return body;
}

function list(call: Call): Answer {
  const request = mergeRequestOf(call);
  const { parameters } = call;
  const filter = parameters.text('activity_filter') ?? 'all_notes';
  const notes = request.notes.filter(
    ({ system }) => filter === 'all_notes' || system === (filter === 'only_activity'),
  );
  const key = parameters.text('order_by') === 'updated_at' ? 'updatedAt' : 'createdAt';
  notes.sort((a, b) => a[key].getTime() - b[key].getTime() || a.id - b.id);
  if ((parameters.text('sort') ?? 'desc') === 'desc') notes.reverse();
  return paginated(call, notes, (note) =>
    readable(call, request, note) ? show(call, request, note) : undefined,
  );
}

function create(call: Call): Answer {
  const request = mergeRequestOf(call);
  const { parameters, user, world } = call;
  const body = checked(parameters.text('body') ?? '');
  if (!world.limits.takeNote(user.id)) throw new ApiError(429, { message: { error: TOO_MANY } });
  const { text, commands } = extractQuickActions(body);
  carryOut(call, request, commands);
  if (text === '') {
    const summary = commands.map((command) => `Applied ${command}.`);
    const labelled = commands.some((command) => command.startsWith('/label '));
    return json(202, { commands_changes: labelled ? { add_label_ids: [1] } : {}, summary });
  }
  const note = addNote(world, request, { body: text, author: user, internal: parameters.flag('internal') });
  return json(201, { ...show(call, request, note), commands_changes: {} });
}

function carryOut(call: Call, request: MergeRequest, commands: readonly string[]): void {
  request.quickActions.push(...commands);
  if (commands.includes('/close') && request.state === 'opened')
    Object.assign(request, { state: 'closed', closedAt: call.world.now(), closedBy: call.user });
}

export const noteRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: PATH,
    jobs: true,
    rules: [
      oneOf('sort', ['asc', 'desc']),
      oneOf('order_by', ['created_at', 'updated_at']),
      oneOf('activity_filter', ['all_notes', 'only_comments', 'only_activity']),
    ],
    handle: list,
  },
  {
    method: 'GET',
    path: `${PATH}/:note_id`,
    jobs: true,
    rules: [integer('note_id')],
    handle: (call) => {
      const { request, note } = noteOf(call);
      return json(200, show(call, request, note));
    },
  },
  { method: 'POST', path: PATH, login: true, rules: [required('body')], handle: create },
  {
    method: 'PUT',
    path: `${PATH}/:note_id`,
    login: true,
    rules: [required('body'), integer('note_id')],
    handle: (call) => {
      const { request, note } = noteOf(call);
      if (note.author !== call.user) call.demand(request.target, 'maintainer');
      if (note.system) throw forbidden();
      const { text, commands } = extractQuickActions(checked(call.parameters.text('body')!));
      carryOut(call, request, commands);
      note.body = text;
      note.updatedAt = call.world.now();
      return json(200, show(call, request, note));
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:note_id`,
    login: true,
    rules: [integer('note_id')],
    handle: (call) => {
      const { request, note } = noteOf(call);
      if (note.author !== call.user) call.demand(request.target, 'maintainer');
      call.demandUnmodified(note.updatedAt);
      request.notes.splice(request.notes.indexOf(note), 1);
      return { status: 204, headers: {}, body: '' };
    },
  },
];
