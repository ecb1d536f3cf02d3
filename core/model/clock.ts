/** Time as an argument. */
export interface Clock {
  /** The wall clock, in ms since 1970. */
  now(): number;
  /** Waits; rejects with the reason of `signal`, or of a signal that ends everything at once. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
