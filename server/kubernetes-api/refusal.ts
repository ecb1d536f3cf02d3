import { Code, ConnectError } from '@connectrpc/connect';
import { LostError, NotBegunError } from '../tunnels/tunnel.ts';

/** Why a request is not carried to the cluster, as a person is told. */
export class Refusal extends Error {
  /** Of HTTP. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const STATUS: Partial<Record<Code, number>> = {
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.FailedPrecondition]: 403,
  [Code.NotFound]: 404,
  [Code.InvalidArgument]: 400,
  [Code.ResourceExhausted]: 429,
  [Code.Unavailable]: 503,
  [Code.DeadlineExceeded]: 504,
};

/** Whether it is a mistake of ours, and not of somebody else's. */
export function isUnexpected(error: unknown): boolean {
  return [Refusal, ConnectError, LostError, NotBegunError].every((kind) => !(error instanceof kind));
}

/** What is unexpected, the person is told no more of than that. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof LostError) return new Refusal(503, error.message);
  if (error instanceof NotBegunError) return new Refusal(503, 'the agent takes no calls');
  if (error instanceof ConnectError) return new Refusal(STATUS[error.code] ?? 502, error.rawMessage);
  return new Refusal(500, 'internal error');
}

/** `metav1.StatusReason` by the code. */
const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'Timeout',
  413: 'RequestEntityTooLarge',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** As a whole answer: Kubernetes' `Status`, which kubectl shows. `more`: headers. */
export function statusAnswer(
  { status, message }: Refusal,
  more: Readonly<Record<string, string>> = {},
): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `GitLab Agent Server: ${message}`,
    reason: REASONS[status] ?? '',
    code: status,
  });
  return {
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Tells it from the cluster's own.
      ...(status === 401 && { 'gitlab-unauthorized': 'true' }),
      ...(status === 429 && { 'retry-after': '30' }),
      ...more,
    },
    body,
  };
}
