import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { Connections } from './connections.ts';

export interface Outgoing {
  method: 'GET' | 'POST';
  url: URL;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** More than that is an `AnswerTooLarge`. */
  maxBytes: number;
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export class AnswerTooLarge extends Error {}

/**
 * One request and its whole answer, redirects not followed. Rejects with Node's error of the connection, the
 * signal's reason, or AnswerTooLarge.
 */
export async function exchange(connections: Connections, outgoing: Outgoing): Promise<Answer> {
  const attempt = startAttempt(connections, outgoing);
  try {
    return await attempt.answer;
  } catch (error) {
    const stale = attempt.request.reusedSocket && !attempt.answered();
    if (!stale || outgoing.signal.aborted) throw error;
    // The server closed an idle connection in the moment when we used it: reading twice does no harm.
    return await startAttempt(connections, outgoing).answer;
  }
}

interface RequestAttempt {
  request: ClientRequest;
  answered: () => boolean;
  answer: Promise<Answer>;
}

function startAttempt(connections: Connections, outgoing: Outgoing): RequestAttempt {
  const { method, url, headers, body, signal } = outgoing;
  signal.throwIfAborted();
  const { request: open } = url.protocol === 'https:' ? https : http;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const request = open(url, {
    method,
    agent: connections.agentFor(url),
    headers: { ...headers, ...length },
  });
  let answered = false;
  const abort = (): void => {
    request.destroy();
    reject(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  request.on('error', reject);
  request.on('response', (response) => {
    answered = true;
    collect(response, outgoing.maxBytes).then(
      (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
      (error) => {
        request.destroy();
        reject(error);
      },
    );
  });
  request.end(body);
  const answer = promise.finally(() => signal.removeEventListener('abort', abort));
  return { request, answered: () => answered, answer };
}

async function collect(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new AnswerTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
