import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { HttpResponse_Header } from '../../core/grpc/generated/http_pb.ts';
import { pairsOf } from '../../core/grpc/values.ts';

export interface ResponseHead {
  status: number;
  /** Names and values by turns, as Node takes them; of the connection there are none. */
  headers: string[];
  /** Of the body, in bytes; undefined where nobody says it. */
  contentLength?: number;
}

const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  // Of a site of the server's, which has none.
  ...['set-cookie', 'strict-transport-security', 'alt-svc'],
]);
const DROPPED_PREFIXES = ['access-control-', 'gitlab-'];
/** Of all names and values. */
const MOST_CHARACTERS = 64 * 1024;

/**
 * What the cluster answers, as a person's connection may have it. Throws ConnectError for what is no answer, or more than
 * one: behind a proxy the second one would be somebody else's.
 */
export function readResponseHead({ response }: HttpResponse_Header, isUpgrade: boolean): ResponseHead {
  const status = response?.statusCode ?? 0;
  if (status < 100 || status > 599) throw broken('the agent answers without a status');
  if (status === 101 && !isUpgrade) throw broken('nobody asked for an upgrade');
  if (status < 200 && status !== 101) throw broken('the agent answers with what is no final answer');
  const headers: string[] = [];
  const lengths = new Set<string>();
  let size = 0;
  for (const [name, value] of pairsOf(response!.header)) {
    const lower = name.toLowerCase();
    size += name.length + value.length;
    if (size > MOST_CHARACTERS) throw broken('the headers of the answer are too large');
    if (DROPPED.has(lower) || DROPPED_PREFIXES.some((start) => lower.startsWith(start))) continue;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw broken('the agent answers with a header that is none');
    }
    if (lower === 'content-length') lengths.add(value);
    else headers.push(name, value);
  }
  headers.push('Via', '1.1 gitlab-agent-server');
  const [length] = lengths;
  if (length === undefined || status === 101) return { status, headers };
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length))
    throw broken('the agent answers with a length of the body that is none');
  return { status, headers: ['Content-Length', length, ...headers], contentLength: Number(length) };
}

/** Of a body as it is sent: an answer to HEAD, and those that never have one, say how long it would be. */
export function sentLength({ status, contentLength }: ResponseHead, method: string): number {
  const hasNone = method === 'HEAD' || status === 204 || status === 304;
  return hasNone ? Number.POSITIVE_INFINITY : (contentLength ?? Number.POSITIVE_INFINITY);
}

function broken(message: string): ConnectError {
  return new ConnectError(message, Code.Internal);
}
