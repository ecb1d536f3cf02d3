import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { HttpResponse_Header } from '../../core/grpc/generated/http_pb.ts';
import { pairsOf } from '../../core/grpc/values.ts';

export interface ResponseHead {
  status: number;
  /** Names and values by turns, as Node takes them; of the connection there are none. */
  headers: string[];
}

const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  // Of a site of the server's, which has none.
  ...['set-cookie', 'strict-transport-security', 'alt-svc'],
]);
const DROPPED_PREFIXES = ['access-control-', 'gitlab-'];
/** Of all names and values. */
const MOST_CHARACTERS = 64 * 1024;

/** What the cluster answers, as a person's connection may have it. Throws ConnectError for what is no answer. */
export function readResponseHead({ response }: HttpResponse_Header): ResponseHead {
  const status = response?.statusCode ?? 0;
  if (status < 100 || status > 599) throw broken('the agent answers without a status');
  const headers: string[] = [];
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
    headers.push(name, value);
  }
  headers.push('Via', '1.1 gitlab-agent-server');
  return { status, headers };
}

function broken(message: string): ConnectError {
  return new ConnectError(message, Code.Internal);
}
