import { formatObject } from '../model/object.ts';
import { type Action, type Change, summarize } from '../model/plan.ts';
import { ageText } from './age.ts';
import { oneLine } from './escape.ts';

/** How an action looks at the start of a line. */
export const SYMBOLS: Record<Action, string> = {
  unknown: '?',
  delete: '-',
  replace: '-/+',
  create: '+',
  update: '~',
  skip: '*',
  unchanged: ' ',
};

const COUNTED: [Action, string][] = [
  ['create', 'to create'],
  ['update', 'to change'],
  ['replace', 'to replace'],
  ['delete', 'to delete'],
  ['unchanged', 'unchanged'],
  ['skip', 'skipped'],
  ['unknown', 'unknown'],
];
/** The same of deletes that a guard keeps back. */
const HELD_BACK = 'held back';
const MAX_PATHS = 8;
const DANGEROUS: readonly Action[] = ['unknown', 'delete', 'replace'];

/**
 * `3 to create, 2 to change, 1 to replace, 994 unchanged`: zero counts are left out, and `nothing to change` is said
 * only where that is known of every object. `dangerousFirst` puts unknown, delete and replace before the rest.
 */
export function summaryLine(changes: readonly Change[], options: { dangerousFirst?: boolean } = {}): string {
  if (changes.length === 0) return 'no objects';
  const summary = summarize(changes);
  const rank = ([action]: [Action, string]): number => {
    const index = DANGEROUS.indexOf(action);
    return index < 0 ? DANGEROUS.length : index;
  };
  const order = options.dangerousFirst ? COUNTED.toSorted((a, b) => rank(a) - rank(b)) : COUNTED;
  const held = changes.filter(isHeldBack).length;
  const parts = order.flatMap(([action, words]) => {
    const kept = action === 'delete' ? held : 0;
    const going = summary[action] - kept;
    return [...(going > 0 ? [`${going} ${words}`] : []), ...(kept > 0 ? [`${kept} ${HELD_BACK}`] : [])];
  });
  const settled = changes.length === summary.unchanged + summary.skip;
  return [...(settled ? ['nothing to change'] : []), ...parts].join(', ');
}

/** The plan's own order, but what could not be told comes first. */
export function unknownFirst(changes: readonly Change[]): Change[] {
  const unknown = changes.filter((change) => change.action === 'unknown');
  return [...unknown, ...changes.filter((change) => change.action !== 'unknown')];
}

/** Objects that a report names; the others are only counted. */
export function isListed(change: Change): boolean {
  return change.action !== 'unchanged';
}

/** A delete that a guard keeps back: no plan gives a reason for any other. */
export function isHeldBack({ action, reason }: Pick<Change, 'action' | 'reason'>): boolean {
  return action === 'delete' && reason !== undefined;
}

/** What is done to an object, in a word or two. */
export function actionText(change: Change): string {
  return isHeldBack(change) ? HELD_BACK : change.action;
}

/** `deployment.apps/web -n shop`, safe to print whatever the manifest says. */
export function objectText(change: Change): string {
  return oneLine(formatObject(change.id));
}

/** `k8s/web.yaml:3`, or '' where an object comes from no file. */
export function sourceText(change: Change): string {
  return change.source ? oneLine(`${change.source.file}:${change.source.line}`) : '';
}

/** A sentence about a change; warnings are what a person must not overlook. */
export interface Note {
  text: string;
  warning: boolean;
}

/** What is to be said of an object besides its patch: cause, dangers, fields taken from or left to others; with `now` also when. */
export function notesOf(change: Change, now?: Date): Note[] {
  const notes: Note[] = [];
  const say = (text: string, warning = false): void => {
    notes.push({ text: oneLine(text), warning });
  };
  const cause = [change.reason, change.message].filter(Boolean).join(': ');
  if (cause) say(cause, change.action === 'unknown');
  if (change.action === 'replace') {
    if (!change.message && change.fields?.length) {
      say(`immutable among ${listed(change.fields.map((field) => field.path))}`);
    }
    say('warning: apply deletes it and creates it again, if --replace or its annotation allows that', true);
  }
  // Of what is not written nothing is taken.
  const conflicts = change.action === 'unknown' ? [] : (change.conflicts ?? []);
  for (const [manager, taken] of Map.groupBy(conflicts, (conflict) => conflict.manager)) {
    const at = taken
      .map(({ time = '' }) => time)
      .toSorted()
      .at(-1);
    const when = now && at ? `, which wrote ${ageText(at, now)} ago` : '';
    say(`taken from ${manager}${when}: ${listed(taken.map((conflict) => conflict.path))}`);
  }
  if (change.yielded?.length) say(`left to other managers: ${listed(change.yielded)}`);
  return notes;
}

// Whoever takes an object over takes all of its fields: a screen of paths would hide the patch below it.
function listed(paths: readonly string[]): string {
  const more = paths.length - MAX_PATHS;
  return more > 0 ? `${paths.slice(0, MAX_PATHS).join(', ')} and ${more} more` : paths.join(', ');
}

/** A closing sentence: `words` are ours, `quoted` may hold words from elsewhere. */
export interface ClosingNote {
  words: string;
  quoted?: string;
}

/** What is to be said of objects that are not listed, and of marks that many objects share. */
export function closingNotes(changes: readonly Change[]): ClosingNote[] {
  const notes: ClosingNote[] = [];
  const unverified = changes.filter((change) => change.verified === false && isListed(change)).length;
  if (unverified > 0) {
    const why = 'no right to write, or their namespace or kind comes with the same set';
    notes.push({ words: `${unverified} not verified: the API server could not be asked (${why})` });
  }
  const unchanged = changes.filter((change) => change.action === 'unchanged');
  const withReason = unchanged.filter((change) => change.reason);
  for (const [reason, group] of Map.groupBy(withReason, (change) => change.reason!)) {
    const messages = new Set(group.map((change) => change.message));
    const message = messages.size === 1 ? group[0]!.message : undefined;
    const quoted = oneLine(message ? `${reason}: ${message}` : reason);
    notes.push({ words: `${group.length} unchanged, but`, quoted });
  }
  const yielding = unchanged.filter((change) => change.yielded?.length).length;
  if (yielding > 0) notes.push({ words: `${yielding} unchanged with fields left to other managers` });
  return notes;
}

/** A closing sentence as plain text. */
export function closingText(note: ClosingNote): string {
  return note.quoted ? `${note.words} ${note.quoted}` : note.words;
}
