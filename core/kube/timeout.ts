import { problem } from './problems.ts';

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Reads a Go duration (`1m30s`, `500ms`) as milliseconds; undefined for what is none. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) return undefined;
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!, 0);
}

/**
 * Reads `--request-timeout` as kubectl does (client-go `ParseTimeout`): whole seconds (`30`) or a Go duration.
 * Returns milliseconds. Throws ProblemError.
 */
export function parseTimeout(text: string): number {
  const timeout = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (timeout !== undefined) return timeout;
  throw problem(
    'TimeoutInvalid',
    `${JSON.stringify(text)} is not a request timeout`,
    'write seconds (30) or a duration (1m30s)',
  );
}
