import type { Health, HealthStatus } from '../model/health.ts';

export function healthy(reason: string, message?: string): Health {
  return verdict('healthy', reason, message);
}

export function progressing(reason: string, message?: string): Health {
  return verdict('progressing', reason, message);
}

export function suspended(reason: string, message?: string): Health {
  return verdict('suspended', reason, message);
}

/** Wrong, but it may come right by itself: a retry, another object that is still missing. */
export function degraded(reason: string, message?: string): Health {
  return verdict('degraded', reason, message);
}

/** Wrong, and waiting longer does not help. */
export function failed(reason: string, message?: string): Health {
  return { ...verdict('degraded', reason, message), terminal: true };
}

export function verdict(status: HealthStatus, reason: string, message?: string): Health {
  return { status, reason, ...(message ? { message } : {}) };
}

/** `1 replica`, `2 replicas`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `1 of 3 replicas is ready`, `2 of 3 replicas are ready`. */
export function share(part: number, whole: number, noun: string, state: string): string {
  return `${part} of ${whole} ${noun}${whole === 1 ? '' : 's'} ${part === 1 || whole === 1 ? 'is' : 'are'} ${state}`;
}
