import type { ClientHttp2Stream } from 'node:http2';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { pause } from '../../../core/daemon/time.ts';
import { type ConnectResponse, ReverseTunnel } from '../../../core/grpc/generated/reverse_tunnel_pb.ts';
import { oneLine } from '../../../core/report/escape.ts';
import type { Kas } from '../connect-kas.ts';
import { ProtocolError } from '../kas-failure.ts';
import { Outgoing, type Said } from './outgoing.ts';

/** A call that came by a tunnel. Messages are the bytes of the called method's. */
export interface TunnelCall {
  /** Once. Rejects with ProtocolError, or where the caller leaves. */
  messages: AsyncIterable<Uint8Array>;
  /**
   * Sends a message, which may be given in several pieces. Resolves once there may be more: the one before has been
   * sent. The pieces must not change any more.
   */
  send(...pieces: Uint8Array[]): Promise<void>;
  /** Aborted when the caller leaves, or the agent ends. */
  signal: AbortSignal;
}

/** Answers a call; rejects with ConnectError where it can't. */
export type Method = (call: TunnelCall) => Promise<void>;

export interface TunnelOptions {
  kas: Kas;
  /** By `/PACKAGE.SERVICE/METHOD`. */
  methods: ReadonlyMap<string, Method>;
  /** Takes the tunnel back where it has no call. */
  retire: AbortSignal;
  /** Ends it, whatever it does. */
  cut: AbortSignal;
  onCall: () => void;
}

/** How long a server may take to end a tunnel after the agent has, in ms. */
const FAREWELL = 500;
const MOST_CHARACTERS = 1_000;

/**
 * Opens one tunnel, waits for its call and answers it. Resolves to whether there was one. Rejects with ConnectError
 * where the server can't be reached or refuses, and with ProtocolError for a call that breaks the protocol.
 */
export async function openTunnel({ kas, methods, retire, cut, onCall }: TunnelOptions): Promise<boolean> {
  const outgoing = new Outgoing();
  const call = new AbortController();
  const ended = new AbortController();
  const end = (error: Error): void => {
    call.abort(error);
    outgoing.messages.cut(error);
    ended.abort(error);
  };
  const onCut = (): void => end(new ConnectError('the agent ends', Code.Canceled));
  let state: 'idle' | 'called' | 'answered' = 'idle';
  const over = Promise.withResolvers<void>();
  const onOver = (): void => {
    over.resolve();
    if (state !== 'called') return;
    const error = new ConnectError('the caller has left', Code.Canceled);
    call.abort(error);
    outgoing.messages.cut(error);
  };
  const onStream = (stream: ClientHttp2Stream): void => {
    outgoing.use(stream);
    for (const event of ['trailers', 'close'] as const) stream.once(event, onOver);
  };
  const onRetire = (): void => {
    if (state !== 'idle') return;
    outgoing.messages.end();
    void pause(FAREWELL, ended.signal).then(() => end(new ConnectError('not needed', Code.Canceled)));
  };
  if (cut.aborted) return false;
  cut.addEventListener('abort', onCut, { once: true });
  retire.addEventListener('abort', onRetire, { once: true });
  try {
    await outgoing.say(descriptorOf(methods.keys()));
    if (retire.aborted) return false;
    const client = createClient(ReverseTunnel, kas.watched(onStream));
    const responses = client.connect(outgoing.messages, { signal: ended.signal })[Symbol.asyncIterator]();
    let first: IteratorResult<ConnectResponse>;
    try {
      first = await responses.next();
    } catch (error) {
      if (retire.aborted || cut.aborted) return false;
      throw error;
    }
    // What has been taken back can't be answered by: the server sees that, and asks by another tunnel.
    if (first.done || retire.aborted) return false;
    const { msg } = first.value;
    if (msg.case !== 'requestInfo') {
      throw new ProtocolError(`a tunnel begins with ${msg.case ?? 'nothing'}`);
    }
    state = 'called';
    onCall();
    const { signal } = call;
    const failure = await answer(msg.value.methodName, { methods, responses, outgoing, signal });
    state = 'answered';
    outgoing.messages.end();
    if (!signal.aborted) await Promise.race([over.promise, pause(FAREWELL * 10, ended.signal)]);
    if (failure) throw failure;
    return true;
  } finally {
    cut.removeEventListener('abort', onCut);
    retire.removeEventListener('abort', onRetire);
    end(new ConnectError('the tunnel has ended', Code.Canceled));
  }
}

interface Answering {
  methods: TunnelOptions['methods'];
  responses: AsyncIterator<ConnectResponse>;
  outgoing: Outgoing;
  signal: AbortSignal;
}

/** Answers one call with a header, messages and a trailer, or an error. Resolves to what went wrong beyond the call. */
async function answer(name: string, { methods, responses, outgoing, signal }: Answering): Promise<unknown> {
  let fault: unknown;
  let hasBegun = false;
  const begin = async (): Promise<void> => {
    if (!hasBegun) await outgoing.say({ case: 'header', value: {} });
    hasBegun = true;
  };
  try {
    try {
      const method = methods.get(name);
      if (!method)
        throw new ConnectError(`unknown method ${oneLine(name).slice(0, 200)}`, Code.Unimplemented);
      await method({
        messages: messagesOf(responses, (error) => {
          fault = error;
        }),
        send: async (...pieces) => {
          await begin();
          await outgoing.sayBytes(pieces);
        },
        signal,
      });
      await begin();
      await outgoing.say({ case: 'trailer', value: {} });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectError)) fault ??= error;
      const { code, message } = statusOf(error);
      // After a header only the trailer may be followed by an error.
      if (hasBegun) await outgoing.say({ case: 'trailer', value: {} });
      await outgoing.say({ case: 'error', value: { status: { code, message } } });
    }
    await outgoing.flushed();
  } catch (error) {
    // The caller has left: there is nobody to answer.
    if (!signal.aborted) throw error;
  }
  return fault;
}

function statusOf(error: unknown): { code: Code; message: string } {
  if (error instanceof ProtocolError)
    return { code: Code.InvalidArgument, message: `out of order: ${error.message}` };
  if (!(error instanceof ConnectError)) return { code: Code.Internal, message: 'internal error' };
  return { code: error.code, message: oneLine(error.rawMessage).slice(0, MOST_CHARACTERS) };
}

/** gRPC's library says so of messages that are too large, or none. */
const BROKEN: readonly Code[] = [Code.ResourceExhausted, Code.InvalidArgument];

async function* messagesOf(
  responses: AsyncIterator<ConnectResponse>,
  onFault: (error: ProtocolError) => void,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    let next: IteratorResult<ConnectResponse>;
    try {
      next = await responses.next();
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      if (BROKEN.includes(code)) onFault(new ProtocolError(rawMessage));
      throw error;
    }
    if (next.done) throw new ConnectError('the caller has left', Code.Canceled);
    const { msg } = next.value;
    if (msg.case === 'closeSend') return;
    if (msg.case !== 'message') throw new ProtocolError(`a call goes on with ${msg.case ?? 'nothing'}`);
    yield msg.value.data;
  }
}

function descriptorOf(methods: Iterable<string>): Said {
  const services = new Map<string, { name: string }[]>();
  for (const method of methods) {
    const [, service = '', name = ''] = method.split('/');
    services.set(service, [...(services.get(service) ?? []), { name }]);
  }
  const described = [...services].map(([name, ofIt]) => ({ name, methods: ofIt }));
  return { case: 'descriptor', value: { agentDescriptor: { services: described } } };
}
