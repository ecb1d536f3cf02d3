import type { IncomingMessage } from 'node:http';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type HttpRequest,
  HttpRequestSchema,
  HttpResponseSchema,
} from '../../../core/grpc/generated/http_pb.ts';
import { nestedPrefix } from '../../../core/grpc/nested-bytes.ts';
import { valuesOf } from '../../../core/grpc/values.ts';
import { ProtocolError } from '../kas-failure.ts';
import { isOfConnection } from './connection-headers.ts';

export type RequestPart = Exclude<HttpRequest['message'], { case: undefined }>;

/** What may follow what; the stream may end after a trailer, and after upgraded data. */
const NEXT: Record<RequestPart['case'] | 'start', readonly RequestPart['case'][]> = {
  start: ['header'],
  header: ['data', 'trailer'],
  data: ['data', 'trailer'],
  trailer: ['upgradeData'],
  upgradeData: ['upgradeData'],
};

/** What is asked, in its order. Rejects with ProtocolError for any other. */
export async function* requestParts(messages: AsyncIterable<Uint8Array>): AsyncGenerator<RequestPart> {
  let last: RequestPart['case'] | 'start' = 'start';
  for await (const bytes of messages) {
    const { message } = decode(bytes);
    if (message.case === undefined || !NEXT[last].includes(message.case))
      throw new ProtocolError(`a request has ${message.case ?? 'nothing'} after ${last}`);
    last = message.case;
    yield message;
  }
  if (last !== 'trailer' && last !== 'upgradeData') throw new ProtocolError(`a request ends after ${last}`);
}

function decode(bytes: Uint8Array): HttpRequest {
  try {
    return fromBinary(HttpRequestSchema, bytes);
  } catch {
    throw new ProtocolError('a request has what is no message');
  }
}

function encode(message: NonNullable<MessageInitShape<typeof HttpResponseSchema>['message']>): Uint8Array {
  return toBinary(HttpResponseSchema, create(HttpResponseSchema, { message }));
}

/** The first message of an answer. Of an upgrade it says to what. */
export function headerMessage({
  statusCode = 0,
  statusMessage = '',
  rawHeaders,
}: IncomingMessage): Uint8Array {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    pairs.push([rawHeaders[index]!, rawHeaders[index + 1]!]);
  const isOfThis = isOfConnection(pairs);
  const upgrade = statusCode === 101 && pairs.find(([name]) => /^upgrade$/i.test(name));
  const kept = pairs.filter(([name]) => !isOfThis(name.toLowerCase()));
  if (upgrade) kept.push(['Connection', 'Upgrade'], ['Upgrade', upgrade[1]]);
  return encode({
    case: 'header',
    value: {
      response: {
        statusCode,
        status: `${statusCode} ${statusMessage}`.trim(),
        header: valuesOf(kept.map(([name, value]) => [name, utf8(value)])),
      },
    },
  });
}

/** Node reads a byte as a character; the text of a message is UTF-8. */
function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

const DATA = {
  data: [HttpResponseSchema.field.data.number, 1],
  upgradeData: [HttpResponseSchema.field.upgradeData.number, 1],
};

/** A message with these bytes, in pieces: they are not copied. */
export function dataMessage(kind: 'data' | 'upgradeData', data: Uint8Array): Uint8Array[] {
  return [nestedPrefix(DATA[kind], data.length), data];
}

export function trailerMessage(): Uint8Array {
  return encode({ case: 'trailer', value: {} });
}
