import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../core/model/clock.ts';

/** The clock of this machine; waiting on it ends with the signal. */
export function clockOf(atOnce: AbortSignal): Clock {
  return {
    now: () => Date.now(),
    sleep: (ms, signal) =>
      pause(ms, undefined, { signal: signal ? AbortSignal.any([atOnce, signal]) : atOnce }),
  };
}
