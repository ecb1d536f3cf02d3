/** The agent's end of a tunnel, one message at a time: for what no agent does that is well. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import type { ExecutionContext } from 'ava';
import type { Kas } from '../../agent/kas/connect-kas.ts';
import { HttpResponseSchema } from '../../core/grpc/generated/http_pb.ts';
import {
  type ConnectRequestSchema,
  type ConnectResponse,
  ReverseTunnel,
} from '../../core/grpc/generated/reverse_tunnel_pb.ts';
import { Handover } from '../../core/grpc/handover.ts';

type Request = MessageInitShape<typeof ConnectRequestSchema>['msg'];
type Response = NonNullable<MessageInitShape<typeof HttpResponseSchema>['message']>;

const DESCRIPTOR: Request = {
  case: 'descriptor',
  value: {
    agentDescriptor: {
      services: [
        { name: 'gitlab.agent.kubernetes_api.rpc.KubernetesApi', methods: [{ name: 'MakeRequest' }] },
      ],
    },
  },
};

export class ScriptedTunnel {
  readonly #requests = new Handover<MessageInitShape<typeof ConnectRequestSchema>>();
  /** How many messages the network has taken. */
  taken = 0;
  /** What was said so far has been taken. */
  #sent: Promise<void> = Promise.resolve();
  readonly #responses: AsyncIterator<ConnectResponse>;

  constructor(t: ExecutionContext, kas: Kas, first: Request = DESCRIPTOR) {
    // A call that never comes must not hang a run.
    t.timeout(60_000);
    const left = new AbortController();
    t.teardown(() => left.abort());
    this.#responses = createClient(ReverseTunnel, kas.transport)
      .connect(this.#requests, { signal: left.signal })
      [Symbol.asyncIterator]();
    this.send(first);
  }

  send(msg: Request): void {
    this.#sent = this.#sent
      .then(async () => {
        await this.#requests.put({ msg });
        this.taken += 1;
      })
      .catch(() => {});
  }

  /** A part of the answer of the cluster, inside a message of the tunnel. */
  answer(message: Response): void {
    const data = toBinary(HttpResponseSchema, create(HttpResponseSchema, { message }));
    this.send({ case: 'message', value: { data } });
  }

  /** The header of the call, and of the cluster's answer. */
  begin(statusCode = 200, header: Record<string, { value: string[] }> = {}): void {
    this.send({ case: 'header', value: { meta: {} } });
    this.answer({ case: 'header', value: { response: { statusCode, status: String(statusCode), header } } });
  }

  /** The end of the cluster's answer, and of the call. */
  finish(): void {
    this.answer({ case: 'trailer', value: {} });
    this.send({ case: 'trailer', value: { meta: {} } });
    this.end();
  }

  end(): void {
    this.#sent.then(() => this.#requests.end());
  }

  /** What the server says next; undefined at the end. Rejects where the server ends it with an error. */
  async next(): Promise<ConnectResponse['msg'] | undefined> {
    const { done, value } = await this.#responses.next();
    return done ? undefined : value.msg;
  }
}
