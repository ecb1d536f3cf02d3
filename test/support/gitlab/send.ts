/** Writes answers, with the faults that change how they leave. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from './answer.ts';
import type { Fault } from './faults.ts';

export async function send(
  response: ServerResponse,
  answer: Answer,
  faults: readonly Fault[],
  signal: AbortSignal,
): Promise<void> {
  const { status, headers, body } = answer;
  const whole = typeof body === 'string' || Buffer.isBuffer(body);
  const length =
    whole && status !== 204 && status !== 304 ? { 'content-length': Buffer.byteLength(body) } : {};
  response.writeHead(status, { ...length, ...headers });
  let left = limitOf(faults, 'cutAfter') ?? Number.POSITIVE_INFINITY;
  const rate = limitOf(faults, 'bytesPerSecond');
  const chunks: Iterable<string | Buffer> | AsyncIterable<Buffer> = whole ? [body] : body;
  for await (const chunk of chunks) {
    for (const part of sliced(Buffer.from(chunk), rate)) {
      const kept = part.subarray(0, left);
      left -= part.length;
      if (left < 0) {
        // What was written so far leaves, then the connection ends in the middle.
        response.write(kept, () => response.socket?.destroySoon());
        return;
      }
      if (kept.length > 0 && !response.write(kept)) await once(response, 'drain', { signal });
      if (rate !== undefined) await delay(1000 / SLICES, undefined, { signal });
    }
  }
  response.end();
}

const SLICES = 20;

function* sliced(chunk: Buffer, rate: number | undefined): Generator<Buffer> {
  const size = rate === undefined ? chunk.length : Math.max(1, Math.floor(rate / SLICES));
  for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
}

function limitOf(faults: readonly Fault[], name: 'cutAfter' | 'bytesPerSecond'): number | undefined {
  for (const fault of faults) {
    if (typeof fault === 'object' && name in fault) return (fault as Record<string, number>)[name];
  }
  return undefined;
}
