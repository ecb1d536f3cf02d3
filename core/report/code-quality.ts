import { createHash } from 'node:crypto';
import type { Change } from '../model/plan.ts';
import { oneLine } from './escape.ts';
import { notesOf, objectText } from './words.ts';

/** One finding of GitLab's Code Quality report, as far as GitLab reads it ("Code Quality", report format). */
interface Finding {
  description: string;
  check_name: string;
  fingerprint: string;
  severity: 'info' | 'minor' | 'major' | 'critical' | 'blocker';
  location: { path: string; lines: { begin: number } };
}

const SEVERITY: Partial<Record<Change['action'], Finding['severity']>> = {
  unknown: 'critical',
  replace: 'major',
  delete: 'major',
};
const MOST = 500;

/**
 * What a reviewer must not overlook, for the widget of the merge request: objects that are deleted, replaced or could
 * not be told. The fingerprint names the object and not the place, so that a finding is known again when lines move.
 */
export function codeQuality(changes: readonly Change[]): string {
  const found = changes.flatMap((change): Finding[] => {
    const severity = SEVERITY[change.action];
    const object = objectText(change);
    return severity === undefined
      ? []
      : [
          {
            description: words(change, object).slice(0, 1000),
            check_name: `gitlab-agent/${change.action}`,
            fingerprint: createHash('sha256').update(`${change.action}\n${object}`).digest('hex'),
            severity,
            location: {
              path: change.source ? oneLine(change.source.file) : 'manifests',
              lines: { begin: change.source?.line ?? 1 },
            },
          },
        ];
  });
  return `${JSON.stringify(found.slice(0, MOST), undefined, 2)}\n`;
}

function words(change: Change, object: string): string {
  const why = notesOf(change)[0]?.text;
  switch (change.action) {
    case 'delete':
      return `${object} would be deleted`;
    case 'replace':
      return `${object} would be deleted and created again`;
    default:
      return `${object}: what would happen can't be told${why ? `: ${why}` : ''}`;
  }
}
