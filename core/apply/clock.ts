import type { Clock } from '../model/clock.ts';

export type { Clock };

/** How long to go on asking, in ms, all with doubling pauses. */
interface Patience {
  first: number;
  longest: number;
  total: number;
}

/** Asks until there is an answer; undefined where the time is over. The last question comes at its end. */
export async function poll<T>(
  clock: Clock,
  { first, longest, total }: Patience,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = clock.now() + total;
  for (let pause = first; ; pause = Math.min(pause * 2, longest)) {
    const answer = await ask();
    const left = end - clock.now();
    if (answer !== undefined || left <= 0) return answer;
    await clock.sleep(Math.min(pause, left));
  }
}
