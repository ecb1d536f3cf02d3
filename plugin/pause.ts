/**
 * Waits until the time is over (in ms), the signal ends, or somebody wakes it: `arm` is given how. Never rejects, and
 * leaves nothing behind at the signal, however often it is called.
 */
export async function pause(ms: number, signal: AbortSignal, arm: (wake: () => void) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const timer = setTimeout(wake, Math.max(0, ms));
  signal.addEventListener('abort', wake, { once: true });
  arm(wake);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}
