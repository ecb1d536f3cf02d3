import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  HttpRequestSchema,
  type HttpResponse,
  HttpResponseSchema,
} from '../../core/grpc/generated/http_pb.ts';
import { HeaderExtraSchema, type ImpersonationConfig } from '../../core/grpc/generated/kubernetes_api_pb.ts';
import { valuesOf } from '../../core/grpc/values.ts';
import type { RequestTarget } from './request-head.ts';

/** `/PACKAGE.SERVICE/METHOD` of what agents serve. */
export const MAKE_REQUEST = '/gitlab.agent.kubernetes_api.rpc.KubernetesApi/MakeRequest';
/** What one message holds at most, in bytes; gRPC's own limit is far above. */
const CHUNK = 256 * 1024;

type Message = NonNullable<MessageInitShape<typeof HttpRequestSchema>['message']>;

function encode(message: Message): Uint8Array {
  return toBinary(HttpRequestSchema, create(HttpRequestSchema, { message }));
}

/** The first message of a request. */
export function headerMessage(
  { method, path, query, headers, contentLength }: RequestTarget,
  impersonation: ImpersonationConfig | undefined,
): Uint8Array {
  const extra = create(HeaderExtraSchema, impersonation && { impConfig: impersonation });
  const header = valuesOf(headers.map(([name, value]) => [canonical(name), value]));
  const request = { method, urlPath: path, header, query: valuesOf(query) };
  return encode({
    case: 'header',
    value: {
      request,
      extra: anyPack(HeaderExtraSchema, extra),
      ...(contentLength !== undefined && { contentLength: BigInt(contentLength) }),
    },
  });
}

/** As Go writes names of headers: GitLab's agents look for `Upgrade`, and for nothing else. */
function canonical(name: string): string {
  return name.replaceAll(/(?:^|-)[a-z]/g, (first) => first.toUpperCase());
}

/** Its body, or what is sent once the connection is upgraded: as many messages as it takes. */
export function* dataMessages(kind: 'data' | 'upgradeData', data: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < data.length; from += CHUNK)
    yield encode({ case: kind, value: { data: data.subarray(from, from + CHUNK) } });
}

/** There is no more of the body. */
export function trailerMessage(): Uint8Array {
  return encode({ case: 'trailer', value: {} });
}

type Part = Exclude<HttpResponse['message'], { case: undefined }>;

// What may follow what; the end of the stream where there is a trailer.
const NEXT: Record<Part['case'] | 'start', readonly Part['case'][]> = {
  start: ['header'],
  header: ['data', 'trailer'],
  data: ['data', 'trailer'],
  trailer: ['upgradeData'],
  upgradeData: ['upgradeData'],
};

/** What an agent answers, in its order. Rejects with ConnectError for any other, and where it ends too early. */
export async function* responseParts(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  let last: Part['case'] | 'start' = 'start';
  for await (const bytes of messages) {
    const { message } = decode(bytes);
    if (message.case === undefined || !NEXT[last].includes(message.case))
      throw broken(`${message.case ?? 'nothing'} after ${last}`);
    last = message.case;
    yield message;
  }
  if (last !== 'trailer' && last !== 'upgradeData') throw broken(`the end after ${last}`);
}

function decode(bytes: Uint8Array): HttpResponse {
  try {
    return fromBinary(HttpResponseSchema, bytes);
  } catch {
    throw broken('no message');
  }
}

function broken(what: string): ConnectError {
  return new ConnectError(`the agent answers out of order: ${what}`, Code.Internal);
}
