import test from 'ava';
import { writeNote } from '../../action/diff/note.ts';
import type { NoteInfo } from '../../core/model/gitlab-projects.ts';

test('a GitLab that keeps another text than it was given is written to once', async (t) => {
  const notes: NoteInfo[] = [];
  let writes = 0;
  const keep = async (id: number, body: string) => {
    writes += 1;
    if (writes > 5) throw new Error('it is written again and again');
    const updatedAt = '2026-01-01T00:00:00Z';
    const note = { id, body: body.normalize('NFC'), authorId: 7, isSystem: false, updatedAt };
    notes.splice(0, notes.length, note);
    return { ok: true as const, value: note };
  };
  const noted = await writeNote({
    gitlab: {
      self: async () => ({ ok: true, value: { id: 7, username: 'bot' } }),
      notes: async () => ({ ok: true, value: notes }),
      createNote: (_project, _request, body) => keep(1, body),
      editNote: (_project, _request, id, body) => keep(id, body),
      removeNote: async () => ({ ok: true, value: undefined }),
    },
    project: 'group/shop',
    mergeRequest: 1,
    subject: 'production/shop',
    pipeline: 1,
    parts: ['cafe\u0301\n'],
    sleep: async () => {},
    now: () => 0,
    deadline: 60_000,
  });
  t.deepEqual(noted, { state: 'written', id: 1 });
  t.is(writes, 1);
});
