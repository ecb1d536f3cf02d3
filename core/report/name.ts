import type { Change } from '../model/plan.ts';
import { isListed, objectText, unknownFirst } from './words.ts';

/**
 * `deployment.apps/web -n shop`, one line for each object that differs, for `| xargs -L1 kubectl get`. Objects of
 * which nothing could be told are named too: a list without them would say that they are as wanted. Skipped
 * objects are not. Nothing is printed where nothing differs.
 */
export function names(changes: readonly Change[]): string {
  const listed = unknownFirst(changes).filter((change) => isListed(change) && change.action !== 'skip');
  return listed.map((change) => `${objectText(change)}\n`).join('');
}
