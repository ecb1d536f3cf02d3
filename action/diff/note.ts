import { mayPass } from '../../core/gitlab/commit-changes.ts';
import type { GitLabFailure } from '../../core/model/gitlab.ts';
import type { GitLabProjects, NoteInfo } from '../../core/model/gitlab-projects.ts';

export interface NoteOptions {
  gitlab: Pick<GitLabProjects, 'self' | 'notes' | 'createNote' | 'editNote' | 'removeNote'>;
  project: string;
  mergeRequest: number;
  /** Whose note it is, beside its author: `production/shop`. A merge request has one of each. */
  subject: string;
  /** Rises from pipeline to pipeline: an older one leaves the note of a newer one alone. */
  pipeline: number;
  /** Each within GitLab's limit for notes, `MARK_BYTES` left free. */
  parts: readonly string[];
  sleep: (ms: number) => Promise<void>;
  /** In ms since 1970. */
  now: () => number;
  deadline: number;
}

/** `newer`: a newer pipeline has written its note already. */
export type Noted =
  | { state: 'written' | 'newer'; id: number }
  | { state: 'failed'; failure: GitLabFailure; doing: 'read' | 'write' };

/** What the hidden marker takes of a note, at most. */
export const MARK_BYTES = 400;

const MARK = /^<!-- gitlab-agent diff="([^"]*)" part="(\d+)" pipeline="(\d+)" -->/;
const PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** Who wrote so recently may be writing at this moment, in ms. */
const RECENT = 120_000;

interface Marked {
  note: NoteInfo;
  part: number;
  pipeline: number;
}

/**
 * Makes the notes of a merge request be these parts: ours are edited in place, missing ones made, others of ours
 * removed, all else left alone. Ours are those with the hidden marker that the token's user wrote. Looks again after
 * each round of writes, so that of several pipelines at once the newest one's note is what stays.
 */
export async function writeNote(options: NoteOptions): Promise<Noted> {
  const { gitlab, sleep, now, deadline } = options;
  let pause = PAUSE;
  let self: number | undefined;
  const stored: Stored = new Map();
  for (;;) {
    const round: Noted | Round =
      self === undefined ? await meet() : await new Rounds(options, self, stored).once();
    if ('id' in round && 'state' in round) return round;
    if ('failure' in round) {
      if (!mayPass(round.failure) || now() + pause > deadline)
        return { state: 'failed', failure: round.failure, doing: round.doing };
      await sleep(Math.max(round.failure.retryAfter ?? 0, pause));
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    } else if (round.contested) await sleep(PAUSE);
  }

  async function meet(): Promise<Round> {
    const who = await gitlab.self();
    if (!who.ok) return { failure: who.failure, doing: 'read' };
    self = who.value.id;
    return { contested: false };
  }
}

/** By note: the text that GitLab made of what we wrote. It need not be ours to the letter, and is not written again. */
type Stored = Map<number, string>;

type Round = { contested: boolean } | { failure: GitLabFailure; doing: 'read' | 'write' };

class Rounds {
  readonly #options: NoteOptions;
  readonly #self: number;
  readonly #stored: Stored;
  #wrote = false;
  #contested = false;

  constructor(options: NoteOptions, self: number, stored: Stored) {
    this.#options = options;
    this.#self = self;
    this.#stored = stored;
  }

  async once(): Promise<Noted | Round> {
    const { gitlab, project, mergeRequest, pipeline, parts } = this.#options;
    const listed = await gitlab.notes(project, mergeRequest);
    if (!listed.ok) return { failure: listed.failure, doing: 'read' };
    const ours = this.#ours(listed.value);
    const newer = ours.filter((one) => one.pipeline > pipeline);
    // The newer pipeline removes what is older itself; what we made after its last look is ours to remove.
    const stale =
      newer.length > 0
        ? ours.filter((one) => one.pipeline <= pipeline)
        : ours.filter(({ part }) => part > parts.length);
    const failure = (await this.#remove(stale)) ?? (newer.length > 0 ? undefined : await this.#write(ours));
    if (failure) return { failure, doing: 'write' };
    if (newer.length > 0) return { state: 'newer', id: first(newer).note.id };
    if (this.#wrote) return { contested: this.#contested };
    return { state: 'written', id: first(ours).note.id };
  }

  #ours(notes: readonly NoteInfo[]): Marked[] {
    return notes.flatMap((note) => {
      if (note.isSystem || note.authorId !== this.#self) return [];
      const [, subject, part, pipeline] = MARK.exec(note.body) ?? [];
      if (subject !== this.#options.subject) return [];
      return [{ note, part: Number(part), pipeline: Number(pipeline) }];
    });
  }

  async #write(ours: readonly Marked[]): Promise<GitLabFailure | undefined> {
    const { gitlab, project, mergeRequest, parts } = this.#options;
    for (const [index, text] of parts.entries()) {
      const body = this.#body(index + 1, text);
      const [kept, ...twins] = ours
        .filter(({ part }) => part === index + 1)
        .sort((a, b) => b.pipeline - a.pipeline || a.note.id - b.note.id);
      const failure = await this.#remove(twins);
      if (failure) return failure;
      if (kept && [body.trim(), this.#stored.get(kept.note.id)].includes(kept.note.body.trim())) continue;
      this.#wrote = true;
      this.#contested ||= kept !== undefined && this.#isRecent(kept);
      const answer = kept
        ? await gitlab.editNote(project, mergeRequest, kept.note.id, body)
        : await gitlab.createNote(project, mergeRequest, body);
      if (!answer.ok) return answer.failure;
      if (answer.value) this.#stored.set(answer.value.id, answer.value.body.trim());
    }
    return undefined;
  }

  async #remove(marked: readonly Marked[]): Promise<GitLabFailure | undefined> {
    const { gitlab, project, mergeRequest } = this.#options;
    for (const { note } of marked) {
      this.#wrote = true;
      const removed = await gitlab.removeNote(project, mergeRequest, note.id);
      if (!removed.ok) return removed.failure;
    }
    return undefined;
  }

  /** Another pipeline may have read the note when we did, and overwrite ours: then there is a second look. */
  #isRecent({ note, pipeline }: Marked): boolean {
    const { now } = this.#options;
    return pipeline !== this.#options.pipeline && Math.abs(now() - Date.parse(note.updatedAt)) < RECENT;
  }

  #body(part: number, text: string): string {
    const { subject, pipeline } = this.#options;
    return `<!-- gitlab-agent diff="${subject}" part="${part}" pipeline="${pipeline}" -->\n${text}`;
  }
}

function first(marked: readonly Marked[]): Marked {
  return marked.toSorted((a, b) => a.part - b.part || a.note.id - b.note.id)[0]!;
}
