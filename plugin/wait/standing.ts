import { entryEnd } from '../../core/apply/entry-end.ts';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import { shortRevision } from '../../core/report/history-report.ts';
import type { Standing } from './follow-to-end.ts';

/** Whether an entry is as it is wanted to be by now; `about` is said behind it. */
export function standing(entry: EntryStatus, about: string): Standing {
  const end = entryEnd(entry);
  const { status, sync } = entry;
  if (end.end === 'failed') return { state: 'failed', message: `${end.message}${about}`, code: 1 };
  if (end.end === 'underWay') return { state: 'waiting', message: `${end.message}${about}` };
  if (sync !== 'Synced')
    return { state: 'waiting', message: `what is wanted by now is not applied yet${about}` };
  return {
    state: 'done',
    message: `synced and healthy at ${shortRevision(status?.applied?.revision)}${about}`,
  };
}
