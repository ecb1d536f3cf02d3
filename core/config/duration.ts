/** Node's timers wait no longer: 24 days. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
type Unit = keyof typeof UNIT_MS;

/** Milliseconds of `3600s`, `1h30m`, `0.5s`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 50 || !/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(h|ms|m|s)/g))
    sum += Number(number) * UNIT_MS[unit as Unit];
  return Math.round(sum);
}

/** The shortest of the ways to write it: `1h30m`, `20s`, `1500ms`. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const [unit, size] of Object.entries(UNIT_MS)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || '0s';
}
