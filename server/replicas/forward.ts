import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import { writeTo } from '../../core/daemon/write-to.ts';
import type { CarryOptions } from '../kubernetes-api/carry.ts';
import type { Route } from '../kubernetes-api/routes.ts';
import { LostError, NotBegunError } from '../tunnels/tunnel.ts';
import { type Hop, hopHeaders, NO_TUNNEL } from './hop.ts';

export interface ForwardOptions {
  /** Of the other replica. */
  url: URL;
  agent: http.Agent;
  agentId: bigint;
  /** The secret of all replicas. */
  key: () => Promise<Uint8Array>;
  random: () => number;
  now: () => number;
}

/** In ms. */
const CONNECT_TIMEOUT = 3_000;
const DROPPED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'via']);

/** By a tunnel that another replica has. */
export function forwardRoute(options: ForwardOptions): Route {
  return async (carried) => {
    const request = await begin(options, carried);
    const { head, signal } = carried;
    const cut = (): void => void request.destroy();
    signal.addEventListener('abort', cut, { once: true });
    try {
      const isUpgrade = head.headers.some(([name]) => name === 'upgrade');
      const hasBody = head.contentLength !== undefined;
      const answered = answerOf(request);
      const answer = await (hasBody ? Promise.race([answered, continued(request)]) : answered);
      if (answer === 'continue') {
        sendBody(request, carried).catch(() => request.destroy());
        await takeAnswer(await answered, carried);
      } else if ('socket' in answer) {
        if (!isUpgrade) {
          answer.socket.destroy();
          throw new ConnectError('nobody asked for an upgrade', Code.Internal);
        }
        await takeUpgraded(answer, carried);
      } else await takeAnswer(answer, carried);
    } catch (error) {
      request.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', cut);
    }
  };
}

/** Nothing of the body goes out before the other replica has a tunnel for it. */
async function begin(
  { url, agent, agentId, key, random, now }: ForwardOptions,
  { head, impersonation }: CarryOptions,
) {
  const query = new URLSearchParams(head.query).toString();
  const path = head.path.split('/').map(encodeURIComponent).join('/') + (query && `?${query}`);
  const hop: Hop = { agentId, ...(impersonation && { impersonation }) };
  const signed = hopHeaders(hop, {
    ...{ replica: url.origin, method: head.method, url: path },
    ...{ key: await key(), now: now(), nonce: String(random()) },
  });
  const headers = [...head.headers.filter(([name]) => name !== 'via'), ...signed, ['host', url.host]];
  if (head.contentLength !== undefined) {
    headers.push(['expect', '100-continue']);
    headers.push(
      head.contentLength < 0
        ? ['transfer-encoding', 'chunked']
        : ['content-length', String(head.contentLength)],
    );
  }
  const request = (url.protocol === 'https:' ? https : http).request({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    method: head.method,
    path,
    headers: headers.flat(),
    agent,
    timeout: CONNECT_TIMEOUT,
  });
  // It may be given up while nobody waits for the answer.
  request.on('error', () => {});
  request.on('timeout', () => {
    if (request.socket?.connecting) request.destroy();
  });
  request.flushHeaders();
  if (head.contentLength === undefined) request.end();
  return request;
}

interface Upgraded {
  response: IncomingMessage;
  socket: Duplex;
  first: Buffer;
}

function answerOf(request: ClientRequest): Promise<{ response: IncomingMessage } | Upgraded> {
  return new Promise((resolve, reject) => {
    let isSent = false;
    request.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => (isSent = true));
      else isSent = true;
    });
    request.once('error', (error) =>
      reject(
        isSent
          ? new LostError('the connection to another replica was lost', { cause: error })
          : new NotBegunError(),
      ),
    );
    request.once('upgrade', (response, socket, first) => resolve({ response, socket, first }));
    request.once('response', (response) => {
      if (response.headers[NO_TUNNEL] === undefined) return resolve({ response });
      response.resume();
      reject(new NotBegunError());
    });
  });
}

function continued(request: ClientRequest): Promise<'continue'> {
  return new Promise((resolve) => request.once('continue', () => resolve('continue')));
}

async function sendBody(request: ClientRequest, { body, traffic }: CarryOptions): Promise<void> {
  for await (const chunk of body.read()) {
    traffic.received += chunk.length;
    await writeTo(request, chunk, left);
  }
  request.end();
}

function left(): ConnectError {
  return new ConnectError('the other replica has left', Code.Canceled);
}

async function takeAnswer({ response }: { response: IncomingMessage }, carried: CarryOptions): Promise<void> {
  const { answering, traffic } = carried;
  traffic.status = response.statusCode!;
  answering.head({ status: response.statusCode!, headers: headersOf(response) });
  await take(response, carried);
  answering.end();
}

async function takeUpgraded({ response, socket, first }: Upgraded, carried: CarryOptions): Promise<void> {
  const { answering, body, traffic } = carried;
  socket.on('error', () => {});
  traffic.status = 101;
  answering.head({ status: 101, headers: headersOf(response) });
  if (first.length > 0) socket.unshift(first);
  const sending = async (): Promise<void> => {
    for await (const chunk of body.read()) {
      traffic.received += chunk.length;
      await writeTo(socket, chunk, left);
    }
    socket.end();
  };
  sending().catch(() => socket.destroy());
  await take(socket, carried);
  answering.end();
}

async function take(stream: AsyncIterable<Buffer>, { answering, traffic }: CarryOptions): Promise<void> {
  try {
    for await (const chunk of stream) {
      traffic.sent += chunk.length;
      await answering.write(chunk);
    }
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    throw new LostError('the connection to another replica was lost', { cause: error });
  }
}

function headersOf({ rawHeaders }: IncomingMessage): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    if (!DROPPED.has(rawHeaders[index]!.toLowerCase())) kept.push(rawHeaders[index]!, rawHeaders[index + 1]!);
  kept.push('Via', '1.1 gitlab-agent-server');
  return kept;
}
