/** Up to three of `names` that `wanted` may have meant, the nearest first; all of them where they are few. */
export function nearNames(wanted: string, names: readonly string[]): string[] {
  if (names.length <= 3) return [...names];
  const needle = wanted.toLowerCase();
  const scored = names.map((name) => ({ name, score: distance(needle, name.toLowerCase()) }));
  return scored
    .filter(
      ({ name, score }) => score <= Math.max(2, needle.length / 2) || name.toLowerCase().includes(needle),
    )
    .sort((a, b) => a.score - b.score)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
