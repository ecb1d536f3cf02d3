import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../../core/daemon/log.ts';
import type { ApiRelay } from '../../../core/kube/api-relay.ts';
import { ProtocolError } from '../kas-failure.ts';
import { Exchange } from './exchange.ts';
import { requestParts } from './http-messages.ts';
import { readRequestHead } from './request-head.ts';
import type { Method } from './tunnel.ts';

export interface MakeRequestOptions {
  api: ApiRelay;
  log: Log;
  /** Told of each request: the status of its answer, 0 where there was none. */
  onAnswer: (status: number) => void;
}

export const MAKE_REQUEST = '/gitlab.agent.kubernetes_api.rpc.KubernetesApi/MakeRequest';

/** `KubernetesApi/MakeRequest`: one request to the API server of the agent's cluster, as the agent or as somebody else. */
export function makeRequest({ api, log, onAnswer }: MakeRequestOptions): Method {
  return async (call) => {
    const startedAt = performance.now();
    const parts = requestParts(call.messages);
    const first = await parts.next();
    if (first.done || first.value.case !== 'header') throw new ProtocolError('a request has no header');
    const head = readRequestHead(first.value.value);
    if (head.impersonate && api.impersonates)
      throw new ConnectError(
        'the agent itself is impersonating somebody: it can make no request as somebody else',
        Code.FailedPrecondition,
      );
    let status = 0;
    try {
      await new Exchange(api, head, parts, call).run((code) => {
        status = code;
      });
    } finally {
      onAnswer(status);
      log.debug('Request through a tunnel', {
        method: head.method,
        path: head.path,
        code: status,
        duration_ms: Math.round(performance.now() - startedAt),
      });
    }
  };
}
