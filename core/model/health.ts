import type { ObjectId } from './object.ts';

/** From what needs a person's eye first to what needs none: the order of tables. */
export const HEALTH_STATUSES = [
  'degraded',
  'missing',
  'unknown',
  'progressing',
  'suspended',
  'healthy',
] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** How far a live object is from what its spec wants. `reason` and `message` may hold words from the cluster. */
export interface Health {
  status: HealthStatus;
  /** A stable word in CamelCase: CrashLoopBackOff, TooFewAvailable, NoStatus, … */
  reason: string;
  /** One sentence for people, with the numbers: `2 of 3 replicas are ready`. */
  message?: string;
  /** Set where waiting makes no sense: nothing but a person, or a change of the object, will mend it. */
  terminal?: true;
}

/** A suspended object is as somebody wants it to be: it counts as well as a healthy one. */
export function isWell(status: HealthStatus): boolean {
  return status === 'healthy' || status === 'suspended';
}

/** One step of the story of a failure. `depth` 0 is the object itself; the text may hold words from the cluster. */
export interface StoryLine {
  depth: number;
  /** Words of our own before those of the cluster: no hidden value is looked for in them. */
  head?: string;
  text: string;
}

/** How an object that was waited for is, and where it is not well, why. */
export interface ObjectHealth {
  id: ObjectId;
  health: Health;
  story?: readonly StoryLine[];
}

/**
 * How waiting ended: all is well; something failed for good; what is left can't be told (no right to look); the time
 * is over; it was stopped.
 */
export type WaitEnd = 'well' | 'terminal' | 'unknown' | 'timeout' | 'stopped';
