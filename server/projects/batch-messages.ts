import { create } from '@bufbuild/protobuf';
import {
  type ObjectsToSynchronizeResponse,
  ObjectsToSynchronizeResponseSchema,
} from '../../core/grpc/generated/gitops_pb.ts';
import type { BatchItem } from './batch.ts';

/** What one message may carry of a file, in bytes. */
const CHUNK = 128 * 1024;

/** The messages that carry a batch. A file that is longer than one takes is several, with the same source. */
export function messagesOf(items: readonly BatchItem[]): ObjectsToSynchronizeResponse[] {
  return items.flatMap((item) => {
    if (!('data' in item)) return [objectOf(item)];
    const { source, data } = item;
    const chunks = Math.max(1, Math.ceil(data.length / CHUNK));
    return Array.from({ length: chunks }, (_, index) =>
      objectOf({ source, data: data.subarray(index * CHUNK, (index + 1) * CHUNK) }),
    );
  });
}

export function headerOf(header: {
  commitId: string;
  projectId: bigint;
  ref: string;
}): ObjectsToSynchronizeResponse {
  return create(ObjectsToSynchronizeResponseSchema, { message: { case: 'header', value: header } });
}

export function trailer(): ObjectsToSynchronizeResponse {
  return create(ObjectsToSynchronizeResponseSchema, { message: { case: 'trailer', value: {} } });
}

function objectOf(value: {
  source: string;
  data?: Uint8Array;
  link?: string;
  directory?: boolean;
}): ObjectsToSynchronizeResponse {
  return create(ObjectsToSynchronizeResponseSchema, { message: { case: 'object', value } });
}
