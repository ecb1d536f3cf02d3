/** Aligns columns: the first to the left, all others to the right, as numbers want it. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  return `${[line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')}\n`;
}

/** `0.034`, `0.82`, `5.7`, `63`: as many digits as the measurement is worth. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.1) return seconds.toFixed(3);
  if (seconds < 1) return seconds.toFixed(2);
  return seconds < 100 ? seconds.toFixed(1) : seconds.toFixed(0);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
