import type { OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** A response before it is written, so that faults can change how it leaves. */
export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string | Buffer | Readable;
}

export function text(status: number, body: string, headers: OutgoingHttpHeaders = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain', ...headers }, body };
}

export function json(status: number, body: unknown, headers: OutgoingHttpHeaders = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
