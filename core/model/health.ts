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
