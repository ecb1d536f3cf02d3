const UNITS = [
  ['d', 86_400, 2],
  ['h', 3600, 2],
  ['m', 60, 2],
] as const;

/** How long ago that was, as kubectl's tables say it: `45s`, `3m`, `26h`, `12d`; `?` for what is no time. */
export function ageText(time: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return '?';
  const [unit, length] = UNITS.find(([, size, least]) => seconds >= size * least) ?? ['s', 1];
  return `${Math.floor(seconds / length)}${unit}`;
}
