import type { SourceFailure } from '../model/source.ts';

/** What may pass by itself is told once it has lasted as long, in ms. */
const PATIENCE = 60_000;
const MAY_PASS = new Set<SourceFailure['code']>([
  'RateLimited',
  'Unavailable',
  'Unreachable',
  'Timeout',
  'Damaged',
  'GitFailed',
]);

/** Tells failures that people have to hear of from those that may be over before anybody could act. */
export class Patience {
  #failingSince: number | undefined;

  /** All is well. */
  reset(): void {
    this.#failingSince = undefined;
  }

  /** It failed, once more. */
  fail(): void {
    this.#failingSince ??= Date.now();
  }

  /** Whether nobody is told of a failure yet. */
  isWith({ code }: SourceFailure): boolean {
    return MAY_PASS.has(code) && Date.now() - (this.#failingSince ?? 0) < PATIENCE;
  }
}
