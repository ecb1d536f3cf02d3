import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import { writeTo } from '../../core/daemon/write-to.ts';
import type { ImpersonationConfig } from '../../core/grpc/generated/kubernetes_api_pb.ts';
import type { TunnelCall } from '../tunnels/tunnel.ts';
import { dataMessages, headerMessage, responseParts, trailerMessage } from './http-messages.ts';
import type { ReplayedBody } from './replayed-body.ts';
import type { RequestTarget } from './request-head.ts';
import { type ResponseHead, readResponseHead, sentLength } from './response-head.ts';

/** What the answer of a cluster is written to. */
export interface Answering {
  /** Once. */
  head(head: ResponseHead): void;
  /** Resolves once there may be more. Rejects where nobody reads it any more. */
  write(data: Uint8Array): Promise<void>;
  end(): void;
}

/** What is counted of a request while it is carried. */
export interface Traffic {
  status: number;
  received: number;
  sent: number;
}

export interface CarryOptions {
  head: RequestTarget;
  impersonation?: ImpersonationConfig;
  /** For an upgraded connection what comes by it. */
  body: ReplayedBody;
  answering: Answering;
  traffic: Traffic;
  /** Ends it: the person has left, or may not go on. */
  signal: AbortSignal;
}

/**
 * Carries one request through a tunnel, and its answer back. Resolves when the answer is complete. Rejects with
 * ConnectError where it is not; NotBegunError where the agent has not even seen it.
 */
export async function carry(call: TunnelCall, options: CarryOptions): Promise<void> {
  const { head, impersonation, body, answering, traffic, signal } = options;
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const isUpgrade = head.headers.some(([name]) => name === 'upgrade');
  const sending = isUpgrade
    ? sendHead(call, head, impersonation)
    : sendAll(call, { head, impersonation, body, traffic });
  // That the body did not get through shows in the answer.
  sending.catch(() => {});
  let rest = Number.POSITIVE_INFINITY;
  try {
    for await (const part of responseParts(call.receive())) {
      if (part.case === 'header') {
        const answer = readResponseHead(part.value, isUpgrade);
        rest = sentLength(answer, head.method);
        traffic.status = answer.status;
        answering.head(answer);
      } else if (part.case === 'trailer') {
        if (rest > 0 && Number.isFinite(rest)) throw otherLength();
        if (traffic.status !== 101) break;
        sending.then(() => sendUpgraded(call, body, traffic)).catch(() => call.cancel());
      } else {
        const { data } = part.value;
        rest -= data.length;
        // What is too much would be read as the next answer on that connection.
        if (rest < 0) throw otherLength();
        traffic.sent += data.length;
        await answering.write(data);
      }
    }
    answering.end();
  } finally {
    signal.removeEventListener('abort', cancel);
    call.cancel();
  }
}

function otherLength(): ConnectError {
  return new ConnectError('the agent answers with another length of the body than it says', Code.Internal);
}

async function sendHead(
  call: TunnelCall,
  head: RequestTarget,
  impersonation: ImpersonationConfig | undefined,
): Promise<void> {
  await call.send(headerMessage(head, impersonation));
  await call.send(trailerMessage());
}

async function sendAll(
  call: TunnelCall,
  {
    head,
    impersonation,
    body,
    traffic,
  }: Pick<CarryOptions, 'head' | 'body' | 'traffic'> & { impersonation: ImpersonationConfig | undefined },
): Promise<void> {
  await call.send(headerMessage(head, impersonation));
  try {
    if (head.contentLength !== undefined)
      for await (const chunk of body.read()) {
        traffic.received += chunk.length;
        for (const message of dataMessages('data', chunk)) await call.send(message);
      }
  } catch (error) {
    // Half a body must not look like a whole one.
    call.cancel();
    throw error;
  }
  await call.send(trailerMessage());
  await call.closeSend();
}

async function sendUpgraded(call: TunnelCall, body: ReplayedBody, traffic: Traffic): Promise<void> {
  for await (const chunk of body.read()) {
    traffic.received += chunk.length;
    for (const message of dataMessages('upgradeData', chunk)) await call.send(message);
  }
  await call.closeSend();
}

/** An ordinary answer. */
export function answerTo(request: IncomingMessage, response: ServerResponse): Answering {
  return {
    head: ({ status, headers }) => {
      response.writeHead(status, headers);
      // A watch has nothing to say for a long time, and its client waits for the header.
      response.flushHeaders();
    },
    write: (data) => (request.method === 'HEAD' ? Promise.resolve() : writeTo(response, data, left)),
    end: () => void response.end(),
  };
}

/** What is written to a connection that the client wants upgraded. `protocol`: to what. */
export function answerToUpgrade(socket: Duplex, protocol: string): Answering {
  return {
    head: ({ status, headers }) => {
      const own = status === 101 ? ['Connection', 'Upgrade', 'Upgrade', protocol] : ['Connection', 'close'];
      const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
      const all = [...own, ...headers];
      for (let index = 0; index < all.length; index += 2) lines.push(`${all[index]}: ${all[index + 1]}`);
      socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    },
    write: (data) => writeTo(socket, data, left),
    end: () => void socket.end(),
  };
}

function left(): ConnectError {
  return new ConnectError('the client has left', Code.Canceled);
}
