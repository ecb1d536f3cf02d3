import { Code, ConnectError, type HandlerContext, type Interceptor } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import type { Metrics } from '../metrics.ts';
import { CONNECTION } from './connection.ts';

/** Lets a call in, or throws ConnectError, before anything of its messages is received. */
export type Gate = (context: HandlerContext) => Promise<void>;

/** As `observeCalls`, for those that were not let in. */
export function observeGate(metrics: Metrics, log: Log, gate: Gate): Gate {
  return async (context) => {
    const end = ending(metrics, log, context, context.values.get(CONNECTION).address);
    await gate(context).catch((error: unknown) => {
      throw end(error);
    });
  };
}

/**
 * Counts calls by how they ended, and logs those that failed. What is no ConnectError is a mistake of ours: the agent
 * is told no more than that.
 */
export function observeCalls(metrics: Metrics, log: Log): Interceptor {
  return (next) => async (request) => {
    const end = ending(metrics, log, request, request.contextValues.get(CONNECTION).address);
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

type End = (error?: unknown) => unknown;

/** What is to be called when the call ends, with its failure; returns what the peer is told. */
function ending(
  metrics: Metrics,
  log: Log,
  { service, method: { name }, signal }: Pick<HandlerContext, 'service' | 'method' | 'signal'>,
  address: string,
): End {
  const method = `${service.typeName}/${name}`;
  return (error) => {
    // The peer left, which is how streams end.
    if (error !== undefined && signal.aborted) {
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
}

async function* watched<T>(messages: AsyncIterable<T>, end: End): AsyncGenerator<T> {
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
