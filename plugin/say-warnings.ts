import type { Manifest } from '../core/model/manifest.ts';
import { publicWords, scrub } from '../core/plan/scrub.ts';
import type { SecretGate } from '../core/plan/secret-gate.ts';
import { oneLine } from '../core/report/escape.ts';
import type { Progress } from './progress.ts';

/**
 * Says what the API server warned of. Admission plugins and webhooks word warnings as they like, about any object that
 * they were shown: the values of `manifests` that `gate` hides are hidden here too.
 */
export function sayWarnings(
  warnings: readonly string[],
  progress: Progress,
  gate: SecretGate,
  manifests: readonly Manifest[],
): void {
  const values = warnings.length > 0 ? manifests.flatMap(({ id, object }) => gate.values(id, object)) : [];
  const known = values.length > 0 ? manifests.flatMap(({ id }) => publicWords(id)) : [];
  for (const warning of warnings) progress.say(`warning: ${oneLine(scrub(warning, values, known))}`);
}
