import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  type Descriptor,
} from '../../core/grpc/generated/reverse_tunnel_pb.ts';
import { Handover } from '../../core/grpc/handover.ts';
import { oneLine } from '../../core/report/escape.ts';

/** One call through a tunnel: what is sent and received are the bytes of the called method's messages. */
export interface TunnelCall {
  /** Resolves once the agent may be sent more. Rejects with ConnectError where the call has ended. */
  send(message: Uint8Array): Promise<void>;
  /** There is nothing more to send. */
  closeSend(): Promise<void>;
  /** What the agent answers; once. Rejects with ConnectError where the call fails, LostError or NotBegunError. */
  receive(): AsyncGenerator<Uint8Array>;
  /** Ends it, wherever it is: the agent learns it at once. */
  cancel(): void;
}

/** The agent took its tunnel back before it saw the call: it can be made again by another tunnel. */
export class NotBegunError extends Error {}

/** The connection was lost: nobody knows how far the call has come. */
export class LostError extends Error {}

/** What an agent may not say at that moment. */
function outOfOrder(what: string): ConnectError {
  return new ConnectError(`out of order: ${what}`, Code.InvalidArgument);
}

export interface TunnelHooks {
  /** The agent takes it back before there was a call. */
  onIdleEnd: () => void;
  /** Ends its stream at once. */
  reset: () => void;
}

/** One stream that an agent has opened, and that waits for one call. */
export class Tunnel {
  readonly #requests: AsyncIterator<ConnectRequest>;
  readonly #responses = new Handover<ConnectResponse>();
  readonly #methods: ReadonlySet<string>;
  readonly #hooks: TunnelHooks;
  /** What the agent says first, asked for at once: until there is a call it has nothing to say. */
  readonly #first: Promise<IteratorResult<ConnectRequest>>;
  #isCalled = false;

  constructor(descriptor: Descriptor, requests: AsyncIterator<ConnectRequest>, hooks: TunnelHooks) {
    this.#requests = requests;
    this.#methods = methodsOf(descriptor);
    this.#hooks = hooks;
    this.#first = requests.next();
    this.#first.then(
      ({ done }) => {
        if (!this.#isCalled) this.#endIdle(done ? undefined : outOfOrder('there is no call to answer'));
      },
      () => this.#endIdle(),
    );
  }

  /** What the agent is sent, until the tunnel ends. */
  get responses(): AsyncIterable<ConnectResponse> {
    return this.#responses;
  }

  /** `/PACKAGE.SERVICE/METHOD` */
  serves(method: string): boolean {
    return this.#methods.has(method);
  }

  /** Ends it in order where there is no call. */
  endIdle(): void {
    if (!this.#isCalled) this.#endIdle();
  }

  /** Ends it, whatever it does. */
  cut(error: ConnectError): void {
    this.#endIdle(error);
  }

  /** Once. */
  call(method: string): TunnelCall {
    this.#isCalled = true;
    const responses = this.#responses;
    const begun = responses.put(
      create(ConnectResponseSchema, {
        msg: { case: 'requestInfo', value: { methodName: method, meta: {} } },
      }),
    );
    begun.catch(() => {});
    return {
      send: async (data) => {
        await begun;
        await responses.put(create(ConnectResponseSchema, { msg: { case: 'message', value: { data } } }));
      },
      closeSend: async () => {
        await begun;
        await responses.put(create(ConnectResponseSchema, { msg: { case: 'closeSend', value: {} } }));
      },
      receive: () => this.#answers(),
      cancel: () => {
        responses.end(new ConnectError('the caller has left', Code.Canceled));
        // What the agent does not take would keep it from being told.
        if (responses.isUnderWay) this.#hooks.reset();
      },
    };
  }

  #endIdle(error?: ConnectError): void {
    this.#hooks.onIdleEnd();
    this.#responses.end(error);
  }

  async #read<T>(next: Promise<T>): Promise<T> {
    try {
      return await next;
    } catch (error) {
      throw new LostError('the connection to the agent was lost', { cause: error });
    }
  }

  async *#answers(): AsyncGenerator<Uint8Array> {
    let expected: 'header' | 'message' = 'header';
    try {
      for (;;) {
        const { done, value } = await this.#read(expected === 'header' ? this.#first : this.#requests.next());
        if (done)
          throw expected === 'header'
            ? new NotBegunError()
            : new LostError('the agent has cut off its answer');
        const { msg } = value;
        if (msg.case === 'error') throw errorOf(msg.value.status);
        if (expected === 'header') {
          if (msg.case !== 'header') throw outOfOrder('the answer has no header');
          expected = 'message';
        } else if (msg.case === 'message') yield msg.value.data;
        else if (msg.case === 'trailer') break;
        else throw outOfOrder(`${msg.case ?? 'nothing'} in an answer`);
      }
      // All is said. An error may still follow.
      const { done, value } = await this.#read(this.#requests.next());
      if (!done)
        throw value.msg.case === 'error' ? errorOf(value.msg.value.status) : outOfOrder('a second answer');
    } finally {
      this.#responses.end();
    }
  }
}

/** Of what an agent says of its failure. */
const MOST_CHARACTERS = 1_000;

/** An agent's mistake of its own making becomes no other code than gRPC's. Who somebody is is for the server to say. */
function errorOf(status: { code: number; message: string } | undefined): ConnectError {
  const { code = Code.Unknown, message = '' } = status ?? {};
  const isOne = code in Code && (code as Code) !== Code.Unauthenticated;
  return new ConnectError(oneLine(message.slice(0, MOST_CHARACTERS)), isOne ? (code as Code) : Code.Unknown);
}

/** Most services and methods that one agent names. */
const MOST_NAMES = 100;

function methodsOf({ agentDescriptor }: Descriptor): Set<string> {
  const names = (agentDescriptor?.services ?? []).flatMap(({ name, methods }) =>
    methods.map((method) => `/${name}/${method.name}`),
  );
  if (names.length > MOST_NAMES) throw new ConnectError('too many services', Code.InvalidArgument);
  return new Set(names);
}
