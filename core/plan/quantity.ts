import type { Json } from '../model/json.ts';

// Suffixes of apimachinery's resource.Quantity, as powers of ten or two.
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/;

/** Whether two spellings are one Kubernetes quantity: `1000m` and `1`, `0.5Gi` and `512Mi`. */
export function sameQuantity(a: Json, b: Json): boolean {
  const [left, right] = [scaled(a), scaled(b)];
  return left !== undefined && left === right;
}

/** The value in units of 10^-27, exactly; undefined where it is no quantity. */
function scaled(value: Json): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const match = QUANTITY.exec(String(value));
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const power = (exponent ? Number(exponent.slice(1)) : (DECIMAL[suffix] ?? 0)) + 27 - fraction.length;
  if (power < 0 || power > 200) return undefined;
  const digits = BigInt(whole + fraction) * 10n ** BigInt(power) * 2n ** BigInt(BINARY[suffix] ?? 0);
  return sign === '-' ? -digits : digits;
}
