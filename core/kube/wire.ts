import type { ClientRequest, IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type Json, parseJson } from '../model/json.ts';
import { WireError } from './connection-failure.ts';
import type { Endpoint } from './endpoint.ts';
import type { Reply } from './failure.ts';

const unzip = promisify(gunzip);
/** How much of an answer that is not JSON is kept to word the failure. */
const TEXT_KEPT = 4096;

export interface WireRequest {
  method: string;
  /** Below the server, with its query. */
  path: string;
  headers: Readonly<Record<string, string | readonly string[]>>;
  body?: Buffer;
  /** Whether a success is text to be kept whole, such as a log: a line of it may look like JSON. */
  text?: boolean;
}

export interface WireLimits {
  /** Milliseconds for the whole exchange; 0 is no limit. */
  timeout: number;
  /** Bytes of the answer's body, compressed and not. */
  maxBytes: number;
}

/** A reply with what logs want of it. `size` is in bytes as received. */
export interface WireReply extends Reply {
  size: number;
}

/**
 * Sends one request and reads its answer whole. `underWay` gets the request while it lasts, so that the caller can
 * destroy it. Rejects with WireError or with an error of Node's sockets; an answer of any status is no error.
 */
export async function exchange(
  endpoint: Endpoint,
  request: WireRequest,
  limits: WireLimits,
  underWay: Set<ClientRequest>,
): Promise<WireReply> {
  const { message, bytes } = await receive(endpoint, request, limits, underWay);
  return toReply(message, bytes, limits.maxBytes, request.text);
}

/** Makes a reply of an answer that was read whole. */
export async function toReply(
  { statusCode: status = 0, headers }: IncomingMessage,
  bytes: Buffer,
  maxBytes: number,
  isText = false,
): Promise<WireReply> {
  const plain = await decode(headers['content-encoding'], bytes, maxBytes);
  const body = isText && status === 200 ? { text: plain.toString('utf8') } : readBody(plain, status);
  return { status, headers, body, size: bytes.length };
}

/** Sends a request; what comes of it is in its events. */
export function start(endpoint: Endpoint, { method, path, headers, body }: WireRequest): ClientRequest {
  const request = endpoint.request({
    ...endpoint.options,
    method,
    path: endpoint.pathPrefix + path,
    headers: {
      ...endpoint.headers,
      ...headers,
      ...(body ? { 'content-length': String(body.length) } : {}),
    },
  });
  request.end(body);
  return request;
}

/** How a timeout (in ms) is worded. */
export function overdue(timeout: number): WireError {
  return new WireError('Timeout', `no answer within ${Math.round(timeout / 100) / 10} seconds`);
}

function receive(
  endpoint: Endpoint,
  wire: WireRequest,
  { timeout, maxBytes }: WireLimits,
  underWay: Set<ClientRequest>,
): Promise<{ message: IncomingMessage; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = start(endpoint, wire);
    underWay.add(request);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      underWay.delete(request);
      request.destroy();
      reject(error);
    };
    const timer = timeout > 0 ? setTimeout(() => fail(overdue(timeout)), timeout) : undefined;
    request.on('error', fail);
    request.on('response', (message) => {
      const chunks: Buffer[] = [];
      let size = 0;
      message.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) fail(tooLarge(maxBytes));
        else chunks.push(chunk);
      });
      message.on('error', fail);
      message.on('end', () => {
        clearTimeout(timer);
        underWay.delete(request);
        resolve({ message, bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) });
      });
    });
  });
}

async function decode(encoding: string | undefined, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity' || bytes.length === 0) return bytes;
  if (encoding !== 'gzip')
    throw new WireError('NotJson', `the answer is compressed by ${encoding}, which was not asked for`);
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new WireError('Truncated', 'the compressed answer is damaged');
  }
}

// Errors quote no part of the body: it may hold a Secret.
function readBody(bytes: Buffer, status: number): { json: Json } | { text: string } {
  const first = bytes.find((byte) => byte > 0x20);
  const looksLikeJson = first === 0x7b || first === 0x5b;
  if (!looksLikeJson) return { text: bytes.toString('utf8', 0, TEXT_KEPT) };
  try {
    return { json: parseJson(bytes.toString('utf8')) };
  } catch {
    throw new WireError('Truncated', `the answer (${status}) is not complete JSON`);
  }
}

function tooLarge(maxBytes: number): WireError {
  return new WireError('TooLarge', `the answer is larger than ${Math.round(maxBytes / 2 ** 20)} MiB`);
}
