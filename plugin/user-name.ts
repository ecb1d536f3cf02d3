import { userInfo } from 'node:os';
import type { Io } from './io.ts';

/** Who runs this program. A container may run as a user who has no name. */
export function userName({ env }: Pick<Io, 'env'>): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return env.USER || undefined;
  }
}
