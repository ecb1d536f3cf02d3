/** An agent server that has tunnels and nothing else, and says in them whatever a test wants. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { ExecutionContext } from 'ava';
import {
  type HttpRequest_HeaderSchema,
  HttpRequestSchema,
  type HttpResponse,
  HttpResponseSchema,
} from '../../core/grpc/generated/http_pb.ts';
import { HeaderExtraSchema } from '../../core/grpc/generated/kubernetes_api_pb.ts';
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  type Descriptor,
  ReverseTunnel,
  type Error as TunnelError,
} from '../../core/grpc/generated/reverse_tunnel_pb.ts';
import { Handover } from '../../core/grpc/handover.ts';
import { valuesOf } from '../../core/grpc/values.ts';
import { AgentPort } from '../../server/transport/agent-port.ts';
import { grpcHandler } from '../../server/transport/grpc-handler.ts';
import { waitFor } from '../support/cluster.ts';
import { quiet } from './ground.ts';

export const MAKE_REQUEST = '/gitlab.agent.kubernetes_api.rpc.KubernetesApi/MakeRequest';

type Said = NonNullable<MessageInitShape<typeof ConnectResponseSchema>['msg']>;
type Asked = NonNullable<MessageInitShape<typeof HttpRequestSchema>['message']>;

/** A tunnel of an agent's, in the hands of a test. */
export class ServerTunnel {
  readonly descriptor: Descriptor;
  readonly outgoing = new Handover<ConnectResponse>();
  /** Aborted when the agent has ended or cut its side. */
  readonly left = new AbortController();
  readonly #incoming: AsyncIterator<ConnectRequest>;
  readonly #first: Promise<IteratorResult<ConnectRequest> | { done: true; value: undefined }>;
  #isFirst = true;

  constructor(descriptor: Descriptor, incoming: AsyncIterator<ConnectRequest>) {
    this.descriptor = descriptor;
    this.#incoming = incoming;
    this.#first = incoming.next().catch(() => ({ done: true as const, value: undefined }));
    void this.#first.then(({ done }) => done && this.left.abort());
  }

  say(msg: Said): Promise<void> {
    return this.outgoing.put(create(ConnectResponseSchema, { msg }));
  }

  /** What the agent says next; undefined at the end. */
  async hear(): Promise<ConnectRequest['msg'] | undefined> {
    const { done, value } = await (this.#isFirst ? this.#first : this.#incoming.next());
    this.#isFirst = false;
    if (done) this.outgoing.end();
    return done ? undefined : value.msg;
  }

  call(methodName = MAKE_REQUEST): Promise<void> {
    return this.say({ case: 'requestInfo', value: { methodName } });
  }

  ask(message: Asked): Promise<void> {
    return this.say({ case: 'message', value: { data: encode(message) } });
  }

  /** As a server that does not want to hear any more. */
  cancel(): void {
    this.outgoing.cut(new ConnectError('the caller has left', Code.Canceled));
  }
}

export function encode(message: Asked): Uint8Array {
  return toBinary(HttpRequestSchema, create(HttpRequestSchema, { message }));
}

export interface Asking {
  method?: string;
  path: string;
  query?: [string, string][];
  headers?: [string, string][];
  body?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  contentLength?: number;
  impersonate?: {
    username: string;
    groups?: string[];
    uid?: string;
    extra?: { key: string; val: string[] }[];
  };
  extra?: NonNullable<MessageInitShape<typeof HttpRequest_HeaderSchema>['extra']>;
}

class TakenBackError extends Error {}

/** The answer to one request. */
export class Answer {
  readonly tunnel: ServerTunnel;
  status = 0;
  readonly headers = new Headers();
  #hasBegun = false;

  constructor(tunnel: ServerTunnel) {
    this.tunnel = tunnel;
  }

  /** The next message of HTTP; undefined after the trailer of the tunnel. Throws the error that came instead. */
  async next(): Promise<HttpResponse['message'] | undefined> {
    for (;;) {
      const msg = await this.tunnel.hear();
      if (msg === undefined) throw this.#hasBegun ? new Error('the tunnel was cut') : new TakenBackError();
      this.#hasBegun = true;
      if (msg.case === 'error') throw this.#failure(msg.value);
      if (msg.case === 'trailer') {
        const last = await this.tunnel.hear();
        if (last?.case === 'error') throw this.#failure(last.value);
        return undefined;
      }
      if (msg.case === 'message') return fromBinary(HttpResponseSchema, msg.value.data).message;
      if (msg.case !== 'header') throw new Error(`unexpected ${msg.case}`);
    }
  }

  /** There is nothing more to come. */
  #failure({ status }: TunnelError): ConnectError {
    this.tunnel.outgoing.end();
    return new ConnectError(status?.message ?? '', status?.code ?? Code.Unknown);
  }

