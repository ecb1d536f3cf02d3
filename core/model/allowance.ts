/** How many objects may be deleted beyond the default bound: a number, or a share of the members in percent. */
export type Allowance = { count: number } | { percent: number };

/** Reads `30` or `80%`; undefined for anything else. */
export function parseAllowance(text: string): Allowance | undefined {
  const [, number, percent] = /^(\d{1,9})(%?)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  if (!percent) return { count: Number(number) };
  return Number(number) <= 100 ? { percent: Number(number) } : undefined;
}
