import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import type { Metrics } from '../metrics.ts';
import { CONNECTION } from './connection.ts';

/**
 * Counts calls by how they ended, and logs those that failed. What is no ConnectError is a mistake of ours: the agent
 * is told no more than that.
 */
export function observeCalls(metrics: Metrics, log: Log): Interceptor {
  return (next) => async (request) => {
    const method = `${request.service.typeName}/${request.method.name}`;
    const { address } = request.contextValues.get(CONNECTION);
    const end = (error?: unknown): unknown => {
      // The peer left, which is how streams end.
      if (error !== undefined && request.signal.aborted) {
        metrics.calls.inc({ method, code: Code[Code.Canceled] });
        return error;
      }
      const failure = error === undefined ? undefined : ConnectError.from(error);
      metrics.calls.inc({ method, code: failure ? Code[failure.code] : 'Ok' });
      if (error === undefined || !failure) return undefined;
      if (error instanceof ConnectError) {
        log.info('Call failed', { method, address, code: Code[failure.code], error: failure.rawMessage });
        return error;
      }
      log.error('Unexpected', { method, error: error instanceof Error ? error.stack : String(error) });
      return new ConnectError('internal error', Code.Internal);
    };
    try {
      const response = await next(request);
      if (!response.stream) {
        end();
        return response;
      }
      return { ...response, message: watched(response.message, end) };
    } catch (error) {
      throw end(error);
    }
  };
}

async function* watched<T>(messages: AsyncIterable<T>, end: (error?: unknown) => unknown): AsyncGenerator<T> {
  let failure: unknown = LEFT;
  try {
    yield* messages;
    failure = undefined;
  } catch (error) {
    failure = error;
  } finally {
    // Whoever reads may stop, and then nothing after this runs.
    const told = end(failure);
    // biome-ignore lint/correctness/noUnsafeFinally: the failure, as the peer is told of it
    if (failure !== undefined && failure !== LEFT) throw told;
  }
}

/** The peer stopped reading. */
const LEFT = new ConnectError('the peer has left', Code.Canceled);