  /** Data until the trailer of HTTP. */
  async *body(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = await this.next();
      if (message?.case === 'data') yield message.value.data;
      else if (message?.case === 'trailer') return;
      else throw new Error(`unexpected ${message?.case}`);
    }
  }

  /** The whole body, and that the call ends well. */
  async bytes(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.body()) chunks.push(chunk);
    const end = await this.next();
    if (end !== undefined) throw new Error(`unexpected ${end.case}`);
    return Buffer.concat(chunks);
  }

  async json(): Promise<ReturnType<typeof JSON.parse>> {
    return JSON.parse((await this.bytes()).toString());
  }
}

export class TunnelServer implements AsyncDisposable {
  readonly idle: ServerTunnel[] = [];
  /** Of all tunnels that there were. */
  opened = 0;
  /** What calls of agents are refused with. */
  refusal: ConnectError | undefined;
  readonly #streams = new Set<ServerHttp2Stream>();
  #port!: AgentPort;

  static async start(t: ExecutionContext, port = 0): Promise<TunnelServer> {
    const server = new TunnelServer();
    const serve = grpcHandler({
      routes: (router) => router.service(ReverseTunnel, { connect: (messages) => server.#connect(messages) }),
      gate: async () => {},
      interceptors: [],
      messageBytes: 16 * 2 ** 20,
    });
    server.#port = await AgentPort.open({
      address: `127.0.0.1:${port}`,
      handle: (request, response, connection) => {
        const { stream } = response;
        server.#streams.add(stream);
        stream.once('close', () => server.#streams.delete(stream));
        serve(request, response, connection);
      },
      limits: { maxAge: 3_600_000, grace: 1, pingEvery: 60_000, pingTimeout: 20_000, leastPingInterval: 1 },
      serverName: 'test',
      random: Math.random,
      log: quiet,
    });
    t.teardown(() => server[Symbol.asyncDispose]());
    return server;
  }

  get port(): number {
    return this.#port.address.port;
  }

  async *#connect(messages: AsyncIterable<ConnectRequest>): AsyncGenerator<ConnectResponse> {
    this.opened += 1;
    if (this.refusal) throw this.refusal;
    const incoming = messages[Symbol.asyncIterator]();
    const { value } = await incoming.next();
    if (value?.msg.case !== 'descriptor') throw new ConnectError('no descriptor', Code.InvalidArgument);
    const tunnel = new ServerTunnel(value.msg.value, incoming);
    this.idle.push(tunnel);
    const leave = (): void => {
      const index = this.idle.indexOf(tunnel);
      if (index < 0) return;
      this.idle.splice(index, 1);
      tunnel.outgoing.end();
    };
    tunnel.left.signal.addEventListener('abort', leave);
    try {
      yield* tunnel.outgoing;
    } finally {
      leave();
      tunnel.outgoing.cut(new Error('the agent has left'));
    }
  }

  /** The newest that waits. */
  take(): Promise<ServerTunnel> {
    return waitFor(() => this.idle.pop(), { what: 'a tunnel' });
  }

  /**
   * Asks through a tunnel as the protocol says; resolves with the header of the answer. A tunnel that the agent takes back
   * at that moment has not begun: another one is asked.
   */
  async ask(asking: Asking): Promise<Answer> {
    const answer = new Answer(this.idle.pop() ?? (await this.take()));
    await answer.tunnel.call();
    const sent = send(answer.tunnel, asking);
    sent.catch(() => {});
    const head = await answer.next().catch((error: unknown) => {
      if (error instanceof TakenBackError && asking.body === undefined) return 'again' as const;
      throw error;
    });
    if (head === 'again') return await this.ask(asking);
    if (head?.case !== 'header') throw new Error(`unexpected ${head?.case}`);
    answer.status = head.value.response!.statusCode;
    for (const [name, { value }] of Object.entries(head.value.response!.header))
      for (const one of value) answer.headers.append(name, one);
    return answer;
  }

  /** Resets all streams, whatever is under way in them. */
  reset(): void {
    for (const stream of this.#streams) stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Goes away as a process does that is killed. */
  async kill(): Promise<void> {
    await this.#port.drain(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tunnel of this.idle) tunnel.outgoing.end();
    await this.#port[Symbol.asyncDispose]();
  }
}

async function send(tunnel: ServerTunnel, asking: Asking): Promise<void> {
  const { method = 'GET', path, query = [], headers = [], body, contentLength, impersonate, extra } = asking;
  const isUpgrade = headers.some(([name]) => name.toLowerCase() === 'upgrade');
  await tunnel.ask({
    case: 'header',
    value: {
      request: {
        method,
        urlPath: path,
        query: valuesOf(query),
        header: valuesOf(headers),
      },
      ...(contentLength !== undefined && { contentLength: BigInt(contentLength) }),
      ...(extra && { extra }),
      ...(impersonate && {
        extra: anyPack(HeaderExtraSchema, create(HeaderExtraSchema, { impConfig: impersonate })),
      }),
    },
  });
  if (body) for await (const data of body) await tunnel.ask({ case: 'data', value: { data } });
  await tunnel.ask({ case: 'trailer', value: {} });
  if (!isUpgrade) await tunnel.say({ case: 'closeSend', value: {} });
}
