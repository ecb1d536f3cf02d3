import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuse, type Visit } from './access-port.ts';
import { answerTo, answerToUpgrade, type CarryOptions, type Traffic } from './carry.ts';
import { type Refusal, statusAnswer } from './refusal.ts';
import { ReplayedBody } from './replayed-body.ts';
import type { RequestTarget } from './request-head.ts';

/** Where the answer goes, and where the body comes from. */
export function endsOf(
  request: IncomingMessage,
  to: Visit['to'],
  head: Pick<RequestTarget, 'headers'>,
): Pick<CarryOptions, 'answering' | 'body'> {
  if ('response' in to)
    return {
      answering: answerTo(request, to.response),
      body: new ReplayedBody(bodyOf(request, to.response)),
    };
  const { socket, first } = to;
  if (first.length > 0) socket.unshift(first);
  const [, protocol] = head.headers.find(([name]) => name === 'upgrade')!;
  return { answering: answerToUpgrade(socket, protocol), body: new ReplayedBody(socket) };
}

/** A client that asks first is told to go on once somebody wants the body. */
async function* bodyOf(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Uint8Array> {
  if (request.headers.expect !== undefined) response.writeContinue();
  yield* request;
}

/** Says why, where nothing was said yet; else the connection is cut, so that half an answer does not look like a whole one. */
export function fail(
  { to }: Visit,
  traffic: Traffic,
  refusal: Refusal,
  more: Readonly<Record<string, string>> = {},
): void {
  const isAnswered = traffic.status !== 0;
  if (!isAnswered) traffic.status = refusal.status;
  if ('socket' in to) {
    if (isAnswered) to.socket.destroy();
    else refuse(to.socket, refusal, more);
    return;
  }
  const { response } = to;
  if (isAnswered || response.headersSent || response.destroyed) return void response.destroy();
  const { headers, body } = statusAnswer(refusal, more);
  // What is left of a body that nobody reads must not be taken for the next request.
  response.writeHead(refusal.status, response.req.complete ? headers : { ...headers, connection: 'close' });
  response.end(body);
}
