import { countOutcomes, countText, isCounted, isHeldBack, type Outcome } from '../model/apply.ts';
import { formatObject } from '../model/object.ts';
import type { RecordedFailure, SetStatus } from '../model/record.ts';
import { boundedMessage } from './record-text.ts';

/** How a run ended: interrupted weighs more than failed, failed more than held back. */
export function verdictOf(outcomes: readonly Outcome[]): Pick<SetStatus, 'state' | 'reason' | 'message'> {
  const failed = outcomes.filter(({ result }) => result === 'failed');
  const held = outcomes.filter(isHeldBack);
  const wrong = [...failed, ...held];
  const interrupted = wrong.filter(({ error }) => error!.reason === 'Interrupted').length;
  const told = countText(countOutcomes(outcomes));
  if (interrupted > 0) {
    const message = `the run was interrupted: ${interrupted} of ${outcomes.length} objects were not done`;
    return { state: 'Failed', reason: 'Interrupted', message };
  }
  if (failed.length > 0) {
    const message = `${failed.length} of ${outcomes.length} objects failed; ${firstOf(failed)}`;
    return { state: 'Failed', reason: 'ApplyFailed', message: boundedMessage(message) };
  }
  const waiting = held.filter(({ change }) => change.action !== 'delete');
  if (waiting.length > 0) {
    const message = `${waiting.length} of ${outcomes.length} objects are held back; ${firstOf(waiting)}`;
    return { state: 'Failed', reason: 'HeldBack', message: boundedMessage(message) };
  }
  if (held.length > 0) {
    const message = `${held.length} deletes are held back; ${firstOf(held)}`;
    return { state: 'Failed', reason: 'PruneBlocked', message: boundedMessage(message) };
  }
  return { state: 'Synced', reason: 'Succeeded', message: told };
}

function firstOf([first]: readonly Outcome[]): string {
  const { change, error } = first!;
  return `first ${formatObject(change.id)}: ${error!.reason}: ${error!.message}`;
}

/** What failed, then what was held back; what many objects have in common is said once. */
export function failuresOf(outcomes: readonly Outcome[]): RecordedFailure[] {
  const failed = outcomes.filter(({ result }) => result === 'failed');
  const held = outcomes.filter((outcome) => isHeldBack(outcome) && !isCounted(outcome));
  const alike = Map.groupBy(outcomes.filter(isCounted), ({ error }) => `${error!.reason}: ${error!.message}`);
  return [
    ...[...failed, ...held].map(({ change, error }) => ({
      object: formatObject(change.id),
      reason: error!.reason,
      message: error!.hint ? `${error!.message}; hint: ${error!.hint}` : error!.message,
      ...(change.source && { source: `${change.source.file}:${change.source.line}` }),
    })),
    ...[...alike.values()].map((group) => {
      const { reason, message, hint } = group[0]!.error!;
      return { reason, message: `${group.length} objects: ${message}${hint ? `; hint: ${hint}` : ''}` };
    }),
  ];
}

// Why a guard leaves an object for good that left the manifests.
const LEFT_ALONE = new Set(['PruneDisabled', 'LabelNotOurs']);

/** How many objects left the manifests and were not deleted, by reason. */
export function keptBack(outcomes: readonly Outcome[]): Pick<SetStatus, 'kept'> {
  const reasons = outcomes.flatMap(({ change, result, error }) => {
    if (result !== 'skipped') return [];
    if (change.action === 'delete') return error ? [error.reason] : [];
    return change.action === 'skip' && LEFT_ALONE.has(change.reason ?? '') ? [change.reason!] : [];
  });
  if (reasons.length === 0) return {};
  const counts = [...Map.groupBy(reasons.toSorted(), (reason) => reason)];
  return { kept: Object.fromEntries(counts.map(([reason, all]) => [reason, all.length])) };
}
